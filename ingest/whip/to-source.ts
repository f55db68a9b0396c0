import type { SenderReport } from '#core/media/rtp/rtcp/packets.ts';
import { elapsed, wallTime, type Clock } from '#core/media/time.ts';
import type { AudioConfig } from '#core/media/track.ts';
import type { ReceivedUnit } from '#core/rtc/receiver/inbound-stream.ts';
import type { StreamKey } from '#core/rtc/receiver/receive-plan.ts';

import type { SourceSink, VideoSourceConfig } from '../source.ts';
import { Layers } from './layers.ts';
import { StreamClock } from './stream-clock.ts';

/** What the adapter asks of its session. */
export type ToSourceOptions = {
  readonly sink: SourceSink;
  readonly clock: Clock;
  /** A stream has to send a key frame before it can be of use. May be called often. */
  readonly wantKey: (key: StreamKey) => void;
  /** The publisher sends what cannot be taken. `reason` is for the log. */
  readonly refuse: (reason: string) => void;
  /** An access unit was dropped. */
  readonly dropped: (kind: 'video' | 'audio') => void;
};

/** Configurations that a publisher may change to at once, and in each second: each goes to all viewers. */
const MAX_CHANGES = 64;
const CHANGES_PER_SECOND = 1;

/** Turns the access units of one publisher's streams into samples and configurations for its sink. */
export class ToSource {
  readonly #options: ToSourceOptions;
  readonly #clock = new StreamClock<StreamKey>();
  readonly #layers: Layers;
  readonly #newest = new Map<StreamKey, number>();
  readonly #warned = new Set<string>();
  #audio: AudioConfig | undefined;
  /** Changes that are allowed now, as of an instant. */
  #changes = { left: MAX_CHANGES, at: wallTime(0) };

  constructor(options: ToSourceOptions) {
    this.#options = options;
    this.#layers = new Layers(options.wantKey);
  }

  /** An access unit in the order of its stream. */
  unit(key: StreamKey, unit: ReceivedUnit): void {
    const timestamp = this.#clock.read(key, key.kind, unit.timestamp, unit.clockRate, unit.arrival);
    if (key.kind === 'audio') {
      this.#takeAudio(unit, timestamp);
    } else {
      this.#takeVideo(key, unit, timestamp);
    }
  }

  senderReport(key: StreamKey, report: SenderReport, clockRate: number): void {
    this.#clock.senderReport(key, report, clockRate);
  }

  /** The stream has another source. */
  restarted(key: StreamKey): void {
    this.#clock.restart(key);
    this.#newest.delete(key);
  }

  /** Wants a key frame of each picture that is sent. */
  requestKeys(): void {
    [...this.#newest.keys()].forEach((key) => this.#options.wantKey(key));
  }

  #takeVideo(key: StreamKey, unit: ReceivedUnit, timestamp: number): void {
    const config = unit.config?.kind === 'video' ? unit.config : undefined;
    const place = this.#layers.unit(key, { key: unit.key, bytes: unit.data.length, config }, unit.arrival);
    if (this.#isReordered(key, unit)) {
      this.#options.dropped('video');
      return;
    }
    if (place?.configs) {
      if (place.layer === 0 || place.standsIn) {
        this.#clock.lead(key);
      }
      if (!this.#announce(place.configs)) {
        return;
      }
    }
    if (!place) {
      this.#options.dropped('video');
      return;
    }
    const { sink, clock } = this.#options;
    sink.sample({
      kind: 'video',
      ...(place.layer > 0 ? { layer: place.layer } : {}),
      ...(place.standsIn ? { standsIn: true } : {}),
      timestamp,
      compositionOffset: 0,
      key: unit.key,
      data: unit.data,
      arrival: clock(),
    });
  }

  /**
   * RTP timestamps are those of presentation, and frames come in decoding order: with B-frames they go back. What they go
   * back to cannot be placed any more, and nothing refers to it, unless B-frames are layered.
   */
  #isReordered(key: StreamKey, unit: ReceivedUnit): boolean {
    const newest = this.#newest.get(key) ?? -Infinity;
    this.#newest.set(key, Math.max(newest, unit.timestamp));
    // A step back of more than this is a clock set anew: the timeline splices it.
    const back = newest - unit.timestamp;
    if (back <= 0) {
      return false;
    }
    if (back > unit.clockRate) {
      this.#newest.set(key, unit.timestamp);
      return false;
    }
    this.#warn('whip/b-frames', 'The encoder sends B-frames, which WebRTC cannot carry: they are dropped. Set B-frames to 0 in the encoder.');
    return true;
  }

  #takeAudio(unit: ReceivedUnit, timestamp: number): void {
    const { sink, clock } = this.#options;
    const stated = unit.config?.kind === 'audio' ? unit.config : this.#audio;
    if (!stated) {
      this.#options.dropped('audio');
      return;
    }
    // Opus says in each packet how long it is; frames of a track have one duration.
    const config = { ...stated, frameDuration: unit.duration ?? stated.frameDuration };
    if (!sameAudio(config, this.#audio)) {
      if (!this.#mayChange()) {
        return;
      }
      this.#audio = config;
      sink.config(config);
    }
    if (unit.data.length > 0) {
      sink.sample({ kind: 'audio', timestamp, compositionOffset: 0, key: true, data: unit.data, arrival: clock() });
    }
  }

  #announce([best, ...lower]: readonly [VideoSourceConfig, ...VideoSourceConfig[]]): boolean {
    if (!this.#mayChange()) {
      return false;
    }
    this.#options.sink.config(best, lower);
    return true;
  }

  #mayChange(): boolean {
    const now = this.#options.clock();
    const gained = (Math.max(0, elapsed(this.#changes.at, now)) * CHANGES_PER_SECOND) / 1000;
    this.#changes = { left: Math.min(MAX_CHANGES, this.#changes.left + gained) - 1, at: now };
    if (this.#changes.left < 0) {
      this.#options.refuse('size, profile or layers change all the time, and each change interrupts viewers');
      return false;
    }
    return true;
  }

  #warn(code: string, message: string): void {
    if (!this.#warned.has(code)) {
      this.#warned.add(code);
      this.#options.sink.warn(code, message);
    }
  }
}

function sameAudio(a: AudioConfig, b: AudioConfig | undefined): boolean {
  return b !== undefined && a.codecString === b.codecString && a.channels === b.channels && a.frameDuration === b.frameDuration && a.description.toHex() === b.description.toHex();
}

