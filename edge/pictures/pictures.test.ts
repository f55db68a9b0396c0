import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { broadcastId } from '#core/media/frame.ts';
import { millis, systemClock } from '#core/media/time.ts';

import { Packager } from '../cmaf/packager.ts';
import { getter, type Answer } from '../http/testing/edge.ts';
import { Directory } from '../llhls/directory.ts';
import { testLadder, testRendition } from '../llhls/testing/broadcast.ts';
import { videoConfig } from '../cmaf/testing/frames.ts';
import { Pictures, type PictureTarget } from './pictures.ts';
import { INFO, KEPT, kept, seconds } from './testing/kept.ts';

/** Pictures over HTTP, of `demo` on air, with an ffmpeg that is not there unless said otherwise: what it makes is judged elsewhere. */
async function serve(frames = seconds(0, 25), ffmpegPath = '/nonexistent/ffmpeg') {
  const { archive, broadcast, folder } = kept(frames);
  const directory = new Directory({ clock: systemClock, listed: millis(30_000), maxBytesPerTrack: 1e7, partHoldBack: 2.5, knownStreams: () => ['quiet'] });
  const window = directory.announce(INFO);
  const rendition = testRendition('v360', videoConfig, 700_000);
  window.ladder = testLadder([rendition]);
  const packager = new Packager(window.renditions.get(rendition.track)!.window);
  frames.slice(0, 50).forEach((frame) => packager.push(frame));
  const bus = createLocalBus();
  const metrics = new Registry();
  const logged: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  const pictures = new Pictures({ directory, archive, bus, ffmpegPath, log, metrics, clock: systemClock });
  const server = createServer((request, response) => {
    const target = JSON.parse(decodeURIComponent((request.url ?? '').slice(1))) as PictureTarget | string;
    if (typeof target !== 'string') {
      pictures.handle(request, response, target);
    } else if (!pictures.handleArchived(request, response, broadcast, target)) {
      response.writeHead(418).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await pictures.close();
    await bus.close();
    server.closeAllConnections();
    server.close();
  });
  const get = getter((server.address() as AddressInfo).port);
  return {
    folder, broadcast, directory, metrics, pictures, logged,
    ask: (target: PictureTarget | string, options?: Parameters<typeof get>[1]): Promise<Answer> => get(`/${encodeURIComponent(JSON.stringify(target))}`, options),
  };
}

const codeOf = ({ status, text }: Answer): [number, string] => [status, (JSON.parse(text) as { code: string }).code];
const storyboard = (file: string, given: { stream?: string; broadcast?: string } = {}): PictureTarget => ({
  kind: 'storyboard', stream: given.stream ?? 'demo', broadcast: given.broadcast === undefined ? KEPT : broadcastId(given.broadcast), file,
});

test.each([
  ['nobody', 404, 'stream/unknown', undefined],
  ['quiet', 404, 'offline', '1'],
])('a poster of the stream %s is answered %i %s', async (stream, status, code, retryAfter) => {
  const { ask } = await serve();
  const answer = await ask({ kind: 'poster', stream });
  expect([...codeOf(answer), answer.headers['retry-after']]).toEqual([status, code, retryAfter]);
});

test('without ffmpeg a poster is late, operators are told once, and it is counted', async () => {
  const { ask, logged, metrics } = await serve();
  const answers = await Promise.all([ask({ kind: 'poster', stream: 'demo' }), ask({ kind: 'thumbnail', stream: 'demo' })]);
  expect(answers.map(codeOf)).toEqual([[503, 'pictures/late'], [503, 'pictures/late']]);
  expect(answers[0]?.headers['retry-after']).toBe('1');
  expect(logged.filter((line) => line.includes('ffmpeg cannot be started'))).toHaveLength(1);
  const text = await metrics.metrics();
  expect(text).toContain('millrace_picture_decodes_total{kind="poster",result="failed"} 1');
  expect(text).toContain('millrace_picture_requests_total{kind="thumbnail",status="503"} 1');
}, 10_000);

test('a frame that no decoder takes harms nobody', async () => {
  // Made-up frames, a real ffmpeg: it complains and fails.
  const { ask, metrics } = await serve(seconds(0, 25), 'ffmpeg');
  expect(codeOf(await ask({ kind: 'poster', stream: 'demo' }))).toEqual([503, 'pictures/late']);
  expect(codeOf(await ask(storyboard('storyboard-0.jpg')))[0]).toBe(503);
  expect(await metrics.metrics()).not.toContain('result="made"');
}, 15_000);

test('a stream\'s storyboard comes in wall time, packed for who takes that', async () => {
  const { ask } = await serve();
  const answer = await ask(storyboard('storyboard.vtt'), { headers: { 'Accept-Encoding': 'gzip' } });
  expect(answer.headers).toMatchObject({ 'content-type': 'text/vtt; charset=utf-8', 'content-encoding': 'gzip', 'cache-control': 'public, max-age=5', 'access-control-allow-origin': '*' });
  expect(answer.text).toMatch(/^WEBVTT\n\nNOTE start 2026-01-01T00:00:00.000Z\n/);
  expect(answer.text.match(/-->/g)).toHaveLength(3);
});

test.each([
  ['another stream\'s broadcast', storyboard('storyboard.vtt', { stream: 'quiet' })],
  ['a broadcast that is not kept', storyboard('storyboard.vtt', { broadcast: 'unknown1' })],
  ['a sprite that will come later', storyboard('storyboard-1.jpg')],
  ['another file', storyboard('storyboard.jsonl')],
  ['a file of the archive', storyboard('broadcast.json')],
])('%s has no storyboard', async (_what, target) => {
  const { ask } = await serve();
  expect(codeOf(await ask(target))).toEqual([404, 'media/not-found']);
});

test('a recording\'s poster is the file that is kept with it', async () => {
  const { ask, folder } = await serve();
  expect(codeOf(await ask('poster.jpg'))).toEqual([404, 'media/not-found']);
  await writeFile(join(folder, 'poster.jpg'), 'a JPEG');
  const answer = await ask('poster.jpg');
  expect([answer.status, answer.text, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([200, 'a JPEG', 'image/jpeg', 'public, max-age=300']);
  expect((await ask('poster.jpg', { headers: { 'If-None-Match': answer.headers.etag ?? '' } })).status).toBe(304);
});

test('a recording\'s storyboard comes in its own time; what is no picture is left to others', async () => {
  const { ask } = await serve();
  expect((await ask('storyboard.vtt')).text).toMatch(/^WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nstoryboard-0.jpg\?tiles=3#/);
  for (const file of ['master.m3u8', 'storyboard-x.jpg', '../poster.jpg']) {
    expect((await ask(file)).status).toBe(418);
  }
});

test('when the server stops, who waits is answered at once', async () => {
  const { ask, pictures } = await serve([]);
  const waiting = ask({ kind: 'poster', stream: 'demo' });
  await new Promise((resolve) => setImmediate(resolve));
  await pictures.close();
  expect(codeOf(await waiting)).toEqual([503, 'pictures/late']);
});
