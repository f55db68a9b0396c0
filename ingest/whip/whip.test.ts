import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { PublishPolicy } from '#core/access/publish-policy.ts';
import { compound, writeSenderReport } from '#core/media/rtp/rtcp/write.ts';
import { parseRtcp } from '#core/media/rtp/rtcp/parse.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { SimulatedStream, vp8Frame } from '#core/rtc/receiver/testing/simulated-publisher.ts';
import { offerText } from '#core/rtc/sdp/testing/offers.ts';

import { RecordingRegistry } from '../rtmp/testing/harness.ts';
import { startWhip, type WhipIngest } from './start.ts';
import { FakeTransport } from './testing/fake-transport.ts';

const KEY = 'show_0123456789abcdef0123';
const OTHER = 'other_0123456789abcdef0123';
/** Payload types of VP8 and Opus in the recorded offer. */
const offer = offerText('wrtc-0.10-whip');

let now: number;
let transport: FakeTransport;
let registry: RecordingRegistry;
let metrics: Registry;
let whip: WhipIngest;
let server: Server;
let base: string;

const policy: PublishPolicy = {
  decide: ({ key }) =>
    Promise.resolve(
      key === KEY || key === OTHER ? { allowed: true, stream: key.split('_')[0]! } : { allowed: false, code: 'publish/unknown-key', message: 'The stream key is not known.' },
    ),
};

beforeEach(async () => {
  now = 10_000;
  transport = new FakeTransport();
  registry = new RecordingRegistry();
  metrics = new Registry();
  whip = startWhip({ rtc: transport, policy, registry, log: pino({ enabled: false }), metrics, clock: () => wallTime(1_763_798_400_000 + now), monotonic: () => millis(now) });
  server = createServer((request, response) => whip.handle(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await whip.close();
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

function post(path = '/whip', options: { readonly key?: string | undefined; readonly body?: string; readonly agent?: string } = {}): Promise<Response> {
  const { key = KEY, body = offer, agent = 'GStreamer souphttpsrc 1.26/3.4' } = options;
  return fetch(base + path, { method: 'POST', body, headers: { 'content-type': 'application/sdp', 'user-agent': agent, ...(key === '' ? {} : { authorization: `Bearer ${key}` }) } });
}

async function count(name: string): Promise<number> {
  const metric = await metrics.getSingleMetric(name)?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? NaN;
}

/** The publisher's streams, as the answer to its offer lets it send. */
function streams(): { video: SimulatedStream; audio: SimulatedStream } {
  return { video: new SimulatedStream({ ssrc: 1 }), audio: new SimulatedStream({ ssrc: 9, timestamp: 700 }) };
}

describe('a publisher', () => {
  it.each([
    ['with the key as Bearer', '/whip', KEY],
    ['with the stream in the path', '/whip/show', KEY],
    ['with the key in the path', `/whip/${KEY}`, ''],
  ])('is let in %s', async (_what, path, key) => {
    const answer = await post(path, { key });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toMatch(/^\/whip\/show\/[\w-]{32}$/);
    const sdp = await answer.text();
    expect(sdp).toContain('a=recvonly');
    expect(sdp).toMatch(/a=rtpmap:\d+ VP8\/90000/);
    expect(sdp).not.toContain('a=sendonly');
    expect(registry.publishers[0]?.publisher).toMatchObject({ stream: 'show', protocol: 'whip', clockRate: 90_000, adaptive: true, address: '127.0.0.1' });
    expect(registry.publishers[0]?.claims).toEqual([{ hasVideo: true, hasAudio: true, encoder: 'GStreamer souphttpsrc 1.26 3.4' }]);
    expect(await count('millrace_whip_sessions')).toBe(1);
  });

  it.each([
    ['without a key', '/whip', '', 401, 0],
    ['with a wrong key', '/whip', 'show_ffffffffffffffff', 401, 1],
    ['with the key of another stream', '/whip/show', OTHER, 403, 1],
  ])('is refused %s', async (_what, path, key, status, asked) => {
    const answer = await post(path, { key });
    expect(answer.status).toBe(status);
    expect(transport.sessions).toEqual([]);
    // Who shows no key is refused by signalling.
    expect(await count('millrace_whip_refused_total')).toBe(asked);
  });

  it.each([
    ['that is live already', 'ingest/stream-busy', 409],
    ['beyond what the server takes', 'ingest/too-many-publishers', 503],
    ['while the server stops', 'ingest/stopping', 503],
    ['that has a backup already', 'ingest/backup-busy', 409],
    ['while other machines cannot be asked', 'ingest/unreachable', 503],
  ] as const)('of a stream %s is refused, and its transport is given back', async (_what, code, status) => {
    registry.refusal = { admitted: false, code, message: 'no' };
    const answer = await post();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(transport.sessions.map(({ state }) => state)).toEqual(['closed']);
    expect(await count('millrace_whip_sessions')).toBe(0);
  });

  it.each([
    ['/whip?backup=1', true],
    ['/whip/show?backup=1', true],
    [`/whip/${KEY}?x=y&backup=true`, true],
    ['/whip?backup=0', false],
    ['/whip?backups=1', false],
  ])('at %s is a backup: %s', async (path, backup) => {
    expect((await post(path, { key: path.includes(KEY) ? '' : KEY })).status).toBe(201);
    expect(registry.publishers[0]?.publisher).toMatchObject({ stream: 'show', backup });
  });

  it('that leaves before it is answered leaves nothing behind', async () => {
    const decided = Promise.withResolvers<void>();
    registry.deciding = decided.promise;
    const gone = new AbortController();
    const answer = fetch(`${base}/whip`, { method: 'POST', body: offer, headers: { 'content-type': 'application/sdp', 'authorization': `Bearer ${KEY}` }, signal: gone.signal });
    await expect.poll(() => transport.sessions.length).toBe(1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => registry.signal?.aborted).toBe(true);
    decided.resolve();
    await expect.poll(() => transport.sessions[0]?.state).toBe('closed');
    expect(registry.publishers.map(({ ended }) => ended)).not.toContain(undefined);
    expect(whip.size).toBe(0);
  });

  it('whose offer cannot be taken disturbs nobody', async () => {
    const video = offer.replace(/(VP8|VP9|AV1|H264)\/90000/g, 'H265/90000').replace('opus/48000/2', 'opux/48000/2');
    expect((await post('/whip', { body: video })).status).toBe(422);
    transport.full = true;
    expect((await post()).status).toBe(503);
    expect(registry.publishers).toEqual([]);
  });

  it('is told by a warning where its picture is left out', async () => {
    await post('/whip', { body: offer.replace(/(VP8|VP9|AV1|H264)\/90000/g, 'H265/90000') });
    expect(registry.publishers[0]?.warnings).toMatchObject([{ code: 'whip/no-usable-video-codec', message: expect.stringContaining('h265') }]);
    expect(registry.publishers[0]?.claims).toMatchObject([{ hasVideo: false, hasAudio: true }]);
  });

  it('sends pictures and sound, which become samples on one clock', async () => {
    await post();
    const [session] = transport.sessions;
    session?.connect();
    const { video, audio } = streams();
    const rtp = (packets: readonly Uint8Array[]): void => packets.forEach((packet) => session?.receive(packet, millis(now)));
    for (let n = 0; n < 30; n += 1) {
      rtp(video.video({ key: n === 0, bytes: 2500 }));
      rtp([audio.audio()]);
      now += 20;
    }
    const [publisher] = registry.publishers;
    expect(publisher?.configs).toMatchObject([{ codec: 'vp8', width: 640, height: 360 }, { codec: 'opus', frameDuration: 960, timescale: 48_000 }]);
    const pictures = publisher?.samples.filter(({ kind }) => kind === 'video') ?? [];
    const sounds = publisher?.samples.filter(({ kind }) => kind === 'audio') ?? [];
    expect(pictures).toHaveLength(30);
    expect(sounds).toHaveLength(30);
    expect(pictures.slice(1).map(({ timestamp }, n) => timestamp - (pictures[n]?.timestamp ?? 0))).toEqual(Array.from({ length: 29 }, () => 3000));
    expect(Math.abs((sounds[0]?.timestamp ?? 0) - (pictures[0]?.timestamp ?? 0))).toBeLessThanOrEqual(90);
    expect(pictures[0]).toMatchObject({ key: true, compositionOffset: 0, arrival: wallTime(1_763_798_410_000) });
    // Reports and feedback go out by a timer.
    session?.handler.rtcp(compound(writeSenderReport({ ssrc: 1, ntpSeconds: 1, ntpFraction: 0, rtpTimestamp: 1, packetCount: 0, octetCount: 0, reports: [] })), millis(now));
    now += 1000;
    await expect.poll(() => (session?.rtcp ?? []).flatMap((rtcp) => parseRtcp(rtcp)).map(({ kind }) => kind)).toContain('receiver-report');
    expect(await count('millrace_whip_packets_total')).toBe(120);
  });

  it('is given out byte for byte, whatever waits behind a hole: packets lie in memory that is used again', async () => {
    await post();
    const [session] = transport.sessions;
    session?.connect();
    const { video, audio } = streams();
    const receive = (...packets: readonly (Uint8Array | undefined)[]): void => packets.forEach((packet) => packet && session?.receive(packet, millis(now)));
    receive(...video.video({ key: true, bytes: 2500, fill: 1 }));
    const [first, second, third] = video.video({ key: false, bytes: 2500, fill: 2 });
    receive(first, third, audio.audio(), audio.audio(), second);
    const samples = registry.publishers[0]?.samples ?? [];
    const data = (kind: 'video' | 'audio'): number[][] => samples.filter((sample) => sample.kind === kind).map((sample) => [...sample.data]);
    const sound = [0xfc, ...Array.from({ length: 79 }, () => 3)];
    expect(data('audio')).toEqual([sound, sound]);
    expect(data('video')).toEqual([[...vp8Frame({ key: true, bytes: 2500, fill: 1 })], [...vp8Frame({ key: false, bytes: 2500, fill: 2 })]]);
  });

  it('is heard by each packet, before a picture is whole', async () => {
    await post();
    const [session] = transport.sessions;
    session?.connect();
    const [first, second] = streams().video.video({ key: true, bytes: 2500 });
    [first, second].forEach((packet) => packet && session?.receive(packet, millis(now)));
    expect([registry.publishers[0]?.heard, registry.publishers[0]?.samples]).toEqual([2, []]);
  });

  it('changes the frame duration of its sound: the packets tell', async () => {
    await post();
    const [session] = transport.sessions;
    session?.connect();
    const { audio } = streams();
    const send = (): void => session?.handler.rtp(audio.audio(), millis(now));
    send();
    // TOC: CELT, fullband, 10 ms.
    const short = new Uint8Array(60);
    short[0] = (30 << 3) | 4;
    session?.handler.rtp(audio.packet(111, short, false), millis(now));
    expect(registry.publishers[0]?.configs).toMatchObject([{ frameDuration: 960 }, { frameDuration: 480 }]);
  });

  it('reads how it does at the URL that the answer links to, as long as its session lasts', async () => {
    const answer = await post();
    const [, path = ''] = /<([^>]+)>; rel="urn:millrace:whip:health"/.exec(answer.headers.get('link') ?? '') ?? [];
    expect(path).toBe(`${answer.headers.get('location')}/health`);
    expect((await fetch(base + path)).status).toBe(204);
    const [publisher] = registry.publishers;
    publisher!.health = { bitrate: 2_000_000, frameRate: 30, address: '192.0.2.1', rtt: millis(12), loss: 0.01, warnings: [{ code: 'source/no-audio', message: 'No sound arrives.', since: wallTime(1_763_798_400_000) }] };
    const health = await fetch(base + path);
    expect(health.headers.get('access-control-allow-origin')).toBe('*');
    expect(health.headers.get('cache-control')).toBe('no-store');
    expect(await health.json()).toEqual({ bitrate: 2_000_000, frameRate: 30, rttMillis: 12, loss: 0.01, warnings: [{ code: 'source/no-audio', message: 'No sound arrives.', since: '2025-11-22T08:00:00.000Z' }] });
    expect((await fetch(base + path, { method: 'DELETE' })).status).toBe(405);
    await fetch(new URL(answer.headers.get('location') ?? '', base), { method: 'DELETE' });
    expect((await fetch(base + path)).status).toBe(404);
  });

  it('takes its resource back, and the broadcast is unpublished', async () => {
    const answer = await post();
    const deleted = await fetch(new URL(answer.headers.get('location') ?? '', base), { method: 'DELETE' });
    expect(deleted.status).toBe(200);
    expect(registry.publishers[0]?.ended).toBe('unpublished');
    expect(transport.sessions[0]?.state).toBe('closed');
    expect(whip.size).toBe(0);
  });

  it.each(['consent-lost', 'peer-closed', 'connect-timeout'] as const)('is lost with its connection: %s', async (reason) => {
    await post();
    transport.sessions[0]?.connect();
    transport.sessions[0]?.close(reason);
    expect(registry.publishers[0]?.ended).toBe('lost');
    await expect.poll(() => whip.size).toBe(0);
    expect(await count('millrace_whip_sessions')).toBe(0);
  });

  it('is sent away by the registry', async () => {
    await post();
    registry.publishers[0]?.publisher.disconnect('another encoder');
    expect(transport.sessions[0]?.state).toBe('closed');
    expect(registry.publishers[0]?.ended).toBe('lost');
    await expect.poll(() => whip.size).toBe(0);
  });

  it('restarts ICE, and goes on', async () => {
    const answer = await post();
    const fragment = 'a=ice-ufrag:newu\r\na=ice-pwd:0123456789012345678901234\r\n';
    const restarted = await fetch(new URL(answer.headers.get('location') ?? '', base), {
      method: 'PATCH',
      body: fragment,
      headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
    });
    expect(restarted.status).toBe(200);
    expect(await restarted.text()).toContain('a=ice-ufrag:again');
    expect(transport.sessions[0]?.restarts).toEqual([{ ufrag: 'newu', pwd: '0123456789012345678901234' }]);
    expect(registry.publishers[0]?.ended).toBeUndefined();
  });

  it('sends B-frames: they are dropped, and it is told', async () => {
    await post();
    const [session] = transport.sessions;
    session?.connect();
    const { video } = streams();
    const send = (timestamp: number, key = false): void => {
      video.timestamp = timestamp;
      video.video({ key, bytes: 900 }).forEach((packet) => session?.handler.rtp(packet, millis(now)));
    };
    send(0, true);
    [9000, 3000, 6000, 18_000, 12_000, 15_000].forEach((timestamp) => send(timestamp));
    expect(registry.publishers[0]?.samples).toHaveLength(3);
    expect(registry.publishers[0]?.warnings).toMatchObject([{ code: 'whip/b-frames' }]);
    expect(await count('millrace_whip_dropped_units_total')).toBe(4);
  });

  it('that changes its size all the time is sent away', async () => {
    await post();
    const [session] = transport.sessions;
    session?.connect();
    const { video } = streams();
    for (let n = 0; n < 200; n += 1) {
      video.video({ key: true, bytes: 900, width: 320 + n, height: 180 }).forEach((packet) => session?.handler.rtp(packet, millis(now)));
    }
    expect(session?.state).toBe('closed');
    expect(registry.publishers[0]?.configs.length).toBeLessThanOrEqual(64);
  });
});
