import { once } from 'node:events';
import { request } from 'node:http';

import { expect, test } from 'vitest';

import { MillraceError } from '#core/runtime/errors.ts';

import { SECRET, serveControl, type ServedControl } from '../testing/served-control.ts';
import { errorSchema, stampedMessageSchema } from './schemas.ts';

const PATH = '/api/v1/streams/cam1/metadata';
const stamped = { id: '0'.repeat(32), type: 'poll', broadcast: 'broadcast1', time: 12.345678, wallTime: '2026-01-02T03:04:05.678Z' };

function post({ getWithToken }: Pick<ServedControl, 'getWithToken'>, body: string | Uint8Array<ArrayBuffer>, path = PATH): Promise<Response> {
  return getWithToken(path, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
}

test('a message goes to the stream\'s ingest as JSON text, and its place on the timeline comes back', async () => {
  const served = await serveControl();
  const asked: unknown[] = [];
  served.bus.serve('metadata/cam1', (payload) => {
    asked.push(payload);
    return stamped;
  });
  const response = await post(served, '{ "type": "poll",\n "data": {"question": "\\u00fcber?", "n": 1.50} }');
  expect(response.status).toBe(201);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(stampedMessageSchema.parse(await response.json())).toEqual(stamped);
  expect(asked).toEqual([{ type: 'poll', data: '{"question":"über?","n":1.5}' }]);
});

test('a key of the stream opens it; another stream\'s does not', async () => {
  const { bus, get } = await serveControl();
  bus.serve('metadata/cam1', () => stamped);
  const status = async (key: string): Promise<number> => (await get(PATH, { method: 'POST', body: '{"type":"poll","data":null}', headers: { Authorization: `Bearer ${key}` } })).status;
  expect(await status(`cam1_${SECRET}`)).toBe(201);
  expect(await status(`cam2_${SECRET}`)).toBe(401);
  expect(await status('cam1_aaaaaaaaaaaaaaaa')).toBe(401);
});

test('pages of other origins may not send', async () => {
  const { get } = await serveControl();
  expect((await get(PATH, { method: 'OPTIONS' })).headers.get('access-control-allow-origin')).toBeNull();
});

test.each([
  ['no JSON', '{"type"'],
  ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
  ['nothing', ''],
  ['an array', '[]'],
  ['no type', '{"data":1}'],
  ['no data', '{"type":"poll"}'],
  ['a type with spaces', '{"type":"a poll","data":1}'],
  ['a type that is a number', '{"type":1,"data":1}'],
  ['more than that', '{"type":"poll","data":1,"time":3}'],
])('%s is malformed, and ingest is not asked', async (_what, body) => {
  const served = await serveControl();
  served.bus.serve('metadata/cam1', () => {
    throw new Error('asked');
  });
  const response = await post(served, body);
  expect([response.status, errorSchema.parse(await response.json()).code]).toEqual([400, 'malformed']);
});

test.each([
  ['metadata/malformed', 400, 'malformed', null],
  ['metadata/offline', 409, 'offline', null],
  ['metadata/too-large', 413, 'too-large', null],
  ['metadata/too-many', 429, 'too-many-messages', '1'],
  ['metadata/timeout', 503, 'no-frame', '1'],
])('what ingest refuses with %s is answered with %i and the code %s', async (code, status, answered, retryAfter) => {
  const served = await serveControl();
  served.bus.serve('metadata/cam1', () => {
    throw new MillraceError(code, 'Why it is so.');
  });
  const response = await post(served, '{"type":"poll","data":1}');
  expect([response.status, response.headers.get('retry-after')]).toEqual([status, retryAfter]);
  expect(errorSchema.parse(await response.json())).toEqual({ code: answered, message: 'Why it is so.' });
});

test('a known stream that nobody ever published is offline, one that is not known is unknown', async () => {
  const served = await serveControl();
  const known = await post(served, '{"type":"poll","data":1}');
  expect([known.status, errorSchema.parse(await known.json()).code]).toEqual([409, 'offline']);
  const unknown = await post(served, '{"type":"poll","data":1}', '/api/v1/streams/nobody/metadata');
  expect([unknown.status, errorSchema.parse(await unknown.json()).code]).toEqual([404, 'unknown-stream']);
});

test.each([
  ['says so', { 'Content-Length': String(64 * 1024) }],
  ['does not say so', { 'Transfer-Encoding': 'chunked' }],
])('a body that is too large and %s is refused before all of it came', async (_what, headers) => {
  const { url, token } = await serveControl();
  const sent = request(url + PATH, { method: 'POST', headers: { ...headers, Authorization: `Bearer ${token}` } });
  // The socket may go while the rest is on its way.
  sent.on('error', () => undefined);
  sent.write(Buffer.alloc(32 * 1024, ' '));
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  expect([response.statusCode, response.headers.connection]).toEqual([413, 'close']);
  sent.destroy();
});
