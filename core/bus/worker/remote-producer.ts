import { compareFrames, type Frame } from '../../media/frame.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { TrackProducer } from '../bus.ts';
import type { BusReport } from './messages.ts';
import { sharedBytes } from './shared-bytes.ts';

/** Frames and bytes that may be on their way to the bus. Beyond them whole groups are dropped: the other thread stands still. */
const MAX_UNDER_WAY_FRAMES = 1024;
const MAX_UNDER_WAY_BYTES = 32 * 1024 * 1024;

/** What this thread knows of a track that it writes to: doubles and lower fences are seen without asking. */
export type RemoteTrack = { users: number; fence: number; last: Frame | undefined; readonly unused: () => void };

/** What a producer asks of its bus. */
export type RemoteProducerEvents = { readonly write: (frame: Frame) => void; readonly closed: () => void };

/** Writes to a track of another thread's bus. */
export class RemoteProducer implements TrackProducer {
  readonly #track: RemoteTrack;
  readonly #events: RemoteProducerEvents;
  #underWay = { frames: 0, bytes: 0 };
  #dropping = false;
  #fencedBy: Readonly<Record<string, unknown>> | undefined;
  #isClosed = false;

  constructor(track: RemoteTrack, fence: number, events: RemoteProducerEvents) {
    this.#track = track;
    this.#events = events;
    track.users += 1;
    track.fence = Math.max(track.fence, fence);
  }

  /** Called by the bus. */
  receive(report: BusReport): void {
    if (report.tell === 'written') {
      this.#underWay.frames -= report.frames;
      this.#underWay.bytes -= report.bytes;
    } else if (report.tell === 'fenced') {
      this.#fencedBy = report.details;
    } else if (report.tell === 'refused') {
      this.close();
    }
  }

  write(frame: Frame): boolean {
    if (this.#isClosed) {
      throw new MillraceError('bus/closed', 'the track producer is closed');
    }
    const { fence, last } = this.#track;
    if (frame.fence < fence || this.#fencedBy !== undefined) {
      throw new MillraceError('bus/fenced', 'another writer has taken this track over', {
        details: this.#fencedBy ?? { track: frame.track, fence: frame.fence, highest: fence },
      });
    }
    this.#track.fence = frame.fence;
    if (last !== undefined && compareFrames(frame, last) <= 0) {
      return false;
    }
    this.#track.last = frame;
    this.#send(frame);
    return true;
  }

  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#events.closed();
    this.#track.users -= 1;
    if (this.#track.users === 0) {
      this.#track.unused();
    }
  }

  #send(frame: Frame): void {
    const { frames, bytes } = this.#underWay;
    const isFull = frames >= MAX_UNDER_WAY_FRAMES || bytes >= MAX_UNDER_WAY_BYTES;
    this.#dropping = isFull || (this.#dropping && frame.index !== 0);
    if (!this.#dropping) {
      this.#underWay = { frames: frames + 1, bytes: bytes + frame.data.byteLength };
      this.#events.write(sharedBytes.frame(frame));
    }
  }
}
