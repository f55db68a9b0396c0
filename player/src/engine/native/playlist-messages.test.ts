import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { EngineEvent } from '../../events/timed-message.ts';
import type { EngineListener } from '../engine.ts';
import { firstPlaylist, rangesOf, tellPlaylistMessages } from './playlist-messages.ts';

const id = '00112233445566778899aabbccddeeff';
const multivariant = '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="b/audio/index.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb/video/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb/v360/index.m3u8\n';
const tag = (date: string): string =>
  `#EXT-X-DATERANGE:ID="${id}",CLASS="urn:millrace:event:2026",START-DATE="${date}",DURATION=0,X-TIME=11.250000,X-TYPE="poll",X-DATA="eyJxIjoxfQ"`;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('location', { href: 'https://host/watch/cam' });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('finds a media playlist', () => {
  expect(firstPlaylist(multivariant, 'https://host/live/cam/master.m3u8')).toBe('https://host/live/cam/b/video/index.m3u8');
  expect(firstPlaylist('', 'https://host/live/cam/master.m3u8')).toBeUndefined();
  expect(firstPlaylist('#EXT-X-STREAM-INF:BANDWIDTH=1', 'https://host/live/cam/master.m3u8')).toBeUndefined();
});

it('reads attributes with and without quotes', () => {
  expect(rangesOf(`#EXTM3U\r\n${tag('2026-01-01T00:00:11.250Z')}\r\n#EXTINF:1,\r\n`)).toEqual([
    { ID: id, CLASS: 'urn:millrace:event:2026', 'START-DATE': '2026-01-01T00:00:11.250Z', DURATION: '0', 'X-TIME': '11.250000', 'X-TYPE': 'poll', 'X-DATA': 'eyJxIjoxfQ' },
  ]);
});

it('tells of messages once the browser knows the date, each once, through trouble, until it is ended', async () => {
  const told: EngineEvent[] = [];
  const asked: string[] = [];
  const ends = new AbortController();
  const date: { start?: number } = {};
  let isDown = false;
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url);
    return isDown ? Promise.reject(new TypeError('down')) : Promise.resolve(new Response(url.endsWith('master.m3u8') ? multivariant : `#EXTM3U\n${tag('2026-01-01T00:00:11.250Z')}\n`));
  });
  const done = tellPlaylistMessages({ url: '/live/cam/master.m3u8', startDate: () => date.start, signal: ends.signal, listener: { event: (event) => told.push(event) } as Partial<EngineListener> as EngineListener });
  await vi.advanceTimersByTimeAsync(2_500);
  expect(asked).toEqual(['https://host/live/cam/master.m3u8']);
  date.start = Date.UTC(2026, 0, 1);
  isDown = true;
  await vi.advanceTimersByTimeAsync(1_000);
  isDown = false;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(told).toEqual([{ message: { id, type: 'poll', data: { q: 1 }, time: 11.25, wallTime: '2026-01-01T00:00:11.250Z' }, place: { kind: 'position', position: 11.25 } }]);
  ends.abort();
  await done;
  const before = asked.length;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked.length).toBe(before);
});

it('asks no more once a playlist is ended, and as seldom as it is told to', async () => {
  const asked: string[] = [];
  let end = '';
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response(url.endsWith('master.m3u8') ? multivariant : `#EXTM3U\n${end}`));
  });
  const listener = { event: () => undefined } as Partial<EngineListener> as EngineListener;
  const done = tellPlaylistMessages({ url: '/live/cam/master.m3u8', startDate: () => 0, signal: new AbortController().signal, listener, interval: 10_000 });
  await vi.advanceTimersByTimeAsync(25_000);
  expect(asked).toHaveLength(4);
  end = '#EXT-X-ENDLIST\n';
  await vi.advanceTimersByTimeAsync(10_000);
  await done;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(5);
});
