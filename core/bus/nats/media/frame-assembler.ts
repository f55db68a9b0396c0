import type { BroadcastId } from '../../../media/frame.ts';
import type { TrackName } from '../../../media/track.ts';
import type { MediaCounters } from './counters.ts';
import { Joiner } from './joiner.ts';
import { HEADER_BYTES, readFrame, type Message, type NumberedFrame } from './message.ts';

/** What a {@link FrameAssembler} is told. */
export type FrameAssemblerOptions = {
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  readonly counters: MediaCounters;
  /** Something came that is no frame of this track. */
  readonly damaged: () => void;
  /** A frame's pieces stopped coming. Default: `damaged`. */
  readonly torn?: (() => void) | undefined;
};

/** Makes frames out of the messages of one subject. */
export class FrameAssembler {
  readonly #options: FrameAssemblerOptions;
  readonly #joiner: Joiner;

  constructor(options: FrameAssemblerOptions) {
    this.#options = options;
    this.#joiner = new Joiner(options.torn ?? options.damaged);
  }

  /** Gives a frame with its last piece. */
  push(message: Message): NumberedFrame | undefined {
    const { broadcast, track, counters, damaged } = this.#options;
    counters.in.bytes += HEADER_BYTES + message.payload.byteLength;
    const record = this.#joiner.push(message);
    if (record === undefined) {
      return undefined;
    }
    const frame = readFrame(record, broadcast, track);
    if (frame === undefined) {
      damaged();
      return undefined;
    }
    return { run: message.run, number: message.number, isAfterDrop: message.isAfterDrop, frame };
  }

  /** Drops pieces whose rest does not come. To be called about once a second. */
  sweep(): void {
    this.#joiner.sweep();
  }

  /** Drops all pieces: nobody will send the rest. */
  clear(): void {
    this.#joiner.clear();
  }
}
