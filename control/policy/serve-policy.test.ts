import { expect, test } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';

import { broadcastInfo } from '../testing/broadcasts.ts';
import { SECRET, serveControl, type ServedControl } from '../testing/served-control.ts';
import { errorSchema } from '../api/schemas.ts';

/** Two processes on one bus: one has the keys, the other asks it. */
async function twoProcesses(bus: Bus = createLocalBus()): Promise<{ decides: ServedControl; asks: ServedControl; bus: Bus }> {
  const decides = await serveControl({ publishAttemptsPerMinute: 3 }, { bus });
  const asks = await serveControl({ streamKeys: [] }, { bus, role: 'asks' });
  return { decides, asks, bus };
}

test('a process without keys lets in whom the keys\' owner lets in, and no others', async () => {
  const { asks } = await twoProcesses();
  const { policy } = asks.stage;
  expect(await policy.decide({ key: `cam1_${SECRET}`, address: '::1', protocol: 'rtmp' })).toEqual({ allowed: true, stream: 'cam1' });
  expect(await policy.decide({ key: `cam1_${SECRET}x`, address: '::1', protocol: 'whip' })).toMatchObject({ allowed: false, code: 'publish/unknown-key' });
  expect(await policy.decide({ key: '', address: '::1', protocol: 'rtmps' })).toMatchObject({ allowed: false, code: 'publish/malformed-key' });
});

test('failed attempts count for the publisher\'s own address, wherever they are made', async () => {
  const { asks, decides } = await twoProcesses();
  const wrong = { key: `cam1_${'w'.repeat(16)}`, address: '192.0.2.1', protocol: 'rtmp' } as const;
  await asks.stage.policy.decide(wrong);
  await asks.stage.policy.decide(wrong);
  await decides.stage.policy.decide(wrong);
  const right = { ...wrong, key: `cam1_${SECRET}` };
  for (const { stage } of [asks, decides]) {
    expect(await stage.policy.decide(right)).toMatchObject({ code: 'publish/too-many-attempts' });
    expect(await stage.policy.decide({ ...right, address: '192.0.2.2' })).toMatchObject({ allowed: true });
  }
});

test('streams are known everywhere, and those added while running too', async () => {
  const { asks, decides } = await twoProcesses();
  expect(asks.stage.knownStreams()).toEqual(['cam1', 'cam2']);
  expect(await (await asks.get('/api/v1/streams/cam2')).json()).toMatchObject({ state: 'offline' });
  decides.stage.addKey(`late_${SECRET}`);
  await expect.poll(() => asks.stage.knownStreams()).toEqual(['cam1', 'cam2', 'late']);
  expect((await asks.get('/api/v1/streams/late')).status).toBe(200);
  expect(() => asks.stage.addKey(`more_${SECRET}`)).toThrow(expect.objectContaining({ code: 'control/no-keys' }));
});

test('several with equal keys do each other no harm', async () => {
  const { asks, bus } = await twoProcesses();
  const third = await serveControl({}, { bus });
  expect(asks.stage.knownStreams()).toEqual(['cam1', 'cam2']);
  await third.stage.close();
  expect(await asks.stage.policy.decide({ key: `cam1_${SECRET}`, address: '::1', protocol: 'rtmp' })).toMatchObject({ allowed: true });
});

test('the broadcaster reads their private facts at any process', async () => {
  const { asks, bus } = await twoProcesses();
  bus.announce(broadcastInfo());
  const withKey = (key: string): Promise<Response> => asks.get('/api/v1/streams/cam1', { headers: { Authorization: `Bearer ${key}` } });
  expect(await (await withKey(`cam1_${SECRET}`)).json()).toHaveProperty('broadcaster');
  expect((await withKey(`cam1_${SECRET}x`)).status).toBe(401);
  expect((await withKey(`cam2_${SECRET}`)).status).toBe(401);
});

test('where the keys\' owner is away, nobody is told that their key is wrong', async () => {
  const { asks, decides } = await twoProcesses();
  await decides.stage.close();
  expect(await asks.stage.policy.decide({ key: `cam1_${SECRET}`, address: '::1', protocol: 'rtmp' })).toMatchObject({ code: 'publish/unavailable' });
  expect(await asks.metrics.getSingleMetricAsString('millrace_control_publish_decisions_total')).toContain('{result="unavailable"} 1');
  expect(asks.logged()).toContain('no process with the control role answers');
  const answer = await asks.get('/api/v1/streams/cam1', { headers: { Authorization: `Bearer cam1_${SECRET}` } });
  expect([answer.status, answer.headers.get('retry-after'), errorSchema.parse(await answer.json()).code]).toEqual([503, '5', 'unavailable']);
  expect((await asks.get('/api/v1/streams/cam1')).status).toBe(200);
  const message = await asks.get('/api/v1/streams/cam1/metadata', { method: 'POST', body: '{"type":"a","data":1}', headers: { Authorization: `Bearer cam1_${SECRET}` } });
  expect(message.status).toBe(503);
});

test.each([
  ['nothing', undefined],
  ['a string', 'cam1'],
  ['no address', { key: `cam1_${SECRET}`, protocol: 'rtmp', stream: 'cam1' }],
  ['a key that is none', { key: 7, address: '::1', protocol: 'rtmp', stream: 'cam1' }],
  ['a huge key', { key: `cam1_${SECRET}`.padEnd(100_000, 'x'), address: '::1', protocol: 'rtmp', stream: 'cam1' }],
  ['another protocol and no stream', { key: `cam1_${SECRET}`, address: '::1', protocol: 'ftp' }],
])('a damaged question gets an error, nothing of it is told, and the next is answered: %s', async (_what, payload) => {
  const { asks, decides, bus } = await twoProcesses();
  for (const subject of ['publish/decide', 'publish/opens']) {
    await expect(bus.request(subject, payload)).rejects.toMatchObject({ code: 'publish/malformed-question', message: expect.not.stringContaining(SECRET) as unknown });
  }
  expect(decides.logged()).not.toContain(SECRET);
  expect(await asks.stage.policy.decide({ key: `cam1_${SECRET}`, address: '::1', protocol: 'rtmp' })).toMatchObject({ allowed: true });
});

test('no key reaches a log, at either end', async () => {
  const { asks, decides } = await twoProcesses();
  await asks.stage.policy.decide({ key: `cam1_${SECRET}wrong`, address: '::1', protocol: 'rtmp' });
  await asks.get('/api/v1/streams/cam1', { headers: { Authorization: `Bearer cam1_${SECRET}wrong` } });
  expect(decides.logged()).toContain('refused a publisher');
  expect(decides.logged() + asks.logged()).not.toContain(SECRET);
});
