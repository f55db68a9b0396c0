import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { MachineBus } from '#ingest/broadcast/testing/machine-bus.ts';
import type { IngestStage } from '#ingest/main.ts';
import { makeClip, type Clip } from '#test/support/broadcaster.ts';
import { until } from '#test/support/until.ts';
import { publish, type Encoder } from './encoder.ts';
import { KEY, startStage } from './stage.ts';
import { Viewer } from './viewer.ts';

let clip: Clip;
let folder: string;
let bus: Bus;
let viewer: Viewer;
let one: IngestStage;
let two: IngestStage;
const encoders: Encoder[] = [];

beforeAll(async () => {
  clip = await makeClip({ seconds: 10, size: '320x180', kilobits: 300 });
});
afterAll(() => clip[Symbol.asyncDispose]());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-ingests-'));
  bus = createLocalBus();
  viewer = new Viewer(bus);
  [one, two] = await Promise.all(['one', 'two'].map((node) => startStage(new MachineBus(bus), node, join(folder, node)))) as [IngestStage, IngestStage];
});
afterEach(async () => {
  await Promise.all(encoders.splice(0).map((encoder) => encoder[Symbol.asyncDispose]()));
  await Promise.all([one.close(), two.close()]);
  await bus.close();
  await rm(folder, { recursive: true, force: true });
});

function send(stage: IngestStage, path: string): Encoder {
  const encoder = publish(clip, `rtmp://127.0.0.1:${stage.rtmpPort}${path}`);
  encoders.push(encoder);
  return encoder;
}

/** Main on one, backup on the other, both judged. */
async function both(): Promise<{ main: Encoder; backup: Encoder }> {
  const main = send(one, `/live/${KEY}`);
  await until('the main on air', () => viewer.of(0).length > 60);
  const backup = send(two, `/live?backup=1/${KEY}`);
  await until('the backup on stand-by', () => two.load.publishers === 1);
  const frames = viewer.video.length;
  await until('some seconds of both', () => viewer.video.length > frames + 90);
  expect(viewer.states).toEqual(['live 0']);
  return { main, backup };
}

test('a main that is killed is followed at once by the backup on another machine', async () => {
  const { main } = await both();
  main.signal('SIGKILL');
  await until('the backup', () => viewer.of(1).length > 60);
  const { wait, gap, groups } = viewer.between(0, 1);
  expect({ wait, gap, groups }).toMatchObject({ groups: 0 });
  expect(wait).toBeLessThan(0.5);
  expect(gap).toBeLessThan(0.5);
  expect(viewer.warnings()).toContain('source/on-backup');
  viewer.expectOneTimeline();
});

test('a main that stands still is followed within two seconds, and takes over again when it has been steady', async () => {
  const { main, backup } = await both();
  main.signal('SIGSTOP');
  await until('the backup', () => viewer.of(1).length > 30);
  expect(viewer.between(0, 1)).toMatchObject({ groups: 0 });
  expect(viewer.between(0, 1).wait).toBeGreaterThan(1.3);
  expect(viewer.between(0, 1).wait).toBeLessThan(2);
  main.signal('SIGCONT');
  await until('the main again', () => viewer.of(2).length > 60);
  const { wait, gap, groups } = viewer.between(1, 2);
  expect(groups).toBe(0);
  expect(wait).toBeLessThan(0.5);
  expect(gap).toBeLessThan(0.5);
  expect(viewer.warnings()).not.toContain('source/on-backup');
  // And back: the backup is on stand-by again.
  main.signal('SIGKILL');
  await until('the backup again', () => viewer.of(3).length > 30);
  expect(viewer.between(2, 3).wait).toBeLessThan(0.5);
  expect(backup.log()).toBe('');
  viewer.expectOneTimeline();
});

test('a second main is refused with a reason, on whatever machine; a backup may also ask after its key', async () => {
  await both();
  const stranger = send(two, `/live/${KEY}`);
  await stranger.ended;
  expect(stranger.log()).toContain('The stream show is live already. Stop the other encoder first.');
  const third = send(two, `/live/${KEY}?backup=1`);
  await third.ended;
  expect(third.log()).toContain('has a backup here already');
  viewer.expectOneTimeline();
});

test('an ingest that stops tells its publisher to come back, and the next one goes on within the broadcast', async () => {
  const main = send(one, `/live/${KEY}`);
  await until('the main on air', () => viewer.of(0).length > 60);
  await one.close();
  await main.ended;
  send(two, `/live/${KEY}`);
  await until('the main on another machine', () => viewer.of(1).length > 30);
  expect(viewer.between(0, 1).groups).toBe(0);
  expect(viewer.states).toEqual(['live 0', 'interrupted 0', 'interrupted 0', 'live 1']);
  viewer.expectOneTimeline();
});
