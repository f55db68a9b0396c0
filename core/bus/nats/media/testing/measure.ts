/**
 * What frames over NATS cost and add: `node core/bus/nats/media/testing/measure.ts [tracks] [seconds]`. Writes tracks of 60 frames a second of about 5 KB in one
 * thread, reads them in another, over a real nats-server on this machine, and prints CPU per frame on each side and the latency between `write` and the reader.
 */
import { availableParallelism } from 'node:os';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { connect } from '@nats-io/transport-node';

import { createLog } from '../../../../runtime/log.ts';
import { broadcastId, type Frame } from '../../../../media/frame.ts';
import { ticks } from '../../../../media/time.ts';
import { trackName } from '../../../../media/track.ts';
import { testFrame } from '../../../testing/frames.ts';
import { startNatsServer } from '../../testing/nats-server.ts';
import { createNatsMedia } from '../media.ts';
import { readFrame, readMessage, writeFrame } from '../message.ts';

const FRAMES_PER_SECOND = 60;
const GROUP = 120;
const BYTES = 5_000;
const broadcast = broadcastId('measuredbroadcast');
const trackOf = (at: number) => trackName(`v${at}`);
const template = testFrame(1, 0);
const { log } = createLog({ level: 'warn' });

/** Written by one process, so both sides read one clock: the time of writing stands in the first 8 bytes. */
function frameOf(at: number, count: number): Frame {
  const group = 1 + Math.floor(count / GROUP);
  const index = count % GROUP;
  const data = new Uint8Array(BYTES);
  const { head, ...rest } = { ...template, broadcast, track: trackOf(at), group, index, pts: ticks(count * 1500), dts: ticks(count * 1500), data };
  new DataView(data.buffer).setFloat64(0, performance.timeOrigin + performance.now());
  return index === 0 && head !== undefined ? { ...rest, head } : rest;
}

const say = (line: string): unknown => process.stdout.write(`${line}\n`);

type Work = { readonly url: string; readonly tracks: number; readonly seconds: number };

async function writer({ url, tracks, seconds }: Work): Promise<void> {
  const connection = await connect({ servers: url, noEcho: true });
  const media = createNatsMedia({ connection, node: 'writer', log });
  const producers = Array.from({ length: tracks }, (_, at) => media.produce(broadcast, trackOf(at), { fence: 1 }));
  const from = performance.now();
  const before = process.threadCpuUsage();
  let count = 0;
  while (count < seconds * FRAMES_PER_SECOND) {
    const due = Math.floor(((performance.now() - from) / 1000) * FRAMES_PER_SECOND);
    for (; count < due; count += 1) {
      for (const [at, producer] of producers.entries()) {
        producer.write(frameOf(at, count));
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  const { user, system } = process.threadCpuUsage(before);
  parentPort?.postMessage({ cpuPerFrame: (user + system) / (count * tracks) });
  await connection.flush();
  await media.close();
  await connection.close();
}

async function reader({ url, tracks, seconds }: Work): Promise<void> {
  const connection = await connect({ servers: url, noEcho: true });
  const media = createNatsMedia({ connection, node: 'reader', log });
  const latencies: number[] = [];
  const total = tracks * (seconds - 1) * FRAMES_PER_SECOND;
  const done = Promise.withResolvers<void>();
  let before = process.threadCpuUsage();
  const consumers = Array.from({ length: tracks }, (_, at) => media.consume(broadcast, trackOf(at)));
  parentPort?.postMessage('ready');
  const read = async (consumer: (typeof consumers)[number]): Promise<void> => {
    for await (const { data } of consumer) {
      latencies.push(performance.timeOrigin + performance.now() - new DataView(data.buffer, data.byteOffset).getFloat64(0));
      if (latencies.length === 1) {
        before = process.threadCpuUsage();
      }
      if (latencies.length === total) {
        done.resolve();
      }
    }
  };
  consumers.forEach((consumer) => void read(consumer));
  await done.promise;
  const { user, system } = process.threadCpuUsage(before);
  const sorted = latencies.sort((a, b) => a - b);
  const at = (share: number) => Number(sorted[Math.floor(sorted.length * share)]?.toFixed(2));
  parentPort?.postMessage({ cpuPerFrame: (user + system) / latencies.length, p50: at(0.5), p99: at(0.99), worst: at(0.9999), losses: consumers.reduce((sum, { losses }) => sum + losses.groups, 0) });
  await media.close();
  await connection.close();
}

/** What of the cost is our own message format. */
function codec(): void {
  const frame = { ...frameOf(0, 1) };
  const plain = { run: 1, number: 1, isAfterDrop: false, frame };
  const rounds = 20_000;
  const message = writeFrame(plain, 1e6)[0] ?? new Uint8Array();
  const time = (what: () => void): number => {
    for (let i = 0; i < rounds; i += 1) {
      what();
    }
    const before = process.threadCpuUsage();
    for (let i = 0; i < rounds; i += 1) {
      what();
    }
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / rounds;
  };
  const write = time(() => writeFrame(plain, 1e6));
  const read = time(() => {
    const parsed = readMessage(message);
    return parsed === undefined ? undefined : readFrame(parsed.payload, broadcast, trackOf(0));
  });
  say(`message format: write ${write.toFixed(1)} us, read ${read.toFixed(1)} us a frame`);
}

async function main(): Promise<void> {
  const [tracks = 50, seconds = 8] = process.argv.slice(2).map(Number);
  codec();
  const server = await startNatsServer({ jetstream: false });
  const start = (role: string): Worker => new Worker(new URL(import.meta.url), { workerData: { role, work: { url: server.url, tracks, seconds } } });
  const readers = start('reader');
  const result = Promise.withResolvers<unknown>();
  const ready = Promise.withResolvers<void>();
  readers.on('message', (message: unknown) => (message === 'ready' ? ready.resolve() : result.resolve(message)));
  await ready.promise;
  const writers = start('writer');
  const written = Promise.withResolvers<unknown>();
  writers.on('message', written.resolve);
  say(`reader ${JSON.stringify(await result.promise)}`);
  say(`writer ${JSON.stringify(await written.promise)}`);
  say(`${tracks} tracks of ${FRAMES_PER_SECOND} frames/s, ${BYTES} bytes: ${((tracks * FRAMES_PER_SECOND * BYTES * 8) / 1e6).toFixed(0)} Mbit/s, ${availableParallelism()} cores`);
  await Promise.all([readers.terminate(), writers.terminate()]);
  await server.stop();
}

if (isMainThread) {
  await main();
} else {
  const { role, work } = workerData as { readonly role: string; readonly work: Work };
  await (role === 'writer' ? writer(work) : reader(work));
}
