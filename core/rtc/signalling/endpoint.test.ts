import { once } from 'node:events';
import { connect } from 'node:net';

import { pino } from 'pino';
import { describe, expect, test } from 'vitest';

import { millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { offerText } from '../sdp/testing/offers.ts';
import { SignallingEndpoint } from './endpoint.ts';
import { Refusal } from './refusal.ts';
import { askOverHttp1, askOverHttp2 } from './testing/ask.ts';
import { FakeFactory } from './testing/fake-factory.ts';
import { codeOf, FRAGMENT, KEY, restartWith, SDP, start, TRICKLE, untilTestEnds } from './testing/started.ts';

describe.each([['HTTP/1.1', askOverHttp1], ['HTTP/2', askOverHttp2]] as const)('over %s', (_, serve) => {
  test('a session is made, told of candidates, restarted and ended', async () => {
    const { factory, endpoint, ask, publish, patch } = await start({}, serve);
    const created = await publish();
    expect(created.status).toBe(201);
    expect(created.headers['content-type']).toBe(SDP);
    expect(created.headers.location).toMatch(/^\/whip\/on1\/[A-Za-z0-9_-]{32}$/);
    expect(created.headers.etag).toMatch(/^"[A-Za-z0-9_-]{16}"$/);
    expect(created.headers['accept-patch']).toBe(FRAGMENT);
    expect(created.headers['access-control-allow-origin']).toBe('*');
    expect(created.headers['access-control-expose-headers']).toContain('Location, ETag, Link, Retry-After');
    expect(created.body).toMatch(/^v=0\r\n[\s\S]*a=setup:passive\r\n/);
    expect(endpoint.size).toBe(1);

    const trickled = await patch(created, created.headers.etag, TRICKLE);
    expect([trickled.status, trickled.headers.etag, trickled.body]).toEqual([204, undefined, '']);
    expect(factory.sessions[0]?.trickled[0]?.candidates).toHaveLength(1);

    const restarted = await patch(created, '*', restartWith('newUfrag'));
    expect([restarted.status, restarted.headers['content-type']]).toEqual([200, FRAGMENT]);
    expect(restarted.headers.etag).not.toBe(created.headers.etag);
    expect(restarted.body).toContain('a=ice-lite\r\na=ice-options:trickle ice2\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:restart1\r\n');

    const deleted = await ask('DELETE', created.headers.location!);
    expect([deleted.status, deleted.body]).toEqual([200, '']);
    expect(factory.sessions[0]?.isClosed).toBe(true);
    expect(endpoint.size).toBe(0);
    expect((await ask('DELETE', created.headers.location!)).status).toBe(404);
  });
});

describe('where a session is asked for', () => {
  test('the key comes as Bearer, with the stream in the URL or without it, or in the URL', async () => {
    const { factory, ask, publish } = await start();
    expect((await publish()).status).toBe(201);
    expect((await publish({}, '/whip/on1')).status).toBe(201);
    const inUrl = await ask('POST', `/whip/${KEY}`, { body: offerText('obs-30-whip'), headers: { 'content-type': SDP } });
    expect([inUrl.status, inUrl.headers.location]).toEqual([201, expect.stringMatching(/^\/whip\/on1\/[^_/]/)]);
    expect(inUrl.headers.location).not.toContain('0123456789abcdef');
    expect(factory.requests.map(({ stream, bearer }) => [stream, bearer])).toEqual([['on1', KEY], ['on1', KEY], ['on1', KEY]]);
  });

  test('a key of another stream than the URL is refused', async () => {
    const { publish } = await start();
    const answer = await publish({}, '/whip/on2');
    expect([answer.status, codeOf(answer)]).toEqual([403, 'publish/wrong-stream']);
  });

  test.each([
    ['no key', {}, 'Bearer realm="millrace"', 'publish/no-key'],
    ['a key that is not known', { authorization: 'Bearer on1_wrong56789abcdef' }, 'Bearer realm="millrace", error="invalid_token"', 'publish/unknown-key'],
    ['a token that is no key', { authorization: 'bearer  token' }, 'Bearer realm="millrace", error="invalid_token"', 'publish/malformed-key'],
    ['another scheme', { authorization: 'Basic dXNlcjpwYXNz' }, 'Bearer realm="millrace", error="invalid_token"', 'signalling/malformed-authorization'],
  ])('%s is answered with a challenge, before the body is looked at', async (_, headers, challenge, code) => {
    const { ask, factory } = await start();
    const answer = await ask('POST', '/whip', { body: 'nonsense', headers: { 'content-type': SDP, ...headers } });
    expect([answer.status, answer.headers['www-authenticate'], codeOf(answer)]).toEqual([401, challenge, code]);
    expect(factory.requests).toEqual([]);
  });

  test('a viewer needs no key, and is told when to come back', async () => {
    const { ask } = await start({ protocol: 'whep' });
    const body = offerText('chromium-156-whep');
    expect((await ask('POST', '/whep/on1', { body, headers: { 'content-type': SDP } })).headers.location).toMatch(/^\/whep\/on1\//);
    const offline = await ask('POST', '/whep/off', { body, headers: { 'content-type': SDP } });
    expect([offline.status, offline.headers['retry-after'], codeOf(offline)]).toEqual([409, '3', 'offline']);
  });

  test('the factory learns who asks', async () => {
    const { factory, publish } = await start({ address: () => '192.0.2.77' });
    await publish({ headers: { 'user-agent': 'obs/31' } });
    expect(factory.requests[0]).toMatchObject({ address: '192.0.2.77', userAgent: 'obs/31', offer: { setup: 'actpass' } });
    expect(factory.requests[0]?.id).toMatch(/^[A-Za-z0-9_-]{32}$/);
  });

  test('every session has an id and a tag of its own', async () => {
    const { publish } = await start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => publish()));
    expect(new Set(answers.map(({ headers }) => headers.location)).size).toBe(20);
    expect(new Set(answers.map(({ headers }) => headers.etag)).size).toBe(20);
  });

  test('behind a proxy with a base path Location leads through it', async () => {
    const { ask, publish } = await start({ basePath: '/tv' });
    const stripped = await publish();
    expect(stripped.headers.location).toMatch(/^\/tv\/whip\/on1\//);
    expect((await publish({}, '/tv/whip')).status).toBe(201);
    expect((await ask('DELETE', stripped.headers.location!)).status).toBe(200);
  });

  test('servers for ICE are named where there are some, and the links of the factory', async () => {
    const { ask, factory, publish } = await start({ iceServers: [{ url: 'stun:stun.example.net' }, { url: 'turn:turn.example.net?transport=udp', username: 'u"1', credential: 'p\\2' }] });
    factory.links = ['</whip/on1/x/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"'];
    const { rawHeaders } = await publish();
    expect(rawHeaders.filter((_, index) => rawHeaders[index - 1] === 'Link')).toEqual([
      '<stun:stun.example.net>; rel="ice-server"',
      '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="u\\"1"; credential="p\\\\2"; credential-type="password"',
      factory.links[0],
    ]);
    expect((await ask('OPTIONS', '/whip')).headers.link).toContain('rel="ice-server"');
    expect((await ask('OPTIONS', '/whip', { headers: { 'access-control-request-method': 'POST' } })).headers.link).toBeUndefined();
  });
});

describe('what is refused', () => {
  const refusals: readonly (readonly [what: string, thrown: Error, status: number, code: string, retryAfter: string | undefined])[] = [
    ['a full server', new MillraceError('rtc/too-many-sessions', 'Full.'), 503, 'rtc/too-many-sessions', '5'],
    ['a stopping transport', new MillraceError('rtc/stopping', 'Stopping.'), 503, 'rtc/stopping', '5'],
    ['a peer that cannot be', new MillraceError('rtc/bad-peer', 'No.'), 400, 'rtc/bad-peer', undefined],
    ['codecs that do not fit', new MillraceError('sdp/no-common-codec', 'No codec.'), 422, 'sdp/no-common-codec', undefined],
    ['too many attempts', new MillraceError('publish/too-many-attempts', 'Wait.'), 429, 'publish/too-many-attempts', '10'],
    ['a second publisher', new Refusal(409, 'publish/busy', 'Busy.', { retryAfter: 2 }), 409, 'publish/busy', '2'],
    ['whom the factory forbids', new Refusal(403, 'publish/forbidden', 'No.'), 403, 'publish/forbidden', undefined],
    ['a fault of the server, without its details', new Error('secret detail'), 500, 'signalling/internal', undefined],
    ['an error of a code that has no status', new MillraceError('bus/closed', 'secret detail'), 500, 'signalling/internal', undefined],
  ];

  test.each(refusals)('%s', async (_, thrown, status, code, retryAfter) => {
    const { factory, publish, endpoint } = await start();
    factory.refusal = thrown;
    const answer = await publish();
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([status, code, retryAfter]);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.body).not.toContain('secret');
    expect(endpoint.size).toBe(0);
  });

  test('another server is named with 307', async () => {
    const { factory, publish } = await start();
    factory.refusal = new Refusal(307, 'signalling/elsewhere', 'Ask there.', { location: 'https://b.example.com/whip' });
    const answer = await publish();
    expect([answer.status, answer.headers.location]).toEqual([307, 'https://b.example.com/whip']);
  });

  test.each([
    ['another type', { headers: { 'content-type': 'text/plain' } }, 415, 'signalling/content-type'],
    ['a compressed body', { headers: { 'content-encoding': 'gzip' } }, 415, 'signalling/content-type'],
    ['an offer that is none', { body: 'hello' }, 400, 'sdp/malformed'],
    ['an empty body', { body: '' }, 400, 'sdp/malformed'],
    ['what the server does not do', { body: offerText('ffmpeg-8-whip').replace('setup:passive', 'setup:holdconn') }, 422, 'sdp/unsupported'],
    ['too large a body', { body: 'v=0\r\n'.padEnd(70_000, 'a=x\r\n') }, 413, 'sdp/too-large'],
  ])('%s', async (_, question, status, code) => {
    const { publish, factory } = await start();
    const answer = await publish(question);
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    expect(factory.requests).toEqual([]);
  });

  test('a broadcaster\'s operator reads in the log why, without the key', async () => {
    const lines: string[] = [];
    const { publish } = await start({ log: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }) });
    await publish({ body: offerText('ffmpeg-8-whip').replace('setup:passive', 'setup:holdconn'), headers: { 'user-agent': 'Lavf/62.3.100' } });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([expect.objectContaining({ code: 'sdp/unsupported', client: 'Lavf/62.3.100', reason: expect.stringContaining('setup:holdconn') as unknown })]);
    expect(lines.join('')).not.toContain(KEY);
  });

  test('a body that is not UTF-8', async () => {
    const { asking } = await start();
    const socket = connect(asking.port, '127.0.0.1');
    socket.write(`POST /whip HTTP/1.1\r\nHost: a\r\nContent-Type: ${SDP}\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n`);
    socket.write(Buffer.from([0xff, 0xfe]));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
  });

  test('a chunked body is cut off once it is too large', async () => {
    const { asking } = await start();
    const socket = connect(asking.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`POST /whip HTTP/1.1\r\nHost: a\r\nContent-Type: ${SDP}\r\nAuthorization: Bearer ${KEY}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunk = `4000\r\n${'v'.repeat(0x4000)}\r\n`;
    socket.write(chunk.repeat(5));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 [\s\S]*Connection: close/);
    socket.destroy();
  });

  test('a body that does not come in time', async () => {
    const { asking, factory } = await start({ bodyTimeout: millis(20) });
    const socket = connect(asking.port, '127.0.0.1');
    socket.write(`POST /whip HTTP/1.1\r\nHost: a\r\nContent-Type: ${SDP}\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: 100\r\n\r\nv=0\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 408 /);
    expect(factory.requests).toEqual([]);
    socket.destroy();
  });

  test('paths that are not there', async () => {
    const { ask } = await start();
    for (const path of ['/whip/', '/whip/on1/']) {
      expect([path, (await ask('GET', path)).status]).toEqual([path, 204]);
    }
    for (const path of ['/whip/On1', '/whip/on1/short', '/whip/on1/a/b', '/whip/on1_short', '/elsewhere']) {
      expect([path, (await ask('GET', path)).status]).toEqual([path, 404]);
    }
    const whep = await start({ protocol: 'whep' });
    expect((await whep.ask('POST', '/whep')).status).toBe(404);
  });
});

test('paths of others go to the next handler', async () => {
  const endpoint = new SignallingEndpoint({ protocol: 'whip', factory: new FakeFactory(), log: pino({ level: 'silent' }) });
  const asking = await askOverHttp1((request, response) => endpoint.handle(request, response, () => response.writeHead(299).end()));
  untilTestEnds(asking, endpoint);
  expect((await asking.ask('GET', '/whipper')).status).toBe(299);
  expect((await asking.ask('GET', '/whip?x=/whep')).status).toBe(204);
});

describe('methods', () => {
  test('a preflight is answered for any page, also of the public web towards the local network', async () => {
    const { ask } = await start();
    const asked = { 'origin': 'https://a.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' };
    const answer = await ask('OPTIONS', '/whip', { headers: { ...asked, 'access-control-request-private-network': 'true' } });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'accept-post': SDP,
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'OPTIONS, GET, HEAD, POST',
      'access-control-allow-headers': 'Authorization, Content-Type, If-Match, Link',
      'access-control-allow-private-network': 'true',
    });
    expect((await ask('OPTIONS', '/whip', { headers: asked })).headers['access-control-allow-private-network']).toBeUndefined();
    const session = await ask('OPTIONS', `/whip/on1/${'x'.repeat(32)}`, { headers: asked });
    expect([session.status, session.headers['access-control-allow-methods'], session.headers['accept-patch']]).toEqual([204, 'OPTIONS, GET, HEAD, PATCH, DELETE', FRAGMENT]);
  });

  test('looking is answered without content', async () => {
    const { ask, publish } = await start();
    const { headers } = await publish();
    for (const method of ['GET', 'HEAD']) {
      expect((await ask(method, '/whip')).status).toBe(204);
      expect((await ask(method, headers.location!)).status).toBe(204);
      expect((await ask(method, `/whip/on1/${'x'.repeat(32)}`)).status).toBe(404);
    }
    const whep = await start({ protocol: 'whep' });
    for (const method of ['GET', 'HEAD']) {
      const answer = await whep.ask(method, '/whep/on1');
      expect([answer.status, answer.headers['content-type'], answer.headers['content-length'], answer.body]).toEqual([200, SDP, '0', '']);
    }
  });

  test('others are not allowed, and those that are get told', async () => {
    const { ask, publish } = await start();
    const { headers } = await publish();
    for (const [method, path, allow] of [
      ['PUT', '/whip', 'OPTIONS, GET, HEAD, POST'],
      ['DELETE', '/whip', 'OPTIONS, GET, HEAD, POST'],
      ['PATCH', '/whip/on1', 'OPTIONS, GET, HEAD, POST'],
      ['POST', headers.location!, 'OPTIONS, GET, HEAD, PATCH, DELETE'],
      ['PUT', headers.location!, 'OPTIONS, GET, HEAD, PATCH, DELETE'],
    ] as const) {
      const answer = await ask(method, path);
      expect([method, path, answer.status, answer.headers.allow]).toEqual([method, path, 405, allow]);
    }
  });
});
