import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';

import { controlOptions, startControl } from './main.ts';
import { broadcastInfo } from './testing/broadcasts.ts';
import { memoryLog } from './testing/memory-log.ts';
import { configOf, SECRET, serveControl } from './testing/served-control.ts';

test('configured streams may be published and are known', async () => {
  const { stage } = await serveControl({ streams: [{ key: `studio_${SECRET}` }] });
  expect(stage.knownStreams()).toEqual(['studio', 'cam1', 'cam2']);
  expect(await stage.policy.decide({ key: `studio_${SECRET}`, address: '::1', protocol: 'rtmp' })).toEqual({ allowed: true, stream: 'studio' });
});

test('wrong stream keys in the configuration are all told at once, without their secrets', async () => {
  const { log } = memoryLog();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-control-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const config = configOf({ dataDir: folder, streams: [{ key: 'Cam_topsecrettopsecret' }], streamKeys: ['topsecret', `cam_${SECRET}`, `cam_${SECRET}`] });
  const starting = startControl({ config, bus: createLocalBus(), log, metrics: new Registry() });
  await expect(starting).rejects.toMatchObject({ code: 'config/invalid', details: { problems: [expect.stringMatching(/^streams\[0\]/), expect.stringMatching(/^streamKeys\[0\]/), expect.stringMatching(/^streamKeys\[2\]/)] } });
  await expect(starting).rejects.not.toThrow('topsecret');
});

test('a key added at run time makes its stream known to the API and opens it', async () => {
  const { stage, get } = await serveControl({ streamKeys: [] });
  expect((await get('/api/v1/streams/demo')).status).toBe(404);
  expect(stage.addKey(`demo_${SECRET}`)).toBe('demo');
  expect(await (await get('/api/v1/streams/demo')).json()).toMatchObject({ stream: 'demo', state: 'offline' });
  expect(await stage.policy.decide({ key: `demo_${SECRET}`, address: '::1', protocol: 'rtmp' })).toEqual({ allowed: true, stream: 'demo' });
});

test('authorize takes the token of the data folder and nothing else', async () => {
  const { stage, token } = await serveControl();
  expect(stage.authorize({ headers: { authorization: `Bearer ${token}` } })).toBe(true);
  expect(stage.authorize({ headers: { authorization: `Bearer ${token}x` } })).toBe(false);
  expect(stage.authorize({ headers: {} })).toBe(false);
});

test('a configured token stands in place of the file, which is not made', async () => {
  const apiToken = 'the-same-on-every-node';
  const { stage, get, getWithToken, config } = await serveControl({ apiToken });
  expect((await getWithToken('/api/v1/nodes')).status).toBe(200);
  expect((await get('/api/v1/nodes', { headers: { Authorization: 'Bearer another-token-of-someone' } })).status).toBe(401);
  expect(stage.tokenPath).toBe('MILLRACE_API_TOKEN');
  expect(await readdir(config.dataDir)).toEqual([]);
});

test.each(['short', 'with spaces in it, and long enough', 'x'.repeat(300)])('the token %j is refused at the start', (apiToken) => {
  expect(controlOptions.apiToken.schema.safeParse(apiToken).success).toBe(false);
});

test('metrics count streams by state, listeners and decisions', async () => {
  const { stage, bus, metrics } = await serveControl();
  bus.announce(broadcastInfo());
  await stage.policy.decide({ key: 'wrong', address: '::1', protocol: 'rtmp' });
  const text = await metrics.metrics();
  expect(text).toContain('millrace_control_streams{state="live"} 1');
  expect(text).toContain('millrace_control_streams{state="offline"} 1');
  expect(text).toContain('millrace_control_event_connections 0');
  expect(text).toContain('millrace_control_publish_decisions_total{result="malformed-key"} 1');
});

test('secrets never reach the log', async () => {
  const { stage, token, logged } = await serveControl();
  await stage.policy.decide({ key: `cam1_wrong${SECRET}`, address: '::1', protocol: 'rtmp' });
  expect(logged()).not.toBe('');
  expect(logged()).not.toContain(token);
  expect(logged()).not.toContain(SECRET);
});

test('closing twice is the same as once, and closed settles', async () => {
  const { stage } = await serveControl();
  await Promise.all([stage.close(), stage.close(), stage.closed]);
});
