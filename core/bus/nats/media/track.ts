import type { NatsConnection } from '@nats-io/transport-node';

import type { BroadcastId } from '../../../media/frame.ts';
import type { TrackName } from '../../../media/track.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { ConsumeOptions, TrackConsumer, TrackProducer } from '../../bus.ts';
import { LocalTrack } from '../../local/track.ts';
import { BacklogOrigin } from './backlog-origin.ts';
import type { MediaCounters } from './counters.ts';
import type { Inbox } from './inbox.ts';
import type { Outlet } from './outlet.ts';
import { TrackReader } from './track-reader.ts';
import { TrackWriter } from './track-writer.ts';

/** What all tracks of a process share. */
export type NatsTrackDeps = {
  /** By which frames go out, and questions and answers both ways. */
  readonly connection: NatsConnection;
  /** By which frames come: that connection, and more that bring the same. */
  readonly lines: readonly NatsConnection[];
  readonly log: Logger;
  /** Of this process, random: who has its number has its frames. */
  readonly run: number;
  readonly inbox: Inbox;
  readonly outlet: Outlet;
  readonly counters: MediaCounters;
};

/**
 * A track of a broadcast in one process. Its heart is the track that a bus in one process has: what is written here goes to readers here by reference, in the same
 * turn, and only then to NATS; what is written elsewhere comes in as though it were written here.
 */
export class NatsTrack {
  readonly #local = new LocalTrack();
  readonly #reader: TrackReader;
  readonly #writer: TrackWriter;
  readonly #origin: BacklogOrigin;
  #producers = 0;
  #isEnded = false;

  constructor(broadcast: BroadcastId, track: TrackName, deps: NatsTrackDeps, left: () => void) {
    const subjects = { frames: `millrace.f.${broadcast}.${track}`, backlog: `millrace.b.${broadcast}.${track}` };
    const shared = { ...deps, local: this.#local };
    this.#writer = new TrackWriter({ ...deps, subject: subjects.frames });
    this.#origin = new BacklogOrigin({ ...shared, subject: subjects.backlog });
    this.#reader = new TrackReader({
      ...shared,
      broadcast,
      track,
      subjects,
      isWrittenHere: () => this.#producers > 0 && this.#origin.isFresh,
      left: () => {
        this.#forget();
        left();
      },
    });
  }

  /** True where nothing was written or read that is worth remembering. */
  get isIdle(): boolean {
    return this.#producers === 0 && this.#reader.isIdle && this.#local.here.written === 0 && this.#local.fence === 0;
  }

  produce(fence: number): TrackProducer {
    const producer = this.#local.open(fence);
    let isOpen = true;
    this.#producers += 1;
    return {
      write: (frame) => {
        this.#reader.beforeLocalWrite();
        const number = this.#local.here.written;
        const isNew = producer.write(frame);
        if (this.#local.here.written > number && !this.#isEnded) {
          this.#origin.written();
          this.#writer.write(frame, number);
        }
        return isNew;
      },
      close: () => {
        producer.close();
        this.#producers -= isOpen ? 1 : 0;
        isOpen = false;
        if (this.#producers === 0) {
          this.#origin.released();
        }
      },
    };
  }

  consume(options: ConsumeOptions): TrackConsumer {
    return this.#reader.consume(options);
  }

  /** The broadcast has ended. */
  end(): void {
    this.#isEnded = true;
    this.#reader.end();
  }

  disconnected(): void {
    this.#origin.disconnected();
    this.#writer.clear();
    this.#reader.disconnected();
  }

  reconnected(): void {
    const newest = this.#local.groups.at(-1);
    const frame = newest?.origin === this.#local.here ? newest.frames.at(-1) : undefined;
    if (frame !== undefined && !this.#isEnded) {
      // Readers who stayed connected see by its number what they missed, though nothing follows for a while.
      this.#writer.write(frame, this.#local.here.written - 1);
    }
    this.#reader.reconnected();
  }

  sweep(): void {
    this.#reader.sweep();
  }

  close(): void {
    this.#isEnded = true;
    this.#reader.close();
    this.#origin.close();
    this.#writer.clear();
    this.#local.destroy();
  }

  /** Nobody reads any more: what others wrote is not kept up to date, so it is not kept. */
  #forget(): void {
    if (this.#local.here.written === 0) {
      this.#local.forget();
    }
  }
}
