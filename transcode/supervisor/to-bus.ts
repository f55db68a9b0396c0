import type { TrackProducer } from '#core/bus/bus.ts';
import { EventRider } from '#core/media/event-trail.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import { addTicks, subTicks, ticks, type Ticks } from '#core/media/time.ts';
import type { EncodedRung } from '../plan/encoded-rung.ts';
import type { EncodedConfig, EncodedPicture } from './encoded-picture.ts';
import type { RungCursor } from './replay.ts';
import type { GroupStart, SourceTimeline } from './source-timeline.ts';

/** Where a rung's frames go. */
export type RungWriterOptions = {
  readonly broadcast: BroadcastId;
  readonly epoch: number;
  readonly fence: number;
  readonly rung: EncodedRung;
  readonly timeline: SourceTimeline;
  readonly producer: Pick<TrackProducer, 'write'>;
  /** Groups up to this one are another transcoder's. */
  readonly after?: number | undefined;
};

/** What a rung has given out and lost. */
export type RungCounts = { readonly frames: number; readonly droppedFrames: number; readonly lostGroups: number };

type Waiting = { readonly picture: EncodedPicture; readonly config: EncodedConfig };

/** Pictures that may wait for their duration: as many as a thinned rung has within the reorder limit. */
const MAX_WAITING = 64;

/**
 * Gives one rung's encoded pictures their place: group, wall time and messages from the source by pts, index by counting. A group
 * that does not begin exactly where the source's does, with a key frame, is left out whole: same cut or none.
 */
export class RungWriter {
  readonly #options: RungWriterOptions;
  readonly #slot: Ticks | undefined;
  readonly #waiting: Waiting[] = [];
  readonly #events: EventRider;
  /** The group that is being written. */
  #group = -1;
  #index = 0;
  /** The group that is being left out. */
  #skipped = -1;
  #end: Ticks | undefined;
  /** This group and later ones are another transcoder's. */
  #before = Infinity;
  #counts = { frames: 0, droppedFrames: 0, lostGroups: 0 };

  constructor(options: RungWriterOptions) {
    this.#options = options;
    this.#events = new EventRider(options.timeline.events);
    this.#slot = options.rung.rate.constantRate === undefined ? undefined : ticks(options.rung.rate.frameDuration);
  }

  /** Where the rung stands, for a replay. */
  get cursor(): RungCursor {
    const { track } = this.#options.rung;
    return { track, ...(this.#end === undefined ? {} : { end: this.#end }), ...(this.#slot === undefined ? {} : { slot: this.#slot }) };
  }

  get counts(): RungCounts {
    return { ...this.#counts };
  }

  /**
   * Takes a picture in presentation order.
   *
   * @throws {MillraceError} `bus/fenced` where another transcoder has taken over.
   */
  write(picture: EncodedPicture, config: EncodedConfig): void {
    this.#waiting.push({ picture, config });
    if (this.#waiting.length > MAX_WAITING) {
      this.#writeOldest(this.#nominal);
    }
    this.settle();
  }

  /** Leaves this group and later ones to another transcoder. */
  endBefore(group: number): void {
    this.#before = group;
  }

  /** Writes what only waited for the source to show how long it lasts. Called when a source frame came. */
  settle(): void {
    for (let oldest = this.#waiting[0]; oldest !== undefined; oldest = this.#waiting[0]) {
      const duration = this.#durationOf(oldest.picture.pts);
      if (duration === undefined) {
        return;
      }
      this.#writeOldest(duration);
    }
  }

  /** Writes what still waits, with the nominal duration: no more source frames will come. */
  flush(): void {
    while (this.#waiting.length > 0) {
      this.#writeOldest(this.#durationOf(this.#waiting[0]?.picture.pts ?? ticks(0)) ?? this.#nominal);
    }
  }

  get #nominal(): Ticks {
    return ticks(this.#options.rung.rate.frameDuration);
  }

  #durationOf(pts: Ticks): Ticks | undefined {
    return this.#slot ?? this.#options.timeline.durationAt(pts, this.#options.rung.rate.divisor);
  }

  #writeOldest(duration: Ticks): void {
    const oldest = this.#waiting.shift();
    if (oldest !== undefined) {
      this.#place(oldest.picture, oldest.config, duration);
    }
  }

  #place(picture: EncodedPicture, config: EncodedConfig, duration: Ticks): void {
    const group = this.#options.timeline.groupAt(picture.pts);
    const repeated = this.#end !== undefined && picture.pts < subTicks(this.#end, ticks(duration / 2));
    if (group === undefined || group < this.#group || repeated || group === this.#skipped || this.#isAnothers(group)) {
      this.#counts.droppedFrames += 1;
      return;
    }
    if (group === this.#group) {
      this.#write(picture, config, duration);
      return;
    }
    const start = this.#options.timeline.startOf(group, this.#slot);
    if (start === undefined || start.pts !== picture.pts || (start.key && !picture.key)) {
      this.#skipped = group;
      this.#counts.lostGroups += 1;
      this.#counts.droppedFrames += 1;
      return;
    }
    this.#group = group;
    this.#index = 0;
    this.#write(picture, config, duration, start);
  }

  #isAnothers(group: number): boolean {
    return group >= this.#before || group <= (this.#options.after ?? -1);
  }

  #write(picture: EncodedPicture, config: EncodedConfig, duration: Ticks, start?: GroupStart): void {
    const { broadcast, epoch, fence, rung, producer } = this.#options;
    const end = addTicks(picture.pts, duration);
    const events = this.#events.take(picture.pts, end);
    const frame: Frame = {
      broadcast,
      epoch,
      fence,
      track: rung.track,
      group: this.#group,
      index: this.#index,
      pts: picture.pts,
      dts: picture.pts,
      duration,
      key: picture.key,
      config: config.id,
      data: picture.data,
      ...(start === undefined ? {} : { head: { config: config.config, wallTime: start.wallTime } }),
      ...(events === undefined ? {} : { events }),
    };
    producer.write(frame);
    this.#index += 1;
    this.#end = end;
    this.#counts.frames += 1;
  }
}
