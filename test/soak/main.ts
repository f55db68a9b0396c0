import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { startCluster, type Cluster, type ClusterNode } from '#test/cluster/cluster.ts';
import { makeClip, startBroadcaster } from '#test/support/broadcaster.ts';
import { makeSwitch, whyNoSwitch } from '#test/support/network/switch.ts';
import { childrenOf } from '#test/support/processes.ts';
import { until } from '#test/support/until.ts';

import { MemoryProbe, risePerHour, type Reading } from './memory.ts';
import { newestOf, watchStream } from './streams.ts';

/**
 * `npm run soak [-- --minutes 30 --every 20 --warm-up 25 --seed 1 --snapshots FOLDER]`: a cluster under random faults, so many minutes after warm-up. Every process whose name ends in 1, and NATS, is killed, stopped and cut off; the others
 * are stopped and cut off, and their memory is read. Ends with code 1 where a stream stays down, an encoder is left behind, or memory rises. With a folder for snapshots, their
 * heaps are written there after warm-up and at the end.
 */

const minutes = option('--minutes', 30);
const every = option('--every', 20);
const random = generator(option('--seed', 1));
const snapshots = process.argv.includes('--snapshots') ? resolve(process.argv[process.argv.indexOf('--snapshots') + 1] ?? '.') : undefined;

/** MiB an hour that heap and external memory may rise after warm-up. */
const RISE = 1;
/**
 * Minutes of warm-up, with twice as many faults. The engine compiles what runs for the first time, and again, better, what runs often; that code stays. With a fault every 20 s
 * it goes on for half an hour, ever more slowly, while objects and strings stay what they were (readings tell code apart).
 */
const warmUp = option('--warm-up', 25);
/** A fault lasts so long, in seconds; a stream must go on so long after it, while the next is far. */
const FAULT = 5;

const nodes: Record<string, ClusterNode> = {};
for (const role of ['control', 'ingest', 'transcode', 'edge'] as const) {
  nodes[`${role}-1`] = { role };
  nodes[`${role}-2`] = { role };
}
const keys = ['main_0123456789abcdef', 'second_0123456789abcdef', 'third_0123456789abcdef'];
const streams = keys.map((key) => key.slice(0, key.indexOf('_')));
const encoded = [{ height: 240, bitrate: '350k' }];
const config = { streams: keys.map((key, i) => ({ key, ladder: i === 0 ? encoded : 'source' })) };

const failures: string[] = [];
const readings: Reading[] = [];
const whyNot = await whyNoSwitch();
await using network = whyNot === undefined ? await makeSwitch() : undefined;
await using cluster = await startCluster({ nodes, config, env: { NODE_OPTIONS: '--inspect=0.0.0.0:0' }, ...(network === undefined ? {} : { network }) });
await using clip = await makeClip();
const ingests = ['ingest-1', 'ingest-2'];
await using broadcasters = new AsyncDisposableStack();
keys.forEach((key, i) => {
  const urls = [...ingests.slice(i % 2), ...ingests.slice(0, i % 2)].map((name) => cluster.node(name).publishUrl(key));
  broadcasters.use(startBroadcaster({ clip, urls, seconds: (warmUp + minutes) * 60 + 180 }));
});
const edges = ['edge-1', 'edge-2'].map((name) => cluster.node(name).url);
await allGoOn('the beginning');
const watchers = edges.flatMap((edge) => streams.map((stream) => watchStream(edge, stream)));
const witnesses = cluster.names.filter((name) => name.endsWith('2'));
const probes = new Map(witnesses.map((name) => [name, new MemoryProbe(cluster.node(name), network === undefined ? '127.0.0.1' : cluster.host(name).address)]));
const began = performance.now();
let faults = 0;
let isWarm = false;
for (let next = began; minute() < warmUp + minutes; ) {
  next = Math.max(next, performance.now() - every * 1000) + (every * 1000) / (minute() < warmUp ? 2 : 1);
  const fault = pick(possibleFaults(cluster, network !== undefined));
  say(`${minute().toFixed(1)} min: ${fault.name}`);
  faults += 1;
  await fault.run();
  await allGoOn(fault.name);
  await readMemory();
  if (!isWarm && minute() >= warmUp) {
    isWarm = true;
    await keepHeaps('warm');
  }
  await new Promise((done) => setTimeout(done, Math.max(0, next - performance.now())));
}
const playlists = await Promise.all(watchers.map((watcher) => watcher.stop()));
await keepHeaps('end');
probes.forEach((probe) => probe.close());
judgeMemory();
await keepReadings();
say(`\n${faults} faults in ${minute().toFixed(1)} min; viewers read ${playlists.reduce((sum, count) => sum + count, 0)} playlists; ${failures.length} failures`);
failures.forEach((failure) => say(`FAILED: ${failure}`));
process.exitCode = failures.length === 0 ? 0 : 1;

type RandomFault = { readonly name: string; run(): Promise<void> };

function possibleFaults({ nats, node, host, names }: Cluster, cables: boolean): readonly RandomFault[] {
  const pause = (): Promise<void> => new Promise((done) => setTimeout(done, FAULT * 1000));
  const perNode = names.flatMap((name): RandomFault[] => [
    ...(name.endsWith('1') ? [{ name: `kill -9 ${name}`, run: () => killed(name) }] : []),
    {
      name: `stop ${name}`,
      run: async () => {
        node(name).pause();
        await pause();
        node(name).resume();
      },
    },
    ...(cables
      ? [
          {
            name: `cut off ${name}`,
            run: async () => {
              await host(name).cut();
              await pause();
              await host(name).restore();
            },
          },
        ]
      : []),
  ]);
  const ofNats: RandomFault[] = [
    {
      name: 'kill -9 nats',
      run: async () => {
        await nats.kill();
        await pause();
        await nats.restart();
      },
    },
    {
      name: 'stop nats',
      run: async () => {
        nats.pause();
        await pause();
        nats.resume();
      },
    },
  ];
  return [...perNode, ...ofNats];
}

/** Kills a process, sees that its encoders go with it, and starts it again. */
async function killed(name: string): Promise<void> {
  const server = cluster.node(name);
  const pid = server.process().pid ?? 0;
  const encoders = await childrenOf(pid, 'ffmpeg');
  await server.kill();
  await new Promise((done) => setTimeout(done, FAULT * 1000));
  const left = encoders.filter(isAlive);
  if (left.length > 0) {
    failures.push(`${left.length} encoders of ${name} outlived it by ${FAULT} s`);
  }
  await server.start();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Every stream goes on at every edge. */
async function allGoOn(after: string): Promise<void> {
  await Promise.all(
    edges.flatMap((edge) =>
      streams.map(async (stream) => {
        const first = await until(`${stream} at ${edge}`, () => newestOf(edge, stream), { deadline: 60_000, every: 500 }).catch(() => undefined);
        const on =
          first !== undefined &&
          (await until(`${stream} to go on`, async () => ((await newestOf(edge, stream))?.sequence ?? 0) > first.sequence, { deadline: 60_000, every: 500 }).catch(() => false));
        if (!on) {
          failures.push(`${stream} stays down at ${edge} a minute after ${after}`);
        }
      }),
    ),
  );
}

async function readMemory(): Promise<void> {
  for (const [name, probe] of probes) {
    readings.push({ process: name, minute: minute(), ...(await probe.read()) });
  }
}

async function keepHeaps(when: string): Promise<void> {
  if (snapshots !== undefined) {
    await mkdir(snapshots, { recursive: true });
    for (const [name, probe] of probes) {
      await probe.snapshot(join(snapshots, `${name}-${when}.heapsnapshot`));
    }
  }
}

/** Every reading, so that it can be seen whether memory goes on rising or settles. */
async function keepReadings(): Promise<void> {
  const folder = new URL('../bench/results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('soak.json', folder), `${JSON.stringify({ date: new Date().toISOString(), minutes, warmUp, faults, failures, readings }, undefined, 1)}\n`);
}

function judgeMemory(): void {
  for (const name of witnesses) {
    const warm = readings.filter((reading) => reading.process === name && reading.minute >= warmUp);
    for (const what of ['heap', 'code', 'external'] as const) {
      const rise = risePerHour(warm.map((reading) => ({ minute: reading.minute, value: reading[what] })));
      const last = warm.at(-1)?.[what] ?? 0;
      say(`${name.padEnd(12)} ${what.padEnd(9)} ${last.toFixed(1)} MiB, rises ${rise.toFixed(2)} MiB/h over ${warm.length} readings`);
      // Code is part of the heap.
      if (rise >= RISE && what !== 'code') {
        failures.push(`${what} of ${name} rises ${rise.toFixed(2)} MiB an hour`);
      }
    }
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function minute(): number {
  return (performance.now() - began) / 60_000;
}

function pick<T>(choices: readonly T[]): T {
  const choice = choices[Math.floor(random() * choices.length)];
  if (choice === undefined) {
    throw new RangeError('there is nothing to choose from');
  }
  return choice;
}

/** mulberry32: the same faults for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function option(name: string, standard: number): number {
  const at = process.argv.indexOf(name);
  return at < 0 ? standard : Number(process.argv[at + 1]);
}
