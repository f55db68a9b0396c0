import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startPublisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';
import { askByFetch } from '../llhls/ask.ts';
import { initFacts, sampleFacts } from '../llhls/mp4-facts.ts';
import { shortName, type Observation } from '../llhls/observation.ts';
import type { Report } from '../llhls/report.ts';
import { checkPlain, plainRules, slidingRules } from './check-plain.ts';
import { mpdFacts } from './mpd-facts.ts';
import { observePlain } from './observe-plain.ts';

const run = promisify(execFile);
const KEY = 'cam1_conformance-0123456789';

/** Viewers may go back so far, in seconds: less than the broadcast lasts, so that the window slides. */
const REWIND = 8;

type Recording = { readonly id: string; readonly state: string; readonly duration: number; readonly bytes: number; readonly lostGroups: number };

describe('a broadcast whose publisher drops and returns', { timeout: 60_000 }, () => {
  let server: TestServer;
  let folder: string;
  let rewind: Observation;
  let vod: Observation;
  let recording: Recording;
  let path: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-recordings-'));
    server = await startServer({ config: { streams: [{ key: KEY, ladder: [{ height: 180, bitrate: '250k' }], rewindWindow: REWIND }] } });
    const first = startPublisher({ url: server.publishUrl(KEY), bFrames: 2 });
    const url = `${server.url}/live/cam1/rewind.m3u8`;
    await until('the rewind window to have every rendition', async () => (await (await fetch(url)).text()).match(/rewind\.m3u8/g)?.length === 3, { deadline: 30_000 });
    const observer = await observePlain(url, askByFetch);
    await setTimeout(4000);
    await tell('one');
    await setTimeout(6000);
    await first.kill();
    await setTimeout(2000);
    const second = startPublisher({ url: server.publishUrl(KEY), bFrames: 2 });
    await until('the publisher to be back', async () => tell('two'));
    await setTimeout(7000);
    await second.stop();
    // The publisher has 30 s to return.
    recording = await until('the recording to be finished', async () => (await list()).find(({ state }) => state === 'finished'), { deadline: 60_000 });
    path = `/recordings/${recording.id}`;
    await observer.ended;
    rewind = await observer.finish();
    const whole = await observePlain(`${server.url}${path}/master.m3u8`, askByFetch);
    await whole.ended;
    vod = await whole.finish();
  }, 150_000);

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function list(): Promise<Recording[]> {
    return ((await (await fetch(`${server.url}/api/v1/recordings?stream=cam1`)).json()) as { recordings: Recording[] }).recordings;
  }

  async function tell(type: string): Promise<boolean> {
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    return (await fetch(`${server.url}/api/v1/streams/cam1/metadata`, { method: 'POST', headers, body: JSON.stringify({ type, data: { n: 1 } }) })).status === 201;
  }

  function untried(report: Report, rules: typeof plainRules): readonly string[] {
    return rules.filter((rule) => report.timesTried(rule) === 0);
  }

  test('the rewind playlists keep every rule of plain HLS while their window slides across the drop, and end', () => {
    const report = checkPlain(rewind, 'rewind');
    expect(report.toString()).toBe('');
    expect(untried(report, [...plainRules, ...slidingRules])).toEqual([]);
    const video = rewind.renditions.find(({ url }) => url.includes('/video/'));
    const [before, after] = [video?.snapshots[0]?.playlist, video?.snapshots.at(-1)?.playlist];
    expect(after?.mediaSequence).toBeGreaterThan(before?.mediaSequence ?? Infinity);
    expect(after?.segments.reduce((sum, { duration = 0 }) => sum + duration, 0)).toBeLessThanOrEqual(REWIND + 1.1);
    expect(video?.snapshots.some(({ playlist }) => playlist.segments.some(({ discontinuities }) => discontinuities > 0))).toBe(true);
    expect(rewind.renditions.map(({ snapshots }) => snapshots.at(-1)?.playlist.endList)).toEqual([true, true, true]);
  });

  test('the recording keeps them too, and has the bytes that live viewers had', () => {
    const report = checkPlain(vod, 'vod');
    expect(report.toString()).toBe('');
    expect(untried(report, plainRules)).toEqual([]);
    const kept = new Map(vod.renditions.flatMap(({ resources }) => [...resources].map(([url, { bytes }]) => [shortName(url), bytes] as const)));
    const live = rewind.renditions.flatMap(({ resources }) => [...resources].map(([url, { bytes }]) => [shortName(url), bytes] as const));
    expect(live.length).toBeGreaterThan(30);
    for (const [name, bytes] of live) {
      expect(Buffer.from(bytes).equals(kept.get(name) ?? Buffer.alloc(0)), name).toBe(true);
    }
    expect(recording.lostGroups).toBe(0);
  });

  test('the DASH manifest tells of the same segments, where their samples lie', async () => {
    const { type, duration, periods } = mpdFacts(await (await fetch(`${server.url}${path}/manifest.mpd`)).text());
    expect(type).toBe('static');
    expect(periods).toHaveLength(2);
    let end = 0;
    for (const period of periods) {
      expect(period.start).toBeCloseTo(end, 3);
      end = period.start + period.duration;
      expect(period.representations.map(({ id }) => id).sort()).toEqual(['audio', 'v180', 'video']);
      for (const { id, codecs, init: initUrl, segments, timescale, presentationTimeOffset } of period.representations) {
        const fetched = async (url: string): Promise<Uint8Array> => new Uint8Array(await (await fetch(`${server.url}${path}/${url}`)).arrayBuffer());
        const init = initFacts(await fetched(initUrl));
        expect([init.codec, init.timescale]).toEqual([codecs, timescale]);
        for (const [index, { url, time, duration: ticks }] of segments.entries()) {
          const samples = sampleFacts(await fetched(url), init);
          const begin = Math.min(...samples.map(({ pts }) => pts));
          // Sound that begins a frame behind the picture is said to begin with the period.
          const late = index === 0 && id === 'audio' && time === presentationTimeOffset ? begin - time : 0;
          expect(late, url).toBeLessThan(0.03 * timescale);
          expect([begin - late, samples.reduce((sum, sample) => sum + sample.duration, late)], url).toEqual([time, ticks]);
        }
        // Nothing that a decoder needs lies before the period, and there is no hole at its start; sound may begin a frame early.
        const early = presentationTimeOffset - (segments[0]?.time ?? Infinity);
        expect(early, id).toBeGreaterThanOrEqual(0);
        expect(early, id).toBeLessThanOrEqual(id === 'audio' ? 0.03 * timescale : 0);
      }
    }
    expect(duration).toBeCloseTo(end, 3);
    expect(Math.abs(duration - recording.duration)).toBeLessThan(0.5);
  });

  test('the download is one MP4 that independent readers take without a word', async () => {
    const response = await fetch(`${server.url}${path}/download.mp4`);
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="cam1-\d{4}-\d\d-\d\d-\d{4}\.mp4"$/);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
    const file = join(folder, 'download.mp4');
    await writeFile(file, bytes);

    const { stderr } = await run('ffmpeg', ['-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-']);
    expect(stderr).toBe('');
    const { stdout } = await run('ffprobe', ['-v', 'error', '-count_packets', '-show_entries', 'stream=codec_name,width,height,start_time,duration,nb_read_packets', '-of', 'json', file]);
    const { streams } = JSON.parse(stdout) as { streams: Record<string, string | number>[] };
    expect(streams.map(({ codec_name: name, width }) => [name, width])).toEqual([['h264', 640], ['aac', undefined]]);
    const [video, audio] = streams.map(({ start_time: start, duration }) => ({ start: Number(start), duration: Number(duration) }));
    expect(Math.abs((video?.start ?? 1) - (audio?.start ?? 0))).toBeLessThan(0.03);
    expect(Math.abs((video?.duration ?? 0) - (audio?.duration ?? 0))).toBeLessThan(0.3);
    expect(Math.abs((video?.duration ?? 0) - recording.duration)).toBeLessThan(0.5);

    const reader = createFile(true);
    const info = Promise.withResolvers<{ isProgressive: boolean; isFragmented: boolean; tracks: readonly { nb_samples: number }[] }>();
    reader.onError = (module, message) => info.reject(new Error(`${module}: ${message}`));
    reader.onReady = (movie) => info.resolve(movie as never);
    reader.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.buffer, 0));
    reader.flush();
    const movie = await info.promise;
    expect([movie.isProgressive, movie.isFragmented]).toEqual([true, false]);
    expect(movie.tracks.map(({ nb_samples: samples }) => samples)).toEqual(streams.map(({ nb_read_packets: packets }) => Number(packets)));
  });

  test('what is removed is gone from every URL', async () => {
    const token = /API token\s+in (\S+)/.exec(server.log())?.[1];
    const authorization = `Bearer ${(await readFile(token ?? '', 'utf8')).trim()}`;
    const removed = await fetch(`${server.url}/api/v1/recordings/${recording.id}`, { method: 'DELETE', headers: { authorization } });
    expect(removed.ok).toBe(true);
    expect(await list()).toEqual([]);
    for (const file of ['master.m3u8', 'manifest.mpd', 'video/index.m3u8', 'download.mp4']) {
      const answer = await fetch(`${server.url}${path}/${file}`);
      expect([answer.status, ((await answer.json()) as { code: string }).code], file).toEqual([404, 'recording/unknown']);
    }
  });
});
