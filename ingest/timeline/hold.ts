import { MAX_GROUP_SECONDS } from '#core/media/grouping.ts';
import { later, millis, type Millis, type WallTime } from '#core/media/time.ts';

import { fitFrameRate, frameMillis, framesPerSecond, type Rate, type RateFit } from './frame-rate.ts';
import type { TimedSample } from './sample.ts';

/** What a source turned out to be, as far as its timestamps tell. */
export type SourceAnalysis = {
  /** Absent where the frame rate varies. */
  readonly rate?: Rate;
  /** Frames per second, or their mean. */
  readonly frameRate: number;
  /** B-frames: shown in another order than decoded. */
  readonly reordered: boolean;
  /** Time between the first two key frames; absent where the second did not come in time. */
  readonly gop?: Millis;
  /** Key frames are of no use for groups. */
  readonly grid: boolean;
};

/** How long an epoch's frames are held back. */
export type HoldOptions = {
  readonly resolution: Millis;
  /** An earlier analysis of what is most likely the same source: held only until the frames agree with it. */
  readonly former: () => SourceAnalysis | undefined;
  /** True: the former analysis is of this very source a moment ago. Nothing is held. */
  readonly sure?: boolean;
  /** Tracks to wait for, where that is known from the publisher's claims or from before. */
  readonly expects: () => { readonly audio?: boolean | undefined; readonly video?: boolean | undefined };
  /** Frames per second that the publisher claims. */
  readonly claimed: () => number | undefined;
  /** Rate and size follow the network: only regular key frames speak for a constant rate. */
  readonly adaptive?: boolean;
};

const MAX_MEDIA = MAX_GROUP_SECONDS * 1000;
/** A connection may stall while the source is looked at: then this much wall time is enough. */
const MAX_WAIT = 2500;
/** Sound alone: how long to wait for a picture that was announced, not mentioned, or denied. */
const VIDEO_WAIT = { announced: 2100, unknown: 1000, denied: 300 } as const;
/** How long to wait for sound once everything is known of the picture. */
const AUDIO_WAIT = 1000;
/** Frames that must agree with a former analysis. */
const CONFIRMING = 6;
/** Beyond so many frames the rate is looked for again only after a part of them more: a look costs as much as there are frames. */
const LOOK_EACH_PART = 64;
const MAX_SAMPLES = 2000;
const MAX_BYTES = 32 * 1024 * 1024;

/** Holds the first frames of an epoch back until it is known what the source is. Bounded in time, frames and bytes. */
export class Hold {
  readonly samples: TimedSample[] = [];
  readonly #options: HoldOptions;
  readonly #video: TimedSample[] = [];
  #audio: TimedSample[] = [];
  #bytes = 0;
  #secondKey: TimedSample | undefined;
  /** Frames at which the rate is looked for next. */
  #nextLook = 0;
  /** When the first video came. A source whose size follows the network is not looked at anew each time it changes. */
  #videoSince: WallTime | undefined;
  /** Frames per second before video was dropped. */
  #meanBefore = 0;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  /** Takes a sample. The first video sample has to be a key frame. */
  add(sample: TimedSample): void {
    this.samples.push(sample);
    this.#bytes += sample.data.length;
    if (sample.kind === 'audio') {
      this.#audio.push(sample);
      return;
    }
    if (sample.layer > 0) {
      return;
    }
    this.#videoSince ??= sample.arrival;
    if (sample.key && this.#video.length > 0) {
      this.#secondKey ??= sample;
    }
    this.#video.push(sample);
  }

  /** Drops what was held of a track whose configuration changed meanwhile. */
  drop(kind: TimedSample['kind']): void {
    if (kind === 'video') {
      this.#meanBefore = meanOf(this.#fit()) || this.#meanBefore;
    }
    if (this.#options.adaptive !== true) {
      this.#videoSince = undefined;
    }
    const kept = this.samples.filter((sample) => sample.kind !== kind);
    this.samples.length = 0;
    this.#audio = [];
    this.#video.length = 0;
    this.#secondKey = undefined;
    this.#nextLook = 0;
    this.#bytes = 0;
    kept.forEach((sample) => this.add(sample));
  }

  get has(): { readonly video: boolean; readonly audio: boolean } {
    return { video: this.#video.length > 0, audio: this.#audio.length > 0 };
  }

  /** True where no more can be held. */
  get full(): boolean {
    return this.samples.length >= MAX_SAMPLES || this.#bytes >= MAX_BYTES;
  }

  /** Wall time at which {@link ready} may turn true although nothing comes. */
  get deadline(): WallTime | undefined {
    if (this.#video.length > 0 && this.#videoSince !== undefined) {
      return later(this.#videoSince, millis(this.#options.adaptive === true ? MAX_MEDIA : MAX_WAIT));
    }
    const sound = this.#audio[0];
    return sound && later(sound.arrival, millis(this.#videoWait() * 1.2));
  }

  /** True once the source is known, or the time for that is over. */
  ready(now: WallTime): boolean {
    if (this.samples.length === 0) {
      return false;
    }
    if (this.#options.sure || this.full) {
      return true;
    }
    const deadline = this.deadline;
    if (deadline !== undefined && now >= deadline) {
      return true;
    }
    if (this.#video.length === 0) {
      return span(this.#audio) >= this.#videoWait();
    }
    if (span(this.#video) >= MAX_MEDIA) {
      return true;
    }
    const { audio } = this.#options.expects();
    const heard = this.#audio.length > 0 || audio === false || (audio === undefined && span(this.#video) >= AUDIO_WAIT);
    return heard && this.#isKnown();
  }

  /** What is known by now. */
  analyse(): SourceAnalysis {
    const former = this.#options.former();
    if (former && (this.#options.sure || this.#agrees(former))) {
      return former;
    }
    const fit = this.#fit();
    const first = this.#video[0];
    const gop = first && this.#secondKey ? this.#secondKey.media - first.media : Infinity;
    const usable = gop <= MAX_MEDIA;
    const constant = fit.kind === 'constant' && (usable || this.#options.adaptive !== true);
    return {
      ...(constant ? { rate: fit.rate } : {}),
      frameRate: meanOf(fit) || this.#meanBefore,
      reordered: this.#reordered(),
      ...(usable ? { gop: millis(gop) } : {}),
      grid: !usable || !constant,
    };
  }

  /** The first video frame's decoding time on a rate's grid, freed of rounding. */
  phase(rate: Rate): Millis {
    const fit = fitFrameRate(this.#stamps(), { resolution: this.#options.resolution, only: rate });
    return millis(fit.kind === 'constant' ? fit.phase : (this.#video[0]?.media ?? 0));
  }

  /** Bits per second of a track while it was held; 0 where that was too short to tell. */
  bitrate(kind: TimedSample['kind'], layer = 0): number {
    const samples = this.samples.filter((sample) => sample.kind === kind && sample.layer === layer);
    const length = span(samples);
    return length < 250 ? 0 : Math.round((samples.slice(0, -1).reduce((sum, sample) => sum + sample.data.length, 0) * 8000) / length);
  }

  /** True where the frames agree with what was known, or tell their rate by themselves. */
  #isKnown(): boolean {
    const frames = this.#video.length;
    if (frames < this.#nextLook) {
      return false;
    }
    this.#nextLook = frames + 1 + Math.floor(frames / LOOK_EACH_PART);
    const former = this.#options.former();
    if (former && this.#agrees(former)) {
      return true;
    }
    const fit = this.#secondKey && this.#fit();
    return fit?.kind === 'constant' && fit.certain;
  }

  #videoWait(): number {
    const { video } = this.#options.expects();
    return VIDEO_WAIT[video === undefined ? 'unknown' : video ? 'announced' : 'denied'];
  }

  #fit(): RateFit {
    return fitFrameRate(this.#stamps(), { resolution: this.#options.resolution, claimed: this.#options.claimed() });
  }

  #stamps(): number[] {
    return this.#video.map((sample) => sample.media);
  }

  #reordered(): boolean {
    let latest = -Infinity;
    return this.#video.some((sample) => {
      const shown = sample.media + sample.offset;
      const before = shown < latest;
      latest = Math.max(latest, shown);
      return before;
    });
  }

  #agrees(former: SourceAnalysis): boolean {
    if (this.#video.length < CONFIRMING || (this.#reordered() && !former.reordered)) {
      return false;
    }
    if (!former.rate) {
      return true;
    }
    const stamps = this.#stamps();
    const fit = fitFrameRate(stamps, { resolution: this.#options.resolution, only: former.rate });
    const mean = span(this.#video) / (stamps.length - 1);
    // A rate that is a multiple of the source's fits too, with holes.
    return fit.kind === 'constant' && Math.abs(mean / frameMillis(former.rate) - 1) < 0.2;
  }
}

function meanOf(fit: RateFit): number {
  return fit.kind === 'constant' ? framesPerSecond(fit.rate) : fit.mean;
}

function span(samples: readonly TimedSample[]): Millis {
  const first = samples[0];
  const last = samples[samples.length - 1];
  return millis(first && last ? last.media - first.media : 0);
}
