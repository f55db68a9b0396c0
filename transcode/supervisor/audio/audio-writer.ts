import type { TrackProducer } from '#core/bus/bus.ts';
import { EventRider } from '#core/media/event-trail.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import { addTicks, rescale, ticks, VIDEO_TIMESCALE, type Ticks } from '#core/media/time.ts';
import { configIdOf, type ConfigId } from '#core/media/track.ts';
import type { AudioEncode } from '../../plan/audio.ts';
import type { RungCounts } from '../to-bus.ts';
import type { AudioGroups } from './audio-groups.ts';

/** Where encoded sound goes. */
export type AudioWriterOptions = {
  readonly broadcast: BroadcastId;
  readonly epoch: number;
  readonly fence: number;
  readonly encode: AudioEncode;
  readonly groups: AudioGroups;
  readonly producer: Pick<TrackProducer, 'write'>;
  /** Groups up to this one are another transcoder's. */
  readonly after?: number | undefined;
};

type Waiting = { readonly pts: Ticks; readonly data: Uint8Array };

/** Frames that may wait for their group: far more than the 100 ms after which it is decided anyway. */
const MAX_WAITING = 64;

/** Gives encoded sound its place: group, wall time and messages by pts, index by counting. */
export class AudioWriter {
  readonly #options: AudioWriterOptions;
  readonly #config: ConfigId;
  readonly #waiting: Waiting[] = [];
  readonly #events: EventRider;
  #end: Ticks | undefined;
  #group = -1;
  #index = 0;
  #frames = 0;
  /** This group and later ones are another transcoder's. */
  #before = Infinity;
  #droppedFrames = 0;

  constructor(options: AudioWriterOptions) {
    this.#options = options;
    this.#config = configIdOf(options.encode.config);
    this.#events = new EventRider(options.groups.events);
  }

  /** End of the last frame that was taken; undefined before the first. */
  get end(): Ticks | undefined {
    return this.#end;
  }

  get counts(): RungCounts {
    return { frames: this.#frames, droppedFrames: this.#droppedFrames, lostGroups: 0 };
  }

  /**
   * Takes a frame; one that was given out before is dropped.
   *
   * @throws {MillraceError} `bus/fenced` where another transcoder has taken over.
   */
  write(pts: Ticks, data: Uint8Array): void {
    const { frameDuration } = this.#options.encode.config;
    // The encoder's clock is in samples too; whatever its time base makes of them, frames lie on their grid.
    const exact = ticks(Math.round(pts / frameDuration) * frameDuration);
    if (this.#end !== undefined && exact < this.#end) {
      this.#droppedFrames += 1;
      return;
    }
    this.#end = addTicks(exact, ticks(frameDuration));
    this.#waiting.push({ pts: exact, data });
    if (this.#waiting.length > MAX_WAITING) {
      this.#writeOldest(this.#options.groups.lastGroupAt(exact));
    }
    this.settle();
  }

  /** Leaves this group and later ones to another transcoder. */
  endBefore(group: number): void {
    this.#before = group;
  }

  /** Writes what only waited for its group. Called when something came that may decide it. */
  settle(): void {
    for (let oldest = this.#waiting[0]; oldest !== undefined; oldest = this.#waiting[0]) {
      const group = this.#options.groups.groupAt(oldest.pts);
      if (group === undefined) {
        return;
      }
      this.#writeOldest(group);
    }
  }

  /** Writes what still waits: nothing comes any more that could decide better. */
  flush(): void {
    while (this.#waiting.length > 0) {
      this.#writeOldest(this.#options.groups.lastGroupAt(this.#waiting[0]?.pts ?? ticks(0)));
    }
  }

  #writeOldest(decided: number | undefined): void {
    const { broadcast, epoch, fence, encode, groups, producer } = this.#options;
    const oldest = this.#waiting.shift();
    // Groups never go back, as at ingest.
    const group = Math.max(this.#group, decided ?? -1);
    const wallTime = oldest === undefined ? undefined : groups.wallTimeOf(group, oldest.pts);
    const isAnothers = group <= (this.#options.after ?? -1) || group >= this.#before;
    if (oldest === undefined || wallTime === undefined || isAnothers) {
      this.#droppedFrames += 1;
      return;
    }
    const begins = group > this.#group;
    this.#index = begins ? 0 : this.#index + 1;
    this.#group = group;
    const { timescale, frameDuration } = encode.config;
    const inEventTime = (pts: Ticks): Ticks => rescale(pts, timescale, VIDEO_TIMESCALE);
    const events = this.#events.take(inEventTime(oldest.pts), inEventTime(addTicks(oldest.pts, ticks(frameDuration))));
    const frame: Frame = {
      broadcast,
      epoch,
      fence,
      track: encode.track,
      group,
      index: this.#index,
      pts: oldest.pts,
      dts: oldest.pts,
      duration: ticks(frameDuration),
      key: true,
      config: this.#config,
      data: oldest.data,
      ...(begins ? { head: { config: encode.config, wallTime } } : {}),
      ...(events === undefined ? {} : { events }),
    };
    producer.write(frame);
    this.#frames += 1;
  }
}
