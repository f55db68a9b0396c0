import type { Frame } from '#core/media/frame.ts';
import { elapsed, millis, type Millis, type WallTime } from '#core/media/time.ts';
import type { AudioConfig } from '#core/media/track.ts';

import type { SourceConfig, SourceSample, VideoSourceConfig } from '../source.ts';
import { Adaptation } from './adaptation.ts';
import { BitRates } from './bit-rates.ts';
import { keyOf, keysOf, videoConfig } from './configs.ts';
import { describeEpoch, type EpochStart } from './describe.ts';
import { Epoch } from './epoch.ts';
import type { EpochGrant } from './grant.ts';
import { Hold, type SourceAnalysis } from './hold.ts';
import { KeyWatch } from './key-watch.ts';
import { placeEpoch } from './placement.ts';
import { RateWatch } from './rate-watch.ts';
import { saneOffset, type TimedSample } from './sample.ts';
import { SourceClock, type Kind } from './source-clock.ts';
import { offsetTicks } from './video-stamps.ts';
import { warnOfSample, warnOfSource } from './warn.ts';
import type { Warnings } from './warnings.ts';

/** What a publisher's timeline needs of its surroundings. Calls never throw. */
export interface TimelineHost {
  /** Wants an epoch: answer with {@link Timeline.grant}, at once or later. Frames are held meanwhile. */
  requestEpoch(): void;
  /** An epoch begins; its frames follow. */
  begin(start: EpochStart): void;
  frame(frame: Frame): void;
  /** Segments are made of the video as it is sent: a picture of another size must not come within an epoch. Default: false. */
  readonly segmentsSource?: boolean;
  readonly warnings: Warnings;
}

/** What is remembered of a source, so that its next epoch need not be held back as long. */
export type SourceMemory = { readonly configs: string; readonly analysis: SourceAnalysis };

/** What a publisher claims of itself. Hints only. */
export type Claims = { readonly encoder?: string; readonly hasAudio?: boolean; readonly hasVideo?: boolean; readonly frameRate?: number };

type Switch = { readonly sure: boolean; readonly analysis?: SourceAnalysis | undefined; readonly atOnce?: boolean };

/** A track silent for this long while the other goes on is left out of the next epoch. */
const AUDIO_GONE = 3000;
const VIDEO_GONE = 10_000;
/** Video off its grid for this long without another rate being found varies. */
const OFF_GRID = 5000;

/**
 * One publisher's way from samples to frames: clock, hold, epochs. A pure state machine: time comes in with the samples
 * and with {@link tick}.
 */
export class Timeline {
  readonly #host: TimelineHost;
  readonly #millisPerTick: number;
  readonly #resolution: Millis;
  readonly #clock: SourceClock;
  readonly #memory: SourceMemory | undefined;
  readonly #sure: boolean;
  readonly #keys = new KeyWatch();
  readonly #configs: { video?: VideoSourceConfig; audio?: AudioConfig } = {};
  #layers: readonly VideoSourceConfig[] = [];
  readonly #adaptive: boolean;
  readonly #rates = new BitRates();
  readonly #seen: { video?: WallTime; audio?: WallTime } = {};
  #claims: Claims = {};
  #hold: Hold | undefined;
  #grant: EpochGrant | undefined;
  #epoch: Epoch | undefined;
  #previous: Epoch | undefined;
  #analysis: SourceAnalysis | undefined;
  #watch: RateWatch | undefined;
  #switch: Switch | undefined;
  #adaptation: Adaptation | undefined;
  /** Tracks whose configuration changed: their frames wait for the next epoch. */
  readonly #stale = new Set<Kind | 'layers'>();
  #gridForGood = false;
  #offGridSince: number | undefined;
  #dropped = 0;
  #ended = false;

  /**
   * @param clockRate Ticks per second of the samples' timestamps. `memory`: what is known from this stream's last publisher.
   *   `sure`: that is of this very publisher a moment ago, so nothing need be held back. `adaptive`: as in `Publisher`.
   */
  constructor(options: { readonly clockRate: number; readonly host: TimelineHost; readonly memory?: SourceMemory | undefined; readonly sure?: boolean; readonly adaptive?: boolean }) {
    this.#host = options.host;
    this.#sure = options.sure ?? false;
    this.#adaptive = options.adaptive ?? false;
    this.#memory = options.memory;
    this.#millisPerTick = 1000 / options.clockRate;
    this.#resolution = millis(this.#millisPerTick);
    this.#clock = new SourceClock(options.clockRate);
  }

  /** Timestamp jumps spliced, and samples that could not be used. */
  get counts(): { readonly jumps: number; readonly dropped: number } {
    return { jumps: this.#clock.jumps, dropped: this.#dropped + (this.#epoch?.dropped ?? 0) };
  }

  /** Frames per second the running epoch has, or means to have; 0 before it is known. */
  get frameRate(): number {
    return this.#epoch?.has.video ? (this.#analysis?.frameRate ?? 0) : 0;
  }

  /** What to remember for this stream's next publisher. */
  get memory(): SourceMemory | undefined {
    if (!this.#analysis) {
      return this.#memory;
    }
    // A broadcaster who mended the key-frame interval is to be judged afresh.
    const mended = this.#analysis.grid && this.#analysis.rate !== undefined && this.#keys.regular;
    return mended ? undefined : { configs: this.#configKey(), analysis: this.#analysis };
  }

  /** A configuration, as in `SourceSink.config`. */
  config(config: SourceConfig, layers: readonly VideoSourceConfig[] = []): void {
    const known = this.#configs[config.kind];
    if (known && keyOf(known) === keyOf(config) && (config.kind === 'audio' || keysOf(layers) === keysOf(this.#layers))) {
      return;
    }
    const before = [this.#configs.video, ...this.#layers].map((one) => one && keyOf(one));
    if (config.kind === 'video') {
      this.#configs.video = config;
      this.#layers = layers;
    } else {
      this.#configs.audio = config;
    }
    this.#hold?.drop(config.kind);
    if (this.#epoch?.has[config.kind] && !(config.kind === 'video' && this.#goOn(this.#epoch, [config, ...layers], before))) {
      // Where only lower layers changed, the best goes on until its next key frame.
      this.#stale.add(config.kind === 'video' && keyOf(config) === before[0] ? 'layers' : config.kind);
      this.#switch = { sure: config.kind === 'video' && this.#follows, analysis: this.#analysis, atOnce: !this.#epoch.has.video };
    }
  }

  metadata(claims: Claims): void {
    this.#claims = { ...this.#claims, ...claims };
  }

  sample(sample: SourceSample): void {
    if (this.#ended || !this.#configs[sample.kind]) {
      this.#dropped += 1;
      return;
    }
    if (sample.standsIn === true) {
      this.sample({ ...sample, layer: 0, standsIn: false });
    }
    this.#rates.add(sample);
    if (sample.kind === 'video' && sample.layer !== undefined && sample.layer > 0) {
      this.#takeLayer(sample, sample.layer);
      return;
    }
    const timed = this.#time(sample);
    this.#seen[sample.kind] = sample.arrival;
    if (!this.#epoch && !this.#hold) {
      this.#beginHold(this.#isSure ? { sure: true, analysis: this.#memory?.analysis } : { sure: false });
    }
    if (this.#hold) {
      this.#holdBack(timed);
    } else {
      this.#run(timed);
    }
  }

  /** The answer to {@link TimelineHost.requestEpoch}. */
  grant(grant: EpochGrant, now: WallTime): void {
    this.#grant = grant;
    this.#tryStart(now);
  }

  /** Wall time at which {@link tick} has something to do. */
  get deadline(): WallTime | undefined {
    return this.#hold ? this.#grant && this.#hold.deadline : this.#epoch?.deadline;
  }

  tick(now: WallTime): void {
    this.#tryStart(now);
    this.#epoch?.tick(now);
  }

  /** The publisher is gone: gives out what waits. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#hold = undefined;
    this.#epoch?.flush(millis(Infinity));
  }

  #time(sample: SourceSample): TimedSample {
    const reading = this.#clock.read(sample.kind, sample.timestamp, sample.arrival);
    const { offset, damaged } = saneOffset(sample.compositionOffset * this.#millisPerTick);
    warnOfSample(this.#host.warnings, reading, damaged, this.#clock, sample);
    const { kind, key, data, arrival } = sample;
    return { kind, layer: 0, key, data, arrival, media: reading.media, offset };
  }

  /** A lower layer follows the video: it begins with it, waits with it, and says nothing about it. */
  #takeLayer(sample: SourceSample, layer: number): void {
    const media = layer <= this.#layers.length ? this.#clock.follow(sample.timestamp) : undefined;
    if (media === undefined || this.#stale.has('video') || this.#stale.has('layers')) {
      this.#dropped += 1;
      return;
    }
    const { key, data, arrival, compositionOffset } = sample;
    const { offset } = saneOffset(compositionOffset * this.#millisPerTick);
    const timed: TimedSample = { kind: 'video', layer, key, data, arrival, media, offset };
    if (this.#hold) {
      this.#holdBack(timed);
    } else {
      this.#epoch?.take(timed);
    }
  }

  /** True where nothing is planned on the source's rate and key frames. */
  get #follows(): boolean {
    return this.#adaptive && this.#analysis !== undefined && this.#analysis.rate === undefined;
  }

  /** Goes on with other configurations of the video and its layers, each from its key frame on. False where that takes another epoch. */
  #goOn(epoch: Epoch, configs: readonly VideoSourceConfig[], before: readonly (string | undefined)[]): boolean {
    const analysis = this.#analysis;
    const isSettled = !this.#stale.has('video') && !this.#stale.has('layers');
    if (!analysis || !this.#follows || epoch.grouping.mode !== 'grid' || !isSettled || this.#host.segmentsSource === true || !this.#adaptation?.admits(configs)) {
      return false;
    }
    this.#adaptation.take(configs);
    configs.forEach((config, layer) => {
      if (keyOf(config) !== before[layer]) {
        epoch.change(layer, videoConfig(config, analysis));
      }
    });
    return true;
  }

  #beginHold(how: Switch): void {
    const analysis = how.analysis;
    this.#hold = new Hold({
      resolution: this.#resolution,
      sure: how.sure,
      former: () => analysis ?? (this.#memory?.configs === this.#configKey() ? this.#memory.analysis : undefined),
      expects: () => ({ audio: this.#claims.hasAudio ?? (this.#configs.audio ? true : undefined), video: this.#configs.video ? true : this.#claims.hasVideo }),
      claimed: () => this.#claims.frameRate,
      adaptive: this.#adaptive,
    });
    this.#switch = undefined;
    this.#grant = undefined;
    this.#host.requestEpoch();
  }

  #holdBack(sample: TimedSample): void {
    const hold = this.#hold;
    if (!hold || (sample.kind === 'video' && !sample.key && !hold.has.video)) {
      this.#dropped += 1;
      return;
    }
    if (hold.full && !this.#grant) {
      // No epoch is to be had: forget rather than grow, and begin at the next key frame.
      this.#dropped += hold.samples.length + 1;
      hold.drop('video');
      hold.drop('audio');
      return;
    }
    hold.add(sample);
    this.#tryStart(sample.arrival);
  }

  #tryStart(now: WallTime): void {
    if (this.#hold && this.#grant && this.#hold.ready(now)) {
      this.#start(this.#hold, this.#grant, now);
    }
  }

  #start(hold: Hold, grant: EpochGrant, now: WallTime): void {
    const analysis = hold.analyse();
    const video = this.#lives('video', now, hold) && this.#configs.video ? videoConfig(this.#configs.video, analysis) : undefined;
    const audio = this.#lives('audio', now, hold) ? this.#configs.audio : undefined;
    // A layer that stands in for the video is not told of twice.
    const layers = video ? this.#layers.map((layer) => (layer === this.#configs.video ? undefined : videoConfig(layer, analysis))) : [];
    const samples = hold.samples.filter((sample) => (sample.kind === 'video' ? video : audio)).sort((a, b) => a.media - b.media);
    const first = samples.find((sample) => sample.kind === (video ? 'video' : 'audio') && sample.layer === 0);
    if (!first) {
      return;
    }
    const zero = video && analysis.rate ? hold.phase(analysis.rate) : first.media;
    const wanted = this.#previous ? millis(zero + this.#previous.shift) : elapsed(grant.startedAt, first.arrival);
    const grid = !video || analysis.grid || this.#gridForGood;
    const firstOffset = offsetTicks(first.offset, video ? analysis.rate : undefined);
    const whole = grid && !(this.#previous && video && this.#adaptive && !analysis.rate);
    const place = placeEpoch({ zero, wanted, floor: grant.floor, grid: whole, firstOffset });
    const wall = this.#previous?.wall;
    if (this.#previous) {
      wall?.moved(millis(place.shift - this.#previous.shift));
    }
    const epoch = new Epoch({
      grant,
      ...(video ? { video: { config: video, ...(analysis.rate ? { rate: analysis.rate } : {}), frameRate: analysis.frameRate } } : {}),
      layers,
      ...(audio ? { audio: { config: audio } } : {}),
      grid,
      place,
      firstOffset,
      ...(wall ? { wall } : {}),
      out: (frame) => this.#host.frame(frame),
    });
    this.#dropped += this.#previous?.dropped ?? 0;
    this.#epoch = this.#previous = epoch;
    // What was known of the picture is worth keeping while there is sound alone.
    this.#analysis = video ? analysis : this.#analysis;
    this.#hold = undefined;
    this.#switch = undefined;
    this.#offGridSince = undefined;
    this.#stale.clear();
    this.#adaptation = video && new Adaptation([video, ...layers]);
    this.#watch = new RateWatch(analysis.rate, this.#resolution);
    warnOfSource(this.#host.warnings, { video: video !== undefined, audio: audio !== undefined, analysis, adaptive: this.#adaptive }, now);
    const bitrate = (kind: Kind, layer: number): number => hold.bitrate(kind, layer) || this.#rates.read(kind, layer, now);
    this.#host.begin(describeEpoch({ grant, grouping: epoch.grouping, video, layers, audio, analysis, bitrate, encoder: this.#claims.encoder }));
    epoch.foresee(samples);
    samples.forEach((sample) => {
      this.#watchVideo(sample);
      epoch.take(sample);
    });
    epoch.tick(now);
  }

  #run(sample: TimedSample): void {
    const epoch = this.#epoch;
    if (!epoch) {
      return;
    }
    this.#watchTracks(sample, epoch);
    this.#watchVideo(sample);
    if (sample.kind === 'video' && sample.key && this.#adaptation?.outgrown(sample.media)) {
      this.#switch ??= { sure: true, analysis: this.#analysis };
    }
    if (this.#switch && (this.#switch.atOnce || (sample.kind === 'video' && sample.key))) {
      const rest = epoch.flush(sample.media);
      this.#epoch = undefined;
      this.#beginHold(this.#switch);
      rest.forEach((one) => this.#hold?.add(one));
      this.#holdBack(sample);
      return;
    }
    if (this.#stale.has(sample.kind)) {
      this.#dropped += 1;
      return;
    }
    epoch.take(sample);
    if (epoch.longGop && !this.#gridForGood) {
      this.#gridForGood = true;
      this.#switch ??= { sure: true, analysis: this.#analysis && { ...this.#analysis, grid: true } };
    }
  }

  /** Tracks that appear or vanish make another epoch. */
  #watchTracks(sample: TimedSample, epoch: Epoch): void {
    const other: Kind = sample.kind === 'video' ? 'audio' : 'video';
    const silence = elapsed(this.#seen[other] ?? sample.arrival, sample.arrival);
    if (!epoch.has[sample.kind]) {
      this.#switch ??= { sure: sample.kind === 'audio', analysis: this.#analysis };
    } else if (epoch.has[other] && silence > (other === 'audio' ? AUDIO_GONE : VIDEO_GONE)) {
      this.#switch ??= { sure: true, analysis: this.#analysis, atOnce: other === 'video' };
    }
  }

  /** Keeps verifying what the epoch was planned on: frame rate and key frames. */
  #watchVideo(sample: TimedSample): void {
    const analysis = this.#analysis;
    if (sample.kind !== 'video' || sample.layer > 0 || !analysis || !this.#watch || !this.#epoch || this.#follows) {
      return;
    }
    const gop = this.#keys.observe(sample.media, sample.key, this.#host.warnings, sample.arrival);
    const verdict = this.#watch.observe(sample.media);
    this.#offGridSince = this.#epoch.offGrid ? (this.#offGridSince ?? sample.media) : undefined;
    if (verdict === 'variable' || (this.#offGridSince !== undefined && sample.media - this.#offGridSince > OFF_GRID)) {
      const { rate: _gone, ...rest } = analysis;
      this.#switch ??= { sure: true, analysis: { ...rest, grid: true } };
    } else if (typeof verdict === 'object') {
      const usable = analysis.gop !== undefined && !this.#gridForGood;
      this.#switch ??= { sure: true, analysis: { ...analysis, rate: verdict, frameRate: verdict.num / verdict.den, grid: !usable } };
    } else if (analysis.grid && analysis.rate && this.#keys.regular && !this.#gridForGood && gop !== undefined) {
      this.#switch ??= { sure: true, analysis: { ...analysis, gop, grid: false } };
    }
  }

  #lives(kind: Kind, now: WallTime, hold: Hold): boolean {
    const seen = this.#seen[kind];
    const fresh = seen !== undefined && elapsed(seen, now) < (kind === 'audio' ? AUDIO_GONE : VIDEO_GONE);
    const goesOn = this.#previous === undefined ? this.#isSure : fresh;
    return this.#configs[kind] !== undefined && (hold.has[kind] || (kind === 'audio' && goesOn));
  }

  /** True where this publisher's source was judged just now, and is as it was then. */
  get #isSure(): boolean {
    return this.#sure && this.#memory?.configs === this.#configKey();
  }

  #configKey(): string {
    return [this.#configs.video, ...this.#layers, this.#configs.audio].map((config) => (config ? keyOf(config) : '')).join('|');
  }
}
