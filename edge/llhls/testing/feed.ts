import { broadcastId } from '#core/media/frame.ts';
import { millis, millisToTicks, ticks, timescale, VIDEO_TIMESCALE, wallTime, type Millis, type WallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { trackName, type AudioConfig, type ConfigId, type VideoConfig } from '#core/media/track.ts';

import type { InitSegment, Part, Segment } from '../../cmaf/segment.ts';
import { TrackWindow, type WindowOptions } from '../track-window.ts';

/** Instant of group 0 in tests: 2026-01-01T00:00:00Z. */
export const ORIGIN = wallTime(Date.UTC(2026, 0, 1));

/** A picture of 640x360 at 30 frames a second. */
export const videoConfig: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.64001e',
  description: new Uint8Array([1, 0x64, 0, 0x1e]),
  width: 640,
  height: 360,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 3000,
  reordered: false,
};

/** Stereo AAC at 48 kHz. */
export const audioConfig: AudioConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  description: new Uint8Array([0x11, 0x90]),
  sampleRate: 48_000,
  channels: 2,
  timescale: timescale(48_000),
  frameDuration: 1024,
};

/** The id of the configuration that {@link Feed} uses unless told otherwise. */
export const CONFIG = '00000000000000c1' as ConfigId;

/** A window for tests: 30 s, 1 MiB, parts of 200 ms. */
export function testWindow(more: Partial<WindowOptions> = {}): TrackWindow {
  return new TrackWindow(trackName('video'), { kind: 'video', listed: millis(30_000), maxBytes: 1024 * 1024, partTarget: () => millis(200), ...more });
}

/** How a group of {@link Feed} is made. */
export type GroupFacts = { readonly epoch?: number; readonly config?: ConfigId; readonly parts?: number; readonly partDuration?: Millis; readonly partBytes?: number; readonly events?: readonly TimedEvent[]; readonly at?: WallTime };

/** Plays the packager: tells a window of parts and segments. Group n starts n seconds after {@link ORIGIN}. */
export class Feed {
  readonly #window: TrackWindow;
  #open: { -readonly [K in keyof Segment]: Segment[K] } | undefined;

  constructor(window: TrackWindow) {
    this.#window = window;
  }

  init(config: ConfigId = CONFIG, trackConfig: InitSegment['trackConfig'] = videoConfig): void {
    this.#window.init({ config, trackConfig, bytes: Buffer.from(`init ${config}`) });
  }

  /** The next part of a group. Its bytes are its name, padded. */
  part(group: number, { epoch = 0, config = CONFIG, partDuration = millis(200), partBytes = 10, events, at = wallTime(ORIGIN + group * 1000) }: GroupFacts = {}): void {
    if (this.#open?.group !== group) {
      const start = ticks(group * VIDEO_TIMESCALE);
      this.#open = { broadcast: broadcastId('testbroadcast'), track: this.#window.track, epoch, group, config, parts: [], duration: millis(0), wallTime: at, bytes: 0, complete: false, timescale: VIDEO_TIMESCALE, pts: start, dts: start, ticks: ticks(0) };
    }
    const open = this.#open;
    const index = open.parts.length;
    const bytes = Buffer.from(`${group}.${index}`.padEnd(partBytes, '.'));
    const part: Part = { group, index, duration: partDuration, independent: index === 0, bytes, offset: open.bytes, ...(events === undefined ? {} : { events }) };
    open.parts = [...open.parts, part];
    open.duration = millis(open.duration + partDuration);
    open.ticks = millisToTicks(open.duration, VIDEO_TIMESCALE);
    open.bytes += bytes.length;
    this.#window.part(open, part);
  }

  /** Ends the open group. */
  end(): void {
    if (this.#open !== undefined) {
      this.#open.complete = true;
      this.#window.segment(this.#open);
    }
  }

  /** A whole group. */
  group(group: number, facts: GroupFacts = {}): void {
    for (let i = 0; i < (facts.parts ?? 5); i++) {
      this.part(group, facts);
    }
    this.end();
  }

  /** Whole groups `from` to `to`, inclusive. */
  groups(from: number, to: number, facts: GroupFacts = {}): void {
    for (let group = from; group <= to; group++) {
      this.group(group, facts);
    }
  }
}
