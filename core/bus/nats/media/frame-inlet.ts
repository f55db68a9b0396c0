import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';

import type { Logger } from '../../../runtime/log.ts';
import { FrameAssembler, type FrameAssemblerOptions } from './frame-assembler.ts';
import { guarded } from './guarded.ts';
import { readMessage, type Message, type NumberedFrame } from './message.ts';

/** What a {@link FrameInlet} builds on. */
export type FrameInletDeps = FrameAssemblerOptions & {
  /** Connections that bring the same frames, one at least. */
  readonly lines: readonly Pick<NatsConnection, 'subscribe' | 'isClosed'>[];
  readonly subject: string;
  /** Of this process: a connection does not bring what itself sent, the others do. */
  readonly run: number;
  readonly log: Logger;
  /** Called with each frame once. */
  readonly frame: (frame: NumberedFrame) => void;
};

/** A line: its pieces are joined apart from the others', which may be ahead. */
type Line = {
  readonly connection: FrameInletDeps['lines'][number];
  readonly assembler: FrameAssembler;
  subscription: Subscription | undefined;
  /** Number of the newest frame that it brought, of the writer whom it brought last, and when, by the monotonic clock. */
  at: { readonly run: number; readonly number: number; readonly since: number } | undefined;
};

/** Writers of a track that are remembered. */
const MAX_RUNS = 8;
/** A line that brought something so lately may bring what another left out. */
const IN_STEP = 1000;

/**
 * A track's frames as they are written, over every line: each comes by the line that brings it first. As every line keeps the order, so do the first comers; a line on
 * which a lost packet holds everything up holds up nothing. What a line left out while it was away is left to the lines that were not.
 */
export class FrameInlet {
  readonly #deps: FrameInletDeps;
  readonly #lines: readonly Line[];
  /** Number of each writer's newest frame. */
  readonly #newest = new Map<number, number>();

  constructor(deps: FrameInletDeps) {
    this.#deps = deps;
    // Of several lines one may have stopped within a frame that another brought: a number that is missing tells where none did.
    const torn = deps.lines.length > 1 ? () => undefined : deps.damaged;
    this.#lines = deps.lines.map((connection) => ({ connection, assembler: new FrameAssembler({ ...deps, torn }), subscription: undefined, at: undefined }));
  }

  get isOpen(): boolean {
    return this.#lines.some(({ subscription }) => subscription !== undefined);
  }

  /** Idempotent. */
  open(): void {
    for (const line of this.#lines) {
      line.subscription ??= line.connection.subscribe(this.#deps.subject, {
        callback: guarded(this.#deps.log, (message) => this.#receive(line, message)),
      });
    }
  }

  /** Forgets everything. Idempotent. */
  close(): void {
    for (const line of this.#lines) {
      if (!line.connection.isClosed()) {
        line.subscription?.unsubscribe();
      }
      line.subscription = undefined;
      forget(line);
    }
    this.#newest.clear();
  }

  /** The first line is lost: nobody will send the rest of what it began, and what it left out is asked for where no other brings it. */
  disconnected(): void {
    this.#lines.slice(0, 1).forEach(forget);
    if (this.#lines.length === 1) {
      this.#newest.clear();
    }
  }

  /** Drops pieces whose rest does not come. To be called about once a second. */
  sweep(): void {
    this.#lines.forEach(({ assembler }) => assembler.sweep());
  }

  #receive(line: Line, message: Msg): void {
    const read = readMessage(message.data);
    if (read?.kind !== 'frame') {
      this.#deps.damaged();
      return;
    }
    if (read.run === this.#deps.run) {
      return;
    }
    if (read.piece === 0 && this.#isDouble(read)) {
      // Its other pieces, if there are any, begin nothing.
      line.at = { run: read.run, number: read.number, since: performance.now() };
      return;
    }
    const frame = line.assembler.push(read);
    if (frame === undefined) {
      return;
    }
    line.at = { run: frame.run, number: frame.number, since: performance.now() };
    if (!this.#isDouble(frame) && !this.#isLeftToOthers(line, frame)) {
      this.#remember(frame);
      this.#deps.counters.in.frames += 1;
      this.#deps.frame(frame);
    }
  }

  #isDouble({ run, number }: Pick<Message, 'run' | 'number'>): boolean {
    const newest = this.#newest.get(run);
    return newest !== undefined && number <= newest;
  }

  /** True where frames are missing before this one that another line is about to bring, and this one behind them. */
  #isLeftToOthers(line: Line, { run, number, isAfterDrop }: NumberedFrame): boolean {
    const newest = this.#newest.get(run);
    if (newest === undefined || number === newest + 1 || isAfterDrop) {
      return false;
    }
    const lately = performance.now() - IN_STEP;
    return this.#lines.some(({ at, subscription }) => at !== line.at && subscription !== undefined && at?.run === run && at.number < number && at.since > lately);
  }

  #remember({ run, number }: NumberedFrame): void {
    this.#newest.delete(run);
    this.#newest.set(run, number);
    const oldest = this.#newest.keys().next().value;
    if (this.#newest.size > MAX_RUNS && oldest !== undefined) {
      this.#newest.delete(oldest);
    }
  }
}

function forget(line: Line): void {
  line.at = undefined;
  line.assembler.clear();
}
