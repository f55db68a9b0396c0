import { createHash } from 'node:crypto';
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';

import { downloadName } from './send-download.ts';
import { AUDIO, epochOf, RECORDING, recorded, STARTED, VIDEO } from './testing/recorded.ts';
import { serveFace } from './testing/serve.ts';

const frames = [...epochOf('source-30', 0), ...epochOf('source-30', 1, { seconds: 30, groups: 40 })];
const { archive, broadcast } = await recorded(frames);
const at = `/recordings/${RECORDING}`;
let server: Awaited<ReturnType<typeof serveFace>>;

beforeAll(async () => {
  server = await serveFace(archive);
});

afterAll(async () => {
  await server.close();
});

describe('a finished recording', () => {
  test('has playlists that end, with the bytes of its segments behind them', async () => {
    const master = await server.get(`${at}/master.m3u8`);
    expect(master.headers).toMatchObject({ 'content-type': 'application/vnd.apple.mpegurl', 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' });
    expect(master.text.match(/^\S+index\.m3u8$/gm)).toEqual(['video/index.m3u8', 'v90/index.m3u8']);
    const playlist = parseMediaPlaylist((await server.get(`${at}/video/index.m3u8`)).text);
    expect(playlist).toMatchObject({ endList: true, playlistType: 'VOD', mediaSequence: 0, discontinuitySequence: 0 });
    expect(playlist.segments).toHaveLength(18);
    for (const { uri, map } of playlist.segments) {
      const segment = await server.get(`${at}/video/${uri}`);
      expect(segment.headers).toMatchObject({ 'content-type': 'video/mp4', 'cache-control': 'public, max-age=31536000, immutable' });
      const track = broadcast.tracks.get(VIDEO);
      expect(segment.body).toEqual(await track?.read(track.segmentOf(Number.parseInt(uri ?? '', 10)) as never));
      expect((await server.get(`${at}/video/${map?.uri}`)).body.subarray(4, 8).toString()).toBe('ftyp');
    }
  });

  test('gives parts of a segment to who asks for a range', async () => {
    const uri = `${at}/audio/${broadcast.tracks.get(AUDIO)?.segments[0]?.group}.m4s`;
    const [whole, part, outside] = await Promise.all([server.get(uri), server.get(uri, { headers: { range: 'bytes=10-19' } }), server.get(uri, { headers: { range: 'bytes=9999999-' } })]);
    expect([part.status, part.body]).toEqual([206, whole.body.subarray(10, 20)]);
    expect([outside.status, JSON.parse(outside.text).code]).toEqual([416, 'http/range']);
  });

  test('has a DASH manifest with a period for each epoch, one behind the other', async () => {
    const { text, headers } = await server.get(`${at}/manifest.mpd`);
    expect(headers['content-type']).toBe('application/dash+xml');
    expect(text).toContain('type="static"');
    expect([...text.matchAll(/<Period id="([^"]+)" start="PT([\d.]+)S" duration="PT([\d.]+)S">/g)].map((match) => match.slice(1, 4))).toEqual([['0-0', '0', '12'], ['1-1', '12', '12']]);
    expect(text).toContain(`media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init-${broadcast.tracks.get(AUDIO)?.segments[0]?.config}.mp4"`);
  });
});

describe('the download', () => {
  test('comes as one file with its length and a name', async () => {
    const { status, headers, body } = await server.get(`${at}/download.mp4`);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(body.length),
      'content-disposition': 'attachment; filename="demo-2026-11-22-1430.mp4"',
      'accept-ranges': 'bytes',
    });
    expect(body.subarray(4, 8).toString()).toBe('ftyp');
  });

  test('HEAD tells the same without the bytes', async () => {
    const [head, get] = [await server.get(`${at}/download.mp4`, { method: 'HEAD' }), await server.get(`${at}/download.mp4`)];
    expect(head.body).toHaveLength(0);
    expect({ ...head.headers, date: '' }).toEqual({ ...get.headers, date: '' });
  });

  test('any range is that of the whole', async () => {
    const whole = (await server.get(`${at}/download.mp4`)).body;
    const head = whole.indexOf('mdat') + 4;
    const places = [0, 1, 7, head - 1, head, head + 1, 50_000, whole.length - 1];
    for (const first of places) {
      for (const last of places.filter((place) => place >= first)) {
        const { status, body, headers } = await server.get(`${at}/download.mp4`, { headers: { range: `bytes=${first}-${last}` } });
        expect([status, headers['content-range'], headers['content-length']]).toEqual([206, `bytes ${first}-${last}/${whole.length}`, String(last - first + 1)]);
        expect(body.equals(whole.subarray(first, last + 1))).toBe(true);
      }
    }
    expect((await server.get(`${at}/download.mp4`, { headers: { range: 'bytes=-100' } })).body.equals(whole.subarray(-100))).toBe(true);
    const outside = await server.get(`${at}/download.mp4`, { headers: { range: `bytes=${whole.length}-` } });
    expect([outside.status, outside.headers['content-range']]).toEqual([416, `bytes */${whole.length}`]);
  });

  test('that was broken off goes on where it was, as long as it is the same file', async () => {
    const { headers, body } = await server.get(`${at}/download.mp4`);
    const range = `bytes=${body.length - 10}-`;
    expect((await server.get(`${at}/download.mp4`, { headers: { range, 'if-range': headers.etag ?? '' } })).status).toBe(206);
    expect((await server.get(`${at}/download.mp4`, { headers: { range, 'if-range': '"another"' } })).status).toBe(200);
    expect((await server.get(`${at}/download.mp4`, { headers: { 'if-none-match': headers.etag ?? '' } })).status).toBe(304);
  });

  test('has every sample of the best picture and the sound, and of nothing else', async () => {
    const { body } = await server.get(`${at}/download.mp4`);
    const media = body.subarray(body.indexOf('mdat') + 4);
    const wanted = frames.filter(({ track }) => track !== 'v90');
    expect(media.length).toBe(wanted.reduce((sum, { data }) => sum + data.length, 0));
    // Segments by time, picture before sound.
    const order = [...Map.groupBy(wanted, ({ track, group }) => `${group} ${track === VIDEO ? 0 : 1}`)].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, own]) => own.map(({ data }) => data));
    expect(createHash('sha256').update(media).digest('hex')).toBe(createHash('sha256').update(Buffer.concat(order)).digest('hex'));
  });

  test('reads what a viewer takes and no more', async () => {
    const track = broadcast.tracks.get(VIDEO);
    await server.get(`${at}/download.mp4`, { headers: { range: 'bytes=0-100' } });
    if (track !== undefined) {
      track.reads = { calls: 0, bytes: 0 };
    }
    await server.get(`${at}/download.mp4`, { headers: { range: 'bytes=-1000' } });
    expect(track?.reads.calls).toBeLessThanOrEqual(1);
  });

  test('comes over HTTP/2 too, to a client that is slower than the disk', async () => {
    const own = createServer((asked, answer) => void server.face.handle(asked as unknown as IncomingMessage, answer as unknown as ServerResponse, asked.url));
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
    const client = connect(`http://127.0.0.1:${(own.address() as AddressInfo).port}`);
    const stream = client.request({ ':path': `${at}/download.mp4` });
    const received: Buffer[] = [];
    for await (const chunk of stream) {
      received.push(chunk as Buffer);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.close();
    own.close();
    expect(Buffer.concat(received).equals((await server.get(`${at}/download.mp4`)).body)).toBe(true);
  });

  test('stops reading when the client has gone', async () => {
    const client = request({ host: '127.0.0.1', port: server.port, path: `${at}/download.mp4`, agent: false });
    const gone = new Promise((resolve) => client.on('close', resolve));
    client.on('error', () => {});
    client.on('response', (response) => {
      response.on('error', () => {});
      response.destroy();
    });
    client.end();
    await gone;
    expect((await server.get(`${at}/download.mp4`, { method: 'HEAD' })).status).toBe(200);
  });
});

test('the name of a download is its stream and the minute it began', () => {
  expect(downloadName({ stream: 'my-show', startedAt: STARTED })).toBe('my-show-2026-11-22-1430.mp4');
});

describe('a recording in progress', () => {
  test('can be played, and neither downloaded nor told as finished', async () => {
    const growing = await recorded(epochOf('source-30', 0), { open: true });
    const own = await serveFace(growing.archive);
    const playlist = await own.get(`${at}/video/index.m3u8`);
    expect(parseMediaPlaylist(playlist.text)).toMatchObject({ endList: false, playlistType: 'EVENT' });
    expect(playlist.headers['cache-control']).toBe('public, max-age=1');
    for (const file of ['download.mp4', 'manifest.mpd']) {
      const answer = await own.get(`${at}/${file}`);
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([409, 'recording/in-progress']);
    }
    growing.broadcast.package(epochOf('source-30', 1, { seconds: 30, groups: 40 }));
    expect(parseMediaPlaylist((await own.get(`${at}/video/index.m3u8`)).text).segments).toHaveLength(18);
    await growing.broadcast.end();
    expect(parseMediaPlaylist((await own.get(`${at}/video/index.m3u8`)).text).endList).toBe(true);
    expect((await own.get(`${at}/download.mp4`)).status).toBe(200);
    await own.close();
  });
});

describe('what is not there', () => {
  test.each([
    ['/recordings/recording2/master.m3u8', 404, 'recording/unknown'],
    [`${at}/v360/index.m3u8`, 404, 'media/not-found'],
    [`${at}/video/1.m4s`, 404, 'media/not-found'],
    [`${at}/video/init-0000000000000000.mp4`, 404, 'media/not-found'],
    [`${at}/poster.jpg`, 404, 'media/not-found'],
    [`${at}/broadcast.json`, 404, 'http/not-found'],
  ])('%s', async (path, status, code) => {
    const answer = await server.get(path);
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([status, code]);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
  });

  test('a rewind window is no recording', async () => {
    const kept = await recorded(epochOf('source-30', 0));
    kept.broadcast.isRecording = false;
    const own = await serveFace(kept.archive);
    expect((await own.get(`${at}/master.m3u8`)).status).toBe(404);
    await own.close();
  });

  test('a recording of which nothing can be played', async () => {
    const kept = await recorded([]);
    kept.broadcast.state = 'damaged';
    const own = await serveFace(kept.archive);
    const answer = await own.get(`${at}/master.m3u8`);
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([404, 'recording/damaged']);
    await own.close();
  });

  test('other methods are refused, and a page may ask before', async () => {
    const refused = await server.get(`${at}/download.mp4`, { method: 'DELETE' });
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    const asked = await server.get(`${at}/download.mp4`, { method: 'OPTIONS' });
    expect([asked.status, asked.headers['access-control-allow-headers']?.includes('Range')]).toEqual([204, true]);
  });

  test('the page itself is left to the pages', async () => {
    expect((await server.get(at)).text).toBe('page');
  });
});

test('a recording that is removed while it is downloaded ends torn, not short', async () => {
  const kept = await recorded(frames);
  const own = await serveFace(kept.archive);
  await own.get(`${at}/download.mp4`, { method: 'HEAD' });
  kept.broadcast.tracks.forEach((track) => track.forget());
  await expect(own.get(`${at}/download.mp4`)).rejects.toThrow();
  await own.close();
});
