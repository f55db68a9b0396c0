import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';

import type { BroadcastWindow } from '../../llhls/broadcast-window.ts';
import type { Decoder } from '../decoder/decoder.ts';
import { pictureOf, type Picture } from '../picture.ts';
import { newestKeyFrame, pictureTracks, type FoundKeyFrame } from './newest-key-frame.ts';

/** What a picture of a stream is made for, and how wide it may be. */
export const LIVE_KINDS = { poster: { maxWidth: 1280 }, thumbnail: { maxWidth: 320 } } as const;

/** A picture of a stream. */
export type LiveKind = keyof typeof LIVE_KINDS;

/** Between two decodes for one stream and kind. */
export const DECODE_INTERVAL = millis(5000);

/** Options of a {@link Slot}. */
export type SlotOptions = {
  readonly kind: LiveKind;
  readonly decoder: Decoder;
  readonly clock: Clock;
  /** Told of a picture that could not be made. */
  readonly failed: (error: unknown, track: TrackName) => void;
};

/** One stream's picture of one kind: the newest that was made. */
export class Slot {
  readonly #options: SlotOptions;
  /** Renditions whose newest key frame could not be decoded: the next try takes another. */
  readonly #bad = new Set<TrackName>();
  #made: { readonly picture: Picture; readonly broadcast: BroadcastId; readonly at: WallTime } | undefined;
  #source: string | undefined;
  #startedAt: WallTime | undefined;
  #running: Promise<void> | undefined;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** The newest picture, the broadcast it is of, and when its decode began. */
  get made(): { readonly picture: Picture; readonly broadcast: BroadcastId; readonly at: WallTime } | undefined {
    return this.#made;
  }

  /** Settles when the decode that runs has ended, well or not; undefined while none runs. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** Asks for the rendition that suits best. */
  want(window: BroadcastWindow): void {
    const track = this.#ordered(window)[0];
    if (track !== undefined) {
      window.renditions.get(track)?.want();
    }
  }

  /** Begins a decode where the last one began long enough ago and there is a newer key frame than its. */
  refresh(window: BroadcastWindow): void {
    const { clock } = this.#options;
    const now = clock();
    if (this.#running !== undefined || (this.#startedAt !== undefined && elapsed(this.#startedAt, now) < DECODE_INTERVAL)) {
      return;
    }
    const found = this.#find(window);
    const source = found === undefined ? undefined : `${window.info.broadcast}/${found.track}/${found.group}`;
    if (found === undefined || source === this.#source) {
      return;
    }
    this.#startedAt = now;
    this.#running = this.#decode(found, window.info.broadcast, now).then((isMade) => {
      this.#source = isMade ? source : this.#source;
      this.#running = undefined;
    });
  }

  /** Renditions with the one first that suits best: the best for a poster, the smallest for a thumbnail. */
  #ordered(window: BroadcastWindow): TrackName[] {
    const tracks = pictureTracks(window).filter((track) => !this.#bad.has(track));
    return this.#options.kind === 'poster' ? tracks : tracks.toReversed();
  }

  /** The newest key frame of the rendition that suits best, of those that are there. */
  #find(window: BroadcastWindow): FoundKeyFrame | undefined {
    const found = this.#ordered(window).flatMap((track) => newestKeyFrame(window, track) ?? [])[0];
    if (found === undefined) {
      this.#bad.clear();
    }
    return found;
  }

  async #decode({ frame, track }: FoundKeyFrame, broadcast: BroadcastId, at: WallTime): Promise<boolean> {
    const { kind, decoder, failed } = this.#options;
    try {
      const bytes = await decoder.make({ kind, urgent: true, shape: { kind: 'single', ...LIVE_KINDS[kind] }, frames: () => [frame] });
      this.#made = { picture: pictureOf(bytes), broadcast, at };
      return true;
    } catch (error) {
      this.#bad.add(track);
      failed(error, track);
      return false;
    }
  }
}
