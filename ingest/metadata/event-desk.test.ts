import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { broadcastId, type Frame } from '#core/media/frame.ts';
import { ticks, timescale, VIDEO_TIMESCALE, wallTime, type WallTime } from '#core/media/time.ts';
import { trackName, type AudioConfig, type ConfigId, type TrackConfig, type VideoConfig } from '#core/media/track.ts';

import { EventDesk } from './event-desk.ts';

const video: VideoConfig = { kind: 'video', codec: 'h264', codecString: 'avc1.42c01e', description: new Uint8Array(), width: 640, height: 360, timescale: VIDEO_TIMESCALE, frameDuration: 3000, reordered: true };
const audio: AudioConfig = { kind: 'audio', codec: 'aac', codecString: 'mp4a.40.2', description: new Uint8Array(), sampleRate: 44_100, channels: 2, timescale: timescale(44_100), frameDuration: 1024 };
const tracks = (...named: readonly (readonly [string, TrackConfig])[]) => named.map(([name, config]) => ({ name: trackName(name), config }));

function frameOf(track: string, pts: number, head?: { readonly config: TrackConfig; readonly at: number }): Frame {
  const place = { broadcast: broadcastId('testtest1'), epoch: 0, fence: 1, track: trackName(track), group: 5, index: head === undefined ? 1 : 0 };
  const time = { pts: ticks(pts), dts: ticks(pts), duration: ticks(3000), key: head !== undefined };
  return { ...place, ...time, config: 'c' as ConfigId, data: new Uint8Array(1), ...(head === undefined ? {} : { head: { config: head.config, wallTime: wallTime(head.at) } }) };
}

const request = (n: number): object => ({ type: 'test', data: String(n) });
const START = wallTime(Date.UTC(2026, 0, 1));

describe('the desk that takes a stream\'s messages', () => {
  let now: WallTime;
  let live: boolean;
  let ids: number;
  let desk: EventDesk;

  beforeEach(() => {
    vi.useFakeTimers();
    now = START;
    live = true;
    ids = 0;
    desk = new EventDesk({ clock: () => now, isLive: () => live, makeId: () => (ids++).toString(16).padStart(32, '0') });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** Has ingest write a frame; what was on it. */
  function write(frame: Frame): string[] {
    const stamped = desk.stamp(frame);
    desk.wrote(stamped);
    return (stamped.events ?? []).map(({ data, pts }) => `${data}@${pts}`);
  }

  it('puts messages on the next frame of the picture, in their order, and tells who sent them where they are', async () => {
    desk.begin(tracks(['video', video], ['audio', audio]));
    write(frameOf('video', 180_000, { config: video, at: START }));
    const answers = [desk.take(request(1)), desk.take(request(2))];
    expect(write(frameOf('audio', 88_200))).toEqual([]);
    expect(write(frameOf('video', 189_000))).toEqual(['1@189000', '2@189000']);
    expect(write(frameOf('video', 183_000))).toEqual([]);
    expect(await Promise.all(answers)).toEqual([
      { id: '0'.repeat(32), type: 'test', broadcast: 'testtest1', time: 2.1, wallTime: '2026-01-01T00:00:00.100Z' },
      { id: '1'.padStart(32, '0'), type: 'test', broadcast: 'testtest1', time: 2.1, wallTime: '2026-01-01T00:00:00.100Z' },
    ]);
  });

  it('puts them on the sound where there is no picture, with their time in ticks of 90 kHz', async () => {
    desk.begin(tracks(['audio', audio]));
    write(frameOf('audio', 44_100, { config: audio, at: START }));
    const answer = desk.take(request(1));
    expect(write(frameOf('audio', 44_100 + 22_050))).toEqual(['1@135000']);
    expect(await answer).toMatchObject({ time: 1.5, wallTime: '2026-01-01T00:00:00.500Z' });
  });

  it('changes over where a picture comes or goes, with what waits', () => {
    desk.begin(tracks(['audio', audio]));
    void desk.take(request(1));
    desk.begin(tracks(['audio', audio], ['video', video]));
    expect(write(frameOf('audio', 44_100))).toEqual([]);
    expect(write(frameOf('video', 90_000))).toEqual(['1@90000']);
  });

  it('puts them on the frames of the same time of every lower layer too', () => {
    desk.begin(tracks(['video', video], ['video-1', video], ['video-2', video]));
    void desk.take(request(1));
    expect(write(frameOf('video-1', 87_000))).toEqual([]);
    expect(write(frameOf('video', 90_000))).toEqual(['1@90000']);
    expect(write(frameOf('video-1', 90_001))).toEqual(['1@90000']);
    expect(write(frameOf('video-2', 86_000))).toEqual([]);
    expect(write(frameOf('video-2', 89_000))).toEqual(['1@90000']);
    expect(write(frameOf('video-1', 93_001))).toEqual([]);
  });

  it('puts what the last frames of an epoch said on a layer\'s first frames of the next, and nothing on another broadcast\'s', () => {
    const layers = tracks(['video', video], ['video-1', video]);
    desk.begin(layers);
    void desk.take(request(1));
    expect(write(frameOf('video', 90_000))).toEqual(['1@90000']);
    desk.begin(layers);
    expect(write(frameOf('video-1', 93_000))).toEqual(['1@90000']);
    void desk.take(request(2));
    expect(write(frameOf('video', 96_000))).toEqual(['2@96000']);
    desk.reset();
    desk.begin(layers);
    expect(write(frameOf('video-1', 96_000))).toEqual([]);
  });

  it('takes nothing while nobody publishes, and lets go of what waits when the publisher leaves', async () => {
    desk.begin(tracks(['video', video]));
    const waiting = desk.take(request(1));
    live = false;
    desk.dismiss();
    await expect(waiting).rejects.toMatchObject({ code: 'metadata/offline' });
    await expect(desk.take(request(2))).rejects.toMatchObject({ code: 'metadata/offline' });
    live = true;
    desk.begin(tracks(['video', video]));
    expect(write(frameOf('video', 90_000))).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells who sent a message that its frame could not be written', async () => {
    desk.begin(tracks(['video', video]));
    const waiting = desk.take(request(1));
    desk.stamp(frameOf('video', 90_000));
    desk.dismiss();
    await expect(waiting).rejects.toMatchObject({ code: 'metadata/offline' });
  });

  it('gives a message up for which no frame comes in two seconds, and never sends it later', async () => {
    desk.begin(tracks(['video', video], ['audio', audio]));
    const waiting = expect(desk.take(request(1))).rejects.toMatchObject({ code: 'metadata/timeout' });
    await vi.advanceTimersByTimeAsync(1999);
    void desk.take(request(2));
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    expect(write(frameOf('video', 90_000))).toEqual(['2@90000']);
  });

  it('takes twenty messages at once and five a second from then on', async () => {
    desk.begin(tracks(['video', video]));
    let refused = 0;
    const send = (count: number): number => {
      for (let n = 0; n < count; n++) {
        desk.take(request(n)).catch(() => refused++);
      }
      return write(frameOf('video', 90_000)).length;
    };
    expect(send(30)).toBe(20);
    await vi.advanceTimersByTimeAsync(0);
    expect(refused).toBe(10);
    now = wallTime(now + 199);
    expect(send(5)).toBe(0);
    now = wallTime(now + 1);
    expect(send(5)).toBe(1);
    now = wallTime(now - 60_000);
    expect(send(5)).toBe(0);
    now = wallTime(now + 600_000);
    expect(send(30)).toBe(20);
    await expect(desk.take(request(1))).rejects.toMatchObject({ code: 'metadata/too-many' });
  });

  it('takes messages of the publisher besides, as many, and tells at once why one is left out', () => {
    desk.begin(tracks(['video', video]));
    const refused = Array.from({ length: 25 }, (_, n) => desk.post({ type: 'rtmp.ontextdata', data: String(n) })?.code);
    expect(refused.filter((code) => code === 'metadata/too-many')).toHaveLength(5);
    void desk.take(request(1));
    expect(write(frameOf('video', 90_000))).toHaveLength(21);
    expect(desk.post({ type: 'rtmp.ontextdata', data: JSON.stringify('x'.repeat(5000)) })?.code).toBe('metadata/too-large');
    live = false;
    expect(desk.post({ type: 'rtmp.ontextdata', data: '1' })?.code).toBe('metadata/offline');
  });

  it('counts nothing that it refuses for another reason', async () => {
    live = false;
    await Promise.allSettled(Array.from({ length: 30 }, () => desk.take(request(1))));
    live = true;
    await Promise.allSettled(Array.from({ length: 30 }, () => desk.take({ type: '!' })));
    desk.begin(tracks(['video', video]));
    void desk.take(request(1));
    expect(write(frameOf('video', 90_000))).toEqual(['1@90000']);
  });
});
