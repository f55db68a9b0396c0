import type { Frame } from '#core/media/frame.ts';
import { gridSecond, type Grouping } from '#core/media/grouping.ts';
import { addTicks, later, millis, rescale, ticks, ticksToMillis, VIDEO_TIMESCALE, type Millis, type Ticks, type WallTime } from '#core/media/time.ts';
import { trackName, type AudioConfig, type VideoConfig } from '#core/media/track.ts';

import { AudioStamps } from './audio-stamps.ts';
import type { Rate } from './frame-rate.ts';
import type { EpochGrant } from './grant.ts';
import { GridGroups, SourceGroups, type Groups } from './groups.ts';
import type { Placement } from './placement.ts';
import type { TimedSample } from './sample.ts';
import { TrackWriter } from './track-writer.ts';
import { GridStamps, VariableStamps, type VideoStamps } from './video-stamps.ts';
import { WallEstimate } from './wall-estimate.ts';

/** Audio waits at most this long for the video that decides its group (ADR 0001, rule 3). */
const AUDIO_WAIT = millis(100);
/** Audio that waits, at most: 100 ms are five frames of AAC. */
const MAX_WAITING = 64;
/** A group that was cut after a pause in the video was not cut for want of key frames. */
const PAUSE = 1000;

/** An epoch's plan. */
export type EpochPlan = {
  readonly grant: EpochGrant;
  readonly video?: { readonly config: VideoConfig; readonly rate?: Rate; readonly frameRate: number };
  readonly audio?: { readonly config: AudioConfig };
  readonly grid: boolean;
  readonly place: Placement;
  /** Presentation minus decoding time of the first frame. */
  readonly firstOffset: Ticks;
  /** The wall time's estimate of the epoch before, where the same publisher goes on. */
  readonly wall?: WallEstimate;
  readonly out: (frame: Frame) => void;
};

/** Turns an epoch's samples into frames: times, groups, heads. Gives each out in the turn in which its group is known. */
export class Epoch {
  readonly grouping: Grouping;
  readonly #plan: EpochPlan;
  readonly #groups: Groups;
  readonly #wall: WallEstimate;
  readonly #videoStamps: VideoStamps | undefined;
  readonly #audioStamps: AudioStamps | undefined;
  readonly #video: TrackWriter | undefined;
  readonly #audio: TrackWriter | undefined;
  readonly #waiting: { readonly sample: TimedSample; readonly pts: Ticks }[] = [];
  #lastVideo = -Infinity;
  #longGop = false;

  constructor(plan: EpochPlan) {
    this.#plan = plan;
    this.#wall = plan.wall ?? new WallEstimate();
    const { grant, video, audio } = plan;
    const { first, base } = plan.place;
    const start = addTicks(first, plan.firstOffset);
    if (video) {
      this.#videoStamps = video.rate
        ? new GridStamps(video.rate, first, base)
        : new VariableStamps(first, VIDEO_TIMESCALE / (video.frameRate || 30));
      this.#video = new TrackWriter(trackName('video'), video.config, grant, plan.out);
    }
    if (audio) {
      const scale = audio.config.timescale;
      this.#audioStamps = new AudioStamps(scale, audio.config.frameDuration, ticks(Math.ceil((start * scale) / VIDEO_TIMESCALE)));
      this.#audio = new TrackWriter(trackName('audio'), audio.config, grant, plan.out);
    }
    this.grouping = plan.grid
      ? { mode: 'grid', firstGroup: grant.firstGroup, firstSecond: gridSecond(start, VIDEO_TIMESCALE) }
      : { mode: 'source' };
    this.#groups = this.grouping.mode === 'grid' ? new GridGroups(this.grouping) : new SourceGroups(grant.firstGroup);
  }

  get has(): { readonly video: boolean; readonly audio: boolean } {
    return { video: this.#video !== undefined, audio: this.#audio !== undefined };
  }

  /** True once a group was cut because its key frame did not come within 2.1 s. */
  get longGop(): boolean {
    return this.#longGop;
  }

  /** True once video no longer is on the epoch's grid of frames. */
  get offGrid(): boolean {
    return this.#videoStamps?.offGrid ?? false;
  }

  /** Audio frames dropped because there was no time for them. */
  get audioDropped(): number {
    return this.#audioStamps?.dropped ?? 0;
  }

  get wall(): WallEstimate {
    return this.#wall;
  }

  get shift(): Millis {
    return this.#plan.place.shift;
  }

  /** Takes arrivals into the wall time's estimate before the first frame is given out. */
  foresee(samples: readonly TimedSample[]): void {
    samples.forEach((sample) => this.#observe(sample));
  }

  /** Takes a sample of a track that the epoch has; others are ignored. */
  take(sample: TimedSample): void {
    this.#observe(sample);
    if (sample.kind === 'video') {
      this.#takeVideo(sample);
      this.#release(sample.arrival);
    } else {
      this.#takeAudio(sample);
    }
  }

  /** Wall time at which {@link tick} has something to do. */
  get deadline(): WallTime | undefined {
    const oldest = this.#waiting[0];
    return oldest && later(oldest.sample.arrival, AUDIO_WAIT);
  }

  /** Gives out the audio that has waited long enough. */
  tick(now: WallTime): void {
    this.#release(now);
  }

  /** Gives out all that waits and begins before `until`; returns the rest, for the epoch that follows. */
  flush(until: Millis): TimedSample[] {
    const rest = this.#waiting.filter(({ sample }) => sample.media >= until).map(({ sample }) => sample);
    this.#waiting.splice(0).forEach(({ sample, pts }) => {
      if (sample.media < until) {
        this.#giveAudio(sample, pts, this.#groups.audioNow(this.#inVideoTicks(pts)));
      }
    });
    return rest;
  }

  #observe(sample: TimedSample): void {
    this.#wall.observe(millis(sample.media + sample.offset + this.#plan.place.shift), sample.arrival);
  }

  #takeVideo(sample: TimedSample): void {
    if (!this.#video || !this.#videoStamps) {
      return;
    }
    const stamp = this.#videoStamps.stamp(millis(sample.media + this.#plan.place.shift), sample.offset);
    const { group, cut } = this.#groups.video(stamp, sample.key);
    this.#longGop ||= cut && sample.media - this.#lastVideo < PAUSE;
    this.#lastVideo = sample.media;
    this.#video.write({ ...stamp, group, key: sample.key, data: sample.data }, this.#wallTime);
  }

  #takeAudio(sample: TimedSample): void {
    if (!this.#audio || !this.#audioStamps) {
      return;
    }
    const pts = this.#audioStamps.stamp(millis(sample.media + this.#plan.place.shift));
    if (pts === undefined) {
      return;
    }
    const group = this.#waiting.length === 0 ? this.#groups.audio(this.#inVideoTicks(pts)) : undefined;
    if (group !== undefined) {
      this.#giveAudio(sample, pts, group);
      return;
    }
    this.#waiting.push({ sample, pts });
    this.#release(sample.arrival);
  }

  #release(now: WallTime): void {
    for (let oldest = this.#waiting[0]; oldest; oldest = this.#waiting[0]) {
      const at = this.#inVideoTicks(oldest.pts);
      const overdue = this.#waiting.length > MAX_WAITING || now >= later(oldest.sample.arrival, AUDIO_WAIT);
      const group = this.#groups.audio(at) ?? (overdue ? this.#groups.audioNow(at) : undefined);
      if (group === undefined) {
        return;
      }
      this.#waiting.shift();
      this.#giveAudio(oldest.sample, oldest.pts, group);
    }
  }

  #giveAudio(sample: TimedSample, pts: Ticks, group: number): void {
    const duration = ticks(this.#plan.audio?.config.frameDuration ?? 0);
    this.#audio?.write({ dts: pts, pts, duration, group, key: true, data: sample.data }, this.#wallTime);
  }

  readonly #wallTime = (group: number, pts: Ticks, scale: typeof VIDEO_TIMESCALE): WallTime =>
    this.#wall.ofGroup(group, ticksToMillis(pts, scale));

  #inVideoTicks(pts: Ticks): Ticks {
    return rescale(pts, this.#plan.audio?.config.timescale ?? VIDEO_TIMESCALE, VIDEO_TIMESCALE);
  }
}
