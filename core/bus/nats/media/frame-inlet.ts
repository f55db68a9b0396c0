import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';

import type { Logger } from '../../../runtime/log.ts';
import { FrameAssembler, type FrameAssemblerOptions } from './frame-assembler.ts';
import { guarded } from './guarded.ts';
import { readMessage, type NumberedFrame } from './message.ts';

/** What a {@link FrameInlet} builds on. */
export type FrameInletDeps = FrameAssemblerOptions & {
  /** Connections that bring the same frames, one at least. */
  readonly lines: readonly NatsConnection[];
  readonly subject: string;
  readonly log: Logger;
  /** Called with each frame once. */
  readonly frame: (frame: NumberedFrame) => void;
};

/** A line: its pieces are joined apart from the others', which may be ahead. */
type Line = { readonly connection: NatsConnection; readonly assembler: FrameAssembler; subscription: Subscription | undefined };

/** Writers of a track that are remembered. */
const MAX_RUNS = 8;

/**
 * A track's frames as they are written, over every line: each comes by the line that brings it first. As every line keeps the order, so do the first comers; a line on
 * which a lost packet holds everything up holds up nothing.
 */
export class FrameInlet {
  readonly #deps: FrameInletDeps;
  readonly #lines: readonly Line[];
  /** Number of each writer's newest frame. */
  readonly #newest = new Map<number, number>();

  constructor(deps: FrameInletDeps) {
    this.#deps = deps;
    this.#lines = deps.lines.map((connection) => ({ connection, assembler: new FrameAssembler(deps), subscription: undefined }));
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

  /** Idempotent. */
  close(): void {
    for (const line of this.#lines) {
      if (!line.connection.isClosed()) {
        line.subscription?.unsubscribe();
      }
      line.subscription = undefined;
    }
    this.clear();
  }

  /** Forgets what is not whole, and what came: somebody asks for what is missing. */
  clear(): void {
    this.#newest.clear();
    this.#lines.forEach(({ assembler }) => assembler.clear());
  }

  /** Drops pieces whose rest does not come. To be called about once a second. */
  sweep(): void {
    this.#lines.forEach(({ assembler }) => assembler.sweep());
  }

  #receive({ assembler }: Line, message: Msg): void {
    const read = readMessage(message.data);
    if (read?.kind !== 'frame') {
      this.#deps.damaged();
      return;
    }
    const frame = assembler.push(read);
    if (frame !== undefined && this.#isFirst(frame)) {
      this.#deps.frame(frame);
    }
  }

  #isFirst({ run, number }: NumberedFrame): boolean {
    const newest = this.#newest.get(run);
    if (newest !== undefined && number <= newest) {
      return false;
    }
    this.#newest.delete(run);
    this.#newest.set(run, number);
    const oldest = this.#newest.keys().next().value;
    if (this.#newest.size > MAX_RUNS && oldest !== undefined) {
      this.#newest.delete(oldest);
    }
    return true;
  }
}
