import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo, Face, Rendition } from '#core/bus/catalog.ts';
import { broadcastId, type BroadcastId, type Frame } from '#core/media/frame.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { millis, ticks, timescale, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import { configIdOf, trackName, type AudioConfig, type TrackConfig, type VideoConfig } from '#core/media/track.ts';

/** A real configuration of x264: 640x360, High, level 3.0. */
export const highConfig: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.64001e',
  description: Uint8Array.from(Buffer.from('0164001effe100166764001eacd940a02ff97016a02020280000030008000003019078b16cb001000568ebe3cb22fdf8f800', 'hex')),
  width: 640,
  height: 360,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 3000,
  reordered: false,
};

/** VP8 as a browser publishes it. */
export const vp8Config: VideoConfig = { ...highConfig, codec: 'vp8', codecString: 'vp8', description: new Uint8Array() };

/** Opus as WebRTC wants it. */
export const opusConfig: AudioConfig = {
  kind: 'audio',
  codec: 'opus',
  codecString: 'opus',
  description: Uint8Array.of(0, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0),
  sampleRate: 48_000,
  channels: 2,
  timescale: timescale(48_000),
  frameDuration: 960,
};

/** Frames of one group: a second at 30 fps. */
export const GROUP = 30;

/** Number of the first group. */
export const FIRST_GROUP = 100;

/** A rung as a ladder names it. */
export function rendition(track: string, bitrate: number, more: { readonly mode?: Rendition['mode']; readonly faces?: readonly Face[]; readonly config?: TrackConfig } = {}): Rendition {
  const { mode = track === 'video' ? 'passthrough' : 'encoded', faces = ['hls', 'webrtc'], config = track === 'opus' ? opusConfig : highConfig } = more;
  return { track: trackName(track), label: track, faces, mode, reason: '', config, frameRate: 30, bandwidth: bitrate, averageBandwidth: bitrate };
}

/** A broadcast whose frames a test writes one by one: frame `n` has pts `n / 30` s and, on the grid of groups, is a key frame where one starts. */
export class TestBroadcast {
  readonly id: BroadcastId;
  readonly #bus: Bus;
  #info: BroadcastInfo;
  #revision = 0;

  constructor(bus: Bus, id = 'testbroadcast', stream = 'demo', startedAt = wallTime(Date.UTC(2026, 0, 1))) {
    this.#bus = bus;
    this.id = broadcastId(id);
    this.#info = { stream, broadcast: this.id, epoch: 0, state: 'live', startedAt };
    bus.announce(this.#info);
  }

  /** Announces another state. */
  state(state: BroadcastInfo['state'], epoch = this.#info.epoch): void {
    this.#info = { ...this.#info, state, epoch };
    this.#bus.announce(this.#info);
  }

  /** Puts a ladder of these rungs. */
  ladder(...renditions: readonly Rendition[]): void {
    this.#revision += 1;
    const { stream, broadcast, epoch } = this.#info;
    this.#bus.putCatalog(broadcast, 'ladder', { stream, broadcast, epoch, fence: 1, revision: this.#revision, partTarget: millis(200), renditions, omitted: [] });
  }

  /** Writes frames `from` to `to` (excluded) of a track; `events` are the first one's. */
  write(track: string, from: number, to = from + 1, more: { readonly config?: VideoConfig; readonly keys?: readonly number[]; readonly bytes?: number; readonly epoch?: number; readonly events?: readonly TimedEvent[] } = {}): void {
    const producer = this.#bus.produce(this.id, trackName(track), { fence: 1 });
    for (let n = from; n < to; n++) {
      producer.write(this.#frame(track, n, n === from ? more : { ...more, events: [] }));
    }
    producer.close();
  }

  /** Writes frames of sound: frame `n` has pts `n / 50` s. */
  sound(track: string, from: number, to = from + 1, events: readonly TimedEvent[] = []): void {
    const producer = this.#bus.produce(this.id, trackName(track), { fence: 1 });
    for (let n = from; n < to; n++) {
      const pts = ticks(n * 960);
      const index = n % 50;
      const head = index === 0 ? { head: { config: opusConfig, wallTime: wallTime(this.#info.startedAt + n * 20) } } : {};
      const place = { group: FIRST_GROUP + Math.floor(n / 50), index, pts, dts: pts, duration: ticks(960), key: true };
      producer.write({ broadcast: this.id, epoch: 0, fence: 1, track: trackName(track), ...place, config: configIdOf(opusConfig), data: Uint8Array.of(0xfc, n % 256), ...head, ...(n === from && events.length > 0 ? { events } : {}) });
    }
    producer.close();
  }

  #frame(track: string, n: number, { config = highConfig, keys, bytes = 200, epoch = this.#info.epoch, events = [] }: Parameters<TestBroadcast['write']>[3] = {}): Frame {
    const pts = ticks(n * 3000);
    const index = n % GROUP;
    const key = keys === undefined ? index === 0 : keys.includes(n);
    const data = new Uint8Array(bytes).fill(n % 251);
    if (config.codec === 'h264') {
      new DataView(data.buffer).setUint32(0, bytes - 4);
      data[4] = key ? 0x65 : 0x41;
    }
    const head = index === 0 ? { head: { config, wallTime: wallTime(this.#info.startedAt + (n * 1000) / 30) } } : {};
    const place = { group: FIRST_GROUP + Math.floor(n / GROUP), index, pts, dts: pts, duration: ticks(3000), key };
    return { broadcast: this.id, epoch, fence: 1, track: trackName(track), ...place, config: configIdOf(config), data, ...head, ...(events.length > 0 ? { events } : {}) };
  }
}

/** A message on the timeline; on 90 kHz whatever carries it. */
export function message(name: string, pts: number, data = '{"question":"?"}'): TimedEvent {
  return { id: name.repeat(32).slice(0, 32), type: 'poll', pts: ticks(pts), data };
}

/** Lets everything happen that needs no time to pass. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
