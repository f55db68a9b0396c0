import { broadcastId, type Frame } from '#core/media/frame.ts';
import { millis, wallTime, type Millis, type WallTime } from '#core/media/time.ts';

import type { SourceConfig, SourceSample } from '../../source.ts';
import type { EpochStart } from '../describe.ts';
import type { EpochGrant } from '../grant.ts';
import { Timeline, type Claims, type SourceMemory } from '../timeline.ts';
import { Warnings } from '../warnings.ts';
import { audioConfig, START, videoConfig } from './encoder.ts';

type RecorderOptions = {
  readonly clockRate?: number;
  readonly adaptive?: boolean;
  readonly segmentsSource?: boolean;
  readonly memory?: SourceMemory | undefined;
  readonly startedAt?: number;
  /** Grants epochs in place of the recorder. */
  readonly grant?: (now: WallTime) => EpochGrant;
  readonly note?: (frame: Frame) => void;
};

/** A timeline with everything it gives out, and a host that grants epochs at once. */
export class Recorder {
  readonly frames: Frame[] = [];
  readonly starts: EpochStart[] = [];
  readonly warnings = new Warnings();
  readonly timeline: Timeline;
  /** Wall time at which each frame was given out. */
  readonly givenAt: WallTime[] = [];
  now: WallTime = wallTime(START);
  nextEpoch = 0;
  nextGroup = 1000;
  floor: Millis = millis(0);
  readonly #startedAt: WallTime;
  readonly #options: RecorderOptions;

  constructor(options: RecorderOptions = {}) {
    this.#options = options;
    this.#startedAt = wallTime(options.startedAt ?? START);
    this.timeline = new Timeline({
      clockRate: options.clockRate ?? 1000,
      memory: options.memory,
      adaptive: options.adaptive ?? false,
      host: {
        requestEpoch: () => this.timeline?.grant(this.#grant(), this.now),
        begin: (start) => this.starts.push(start),
        frame: (frame) => this.#record(frame),
        segmentsSource: options.segmentsSource ?? false,
        warnings: this.warnings,
      },
    });
  }

  /** Feeds samples, running the timers that fall due between them. */
  feed(samples: readonly SourceSample[], options: { readonly configs?: readonly SourceConfig[]; readonly claims?: Claims } = {}): this {
    (options.configs ?? [videoConfig, audioConfig()]).forEach((config) => this.timeline.config(config));
    if (options.claims) {
      this.timeline.metadata(options.claims);
    }
    for (const sample of samples) {
      this.runTo(sample.arrival);
      this.timeline.sample(sample);
    }
    return this;
  }

  /** Lets time pass. */
  runTo(until: WallTime): this {
    for (let due = this.timeline.deadline; due !== undefined && due < until; due = this.timeline.deadline) {
      this.now = due;
      this.timeline.tick(due);
    }
    this.now = until;
    return this;
  }

  of(track: string, epoch?: number): Frame[] {
    return this.frames.filter((frame) => frame.track === track && (epoch === undefined || frame.epoch === epoch));
  }

  codes(): string[] {
    return this.warnings.list(this.now).map((warning) => warning.code).sort();
  }

  #grant(): EpochGrant {
    if (this.#options.grant) {
      return this.#options.grant(this.now);
    }
    const grant = {
      broadcast: broadcastId('abcdefgh12345678'),
      epoch: this.nextEpoch,
      fence: 1,
      firstGroup: this.nextGroup,
      floor: this.floor,
      startedAt: this.#startedAt,
    };
    this.nextEpoch += 1;
    return grant;
  }

  #record(frame: Frame): void {
    this.frames.push(frame);
    this.#options.note?.(frame);
    this.givenAt.push(this.now);
    const scale = frame.track.startsWith('video') ? 90_000 : (this.starts.at(-1)?.tracks.find((track) => track.name === frame.track)?.config.timescale ?? 1);
    this.nextGroup = Math.max(this.nextGroup, frame.group + 1);
    this.floor = millis(Math.max(this.floor, ((frame.pts + frame.duration) * 1000) / scale));
  }
}
