import { gridGroup, MAX_GROUP_SECONDS, MIN_GROUP_SECONDS, type Grouping } from '#core/media/grouping.ts';
import { VIDEO_TIMESCALE, type Ticks } from '#core/media/time.ts';

import type { VideoStamp } from './video-stamps.ts';

const MIN_GROUP = MIN_GROUP_SECONDS * VIDEO_TIMESCALE;
const MAX_GROUP = MAX_GROUP_SECONDS * VIDEO_TIMESCALE;
/** Starts remembered for audio that comes late. */
const REMEMBERED = 8;

/** The group of a video frame, and whether it was cut off its predecessor for want of a key frame. */
export type VideoPlace = { readonly group: number; readonly cut: boolean };

/** Divides an epoch into groups. Times are 90 kHz ticks of the broadcast's timeline. */
export interface Groups {
  /** The group of the next video frame in decoding order. */
  video(stamp: VideoStamp, key: boolean): VideoPlace;
  /** The group of audio that starts at `pts`; undefined while a video frame yet to come may decide otherwise. */
  audio(pts: number): number | undefined;
  /** The group of audio that can wait no longer. */
  audioNow(pts: number): number;
  /** The group of a layer's frame that can wait no longer: a layer begins no group. */
  layerNow(pts: number): number;
}

/** Groups that start at whole seconds of the timeline: a pure function of pts, so nothing ever waits. */
export class GridGroups implements Groups {
  readonly #grid: Extract<Grouping, { mode: 'grid' }>;
  #group: number;

  constructor(grid: Extract<Grouping, { mode: 'grid' }>) {
    this.#grid = grid;
    this.#group = grid.firstGroup;
  }

  video(stamp: VideoStamp, _key: boolean): VideoPlace {
    // Decoding order decides: a B frame shown before the second, but decoded after the group began, belongs to the group.
    this.#group = Math.max(this.#group, gridGroup(this.#grid, stamp.pts, VIDEO_TIMESCALE));
    return { group: this.#group, cut: false };
  }

  audio(pts: number): number {
    return Math.max(this.#grid.firstGroup, gridGroup(this.#grid, pts as Ticks, VIDEO_TIMESCALE));
  }

  audioNow(pts: number): number {
    return this.audio(pts);
  }

  layerNow(pts: number): number {
    return this.audio(pts);
  }
}

/** Groups that start at the source's key frames, and are cut where none comes in time. */
export class SourceGroups implements Groups {
  readonly #firstGroup: number;
  /** Starts of the newest groups, oldest first. */
  #starts: { readonly group: number; readonly at: number }[] = [];
  #videoGroup: number;
  /** No video frame yet to come is shown before this. */
  #horizon = -Infinity;

  constructor(firstGroup: number) {
    this.#firstGroup = firstGroup;
    this.#videoGroup = firstGroup;
  }

  video(stamp: VideoStamp, key: boolean): VideoPlace {
    const newest = this.#starts[this.#starts.length - 1];
    let cut = false;
    if (!newest) {
      this.#start(this.#firstGroup, stamp.pts);
    } else if (key && stamp.pts - newest.at >= MIN_GROUP) {
      this.#start(newest.group + 1, stamp.pts);
    } else if (stamp.pts + stamp.duration - newest.at > MAX_GROUP) {
      cut = true;
      this.#start(newest.group + 1, stamp.pts);
    }
    this.#horizon = stamp.dts + stamp.duration;
    this.#videoGroup = Math.max(this.#videoGroup, this.#groupAt(stamp.pts));
    return { group: this.#videoGroup, cut };
  }

  audio(pts: number): number | undefined {
    const newest = this.#starts[this.#starts.length - 1];
    const decided = newest !== undefined && (pts < newest.at + MIN_GROUP || pts < this.#horizon);
    return decided ? this.#groupAt(pts) : undefined;
  }

  audioNow(pts: number): number {
    let newest = this.#starts[this.#starts.length - 1];
    if (!newest) {
      newest = this.#start(this.#firstGroup, pts);
    }
    // Video is missing: sound alone keeps segments within the target duration.
    while (pts >= newest.at + MAX_GROUP) {
      newest = this.#start(newest.group + 1, newest.at + MAX_GROUP);
    }
    return this.#groupAt(pts);
  }

  layerNow(pts: number): number {
    return this.#groupAt(pts);
  }

  #start(group: number, at: number): { readonly group: number; readonly at: number } {
    const start = { group, at };
    this.#starts.push(start);
    if (this.#starts.length > REMEMBERED) {
      this.#starts.shift();
    }
    return start;
  }

  #groupAt(pts: number): number {
    return this.#starts.findLast((start) => start.at <= pts)?.group ?? this.#starts[0]?.group ?? this.#firstGroup;
  }
}
