import type { Frame } from '#core/media/frame.ts';
import { gridSecond, type Grouping } from '#core/media/grouping.ts';
import { addTicks, millis, rescale, ticks, ticksToMillis, VIDEO_TIMESCALE, type Millis, type Ticks, type Timescale, type WallTime } from '#core/media/time.ts';
import { trackName, type AudioConfig, type VideoConfig } from '#core/media/track.ts';

import { AudioStamps } from './audio-stamps.ts';
import { Follower } from './follower.ts';
import type { Rate } from './frame-rate.ts';
import type { EpochGrant } from './grant.ts';
import { GridGroups, SourceGroups, type Groups } from './groups.ts';
import type { Placement } from './placement.ts';
import type { TimedSample } from './sample.ts';
import { TrackWriter } from './track-writer.ts';
import { GridStamps, VariableStamps, type VideoStamps } from './video-stamps.ts';
import { WallEstimate } from './wall-estimate.ts';

/** Milliseconds before the epoch's first frame at which a layer's frame is taken as its equal. */
const EARLY = 15;
/** A layer's frame this far from the newest of the video has lost its clock: the groups are the video's. */
const STRAY = 2500;
/** A group that was cut after a pause in the video was not cut for want of key frames. */
const PAUSE = 1000;

/** An epoch's plan. */
export type EpochPlan = {
  readonly grant: EpochGrant;
  readonly video?: { readonly config: VideoConfig; readonly rate?: Rate; readonly frameRate: number };
  /** Simulcast layers below the video, best first; undefined where a place is empty. */
  readonly layers?: readonly (VideoConfig | undefined)[];
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
  readonly #audio: Follower | undefined;
  /** Writers of the layers 0, 1, ... */
  readonly #writers: (TrackWriter | undefined)[] = [];
  /** Layers 1, 2, ... */
  readonly #layers: readonly (Follower | undefined)[];
  readonly #followers: readonly Follower[];
  #lastVideo = -Infinity;
  #videoDropped = 0;
  #longGop = false;

  constructor(plan: EpochPlan) {
    this.#plan = plan;
    this.#wall = plan.wall ?? new WallEstimate();
    const { grant, video, audio } = plan;
    const start = addTicks(plan.place.first, plan.firstOffset);
    this.grouping = plan.grid
      ? { mode: 'grid', firstGroup: grant.firstGroup, firstSecond: gridSecond(start, VIDEO_TIMESCALE) }
      : { mode: 'source' };
    this.#groups = this.grouping.mode === 'grid' ? new GridGroups(this.grouping) : new SourceGroups(grant.firstGroup);
    if (video) {
      this.#videoStamps = this.#stampsOf(video);
      this.#video = new TrackWriter(trackName('video'), video.config, grant, plan.out);
      this.#writers.push(this.#video);
    }
    if (audio) {
      const scale = audio.config.timescale;
      this.#audioStamps = new AudioStamps(scale, audio.config.frameDuration, ticks(Math.ceil((start * scale) / VIDEO_TIMESCALE)));
      this.#audio = this.#followAudio(audio.config, this.#audioStamps);
    }
    this.#layers = video ? (plan.layers ?? []).map((config, at) => config && this.#followLayer(config, at + 1, this.#stampsOf(video))) : [];
    this.#followers = [this.#audio, ...this.#layers].filter((follower) => follower !== undefined);
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

  /** Frames dropped: sound for which there was no time, pictures of a new size before its key frame. */
  get dropped(): number {
    return (this.#audioStamps?.dropped ?? 0) + this.#videoDropped;
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

  /** From its next key frame on, a layer has another configuration (0: the video). Only on the grid of seconds, where no frame waits for its group. */
  change(layer: number, config: VideoConfig): void {
    this.#writers[layer]?.change(config);
  }

  /** Takes a sample of a track that the epoch has; others are ignored. */
  take(sample: TimedSample): void {
    this.#observe(sample);
    if (sample.kind === 'video' && !sample.key && this.#writers[sample.layer]?.awaitsKey === true) {
      this.#videoDropped += 1;
    } else if (sample.kind === 'audio') {
      this.#audio?.take(sample);
    } else if (sample.layer > 0) {
      this.#layers[sample.layer - 1]?.take(sample);
    } else {
      this.#takeVideo(sample);
      this.tick(sample.arrival);
    }
  }

  /** Wall time at which {@link tick} has something to do. */
  get deadline(): WallTime | undefined {
    const deadlines = this.#followers.map((follower) => follower.deadline).filter((deadline) => deadline !== undefined);
    return deadlines.length === 0 ? undefined : deadlines.reduce((a, b) => (a < b ? a : b));
  }

  /** Gives out the samples that have waited long enough for their group. */
  tick(now: WallTime): void {
    this.#followers.forEach((follower) => follower.release(now));
  }

  /** Gives out all that waits and begins before `until`; returns the rest, for the epoch that follows. */
  flush(until: Millis): TimedSample[] {
    return this.#followers.flatMap((follower) => follower.flush(until));
  }

  #observe(sample: TimedSample): void {
    if (sample.layer > 0) {
      return;
    }
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

  #followAudio(config: AudioConfig, stamps: AudioStamps): Follower {
    const writer = new TrackWriter(trackName('audio'), config, this.#plan.grant, this.#plan.out);
    const duration = ticks(config.frameDuration);
    return new Follower({
      groups: this.#groups,
      now: (pts) => this.#groups.audioNow(pts),
      stamp: ({ media, data }) => {
        const pts = stamps.stamp(millis(media + this.#plan.place.shift));
        return pts === undefined ? undefined : { dts: pts, pts, duration, key: true, data };
      },
      at: ({ pts }) => rescale(pts, config.timescale, VIDEO_TIMESCALE),
      write: (frame) => writer.write(frame, this.#wallTime),
    });
  }

  #followLayer(config: VideoConfig, layer: number, stamps: VideoStamps): Follower {
    const { grant, place, out } = this.#plan;
    const writer = new TrackWriter(trackName(`video-${layer}`), config, grant, out);
    this.#writers[layer] = writer;
    return new Follower({
      groups: this.#groups,
      now: (pts) => this.#groups.layerNow(pts),
      stamp: ({ media, offset, key, data }) => {
        const at = millis(media + place.shift);
        // A layer's clock is a little off the video's until both are compared: half a frame is not a frame from before the epoch.
        const early = ticksToMillis(place.first, VIDEO_TIMESCALE) - at > EARLY;
        const newest = Math.max(this.#lastVideo, place.base - place.shift);
        const stray = Math.abs(media - newest) > STRAY;
        return early || stray ? undefined : { ...stamps.stamp(at, offset), key, data };
      },
      at: ({ pts }) => pts,
      write: (frame) => writer.write(frame, this.#wallTime),
    });
  }

  #stampsOf({ rate, frameRate }: NonNullable<EpochPlan['video']>): VideoStamps {
    const { first, base } = this.#plan.place;
    return rate ? new GridStamps(rate, first, base) : new VariableStamps(first, VIDEO_TIMESCALE / (frameRate || 30));
  }

  readonly #wallTime = (group: number, pts: Ticks, scale: Timescale): WallTime =>
    this.#wall.ofGroup(group, ticksToMillis(pts, scale));
}
