import { afterEach, describe, expect, it } from 'vitest';
import { MessageChannel, Worker } from 'node:worker_threads';

import { millis, wallTime } from '../../media/time.ts';
import { trackName } from '../../media/track.ts';
import { describeLink } from '../link.suite.ts';
import { createLocalBus } from '../local/local-bus.ts';
import { placeOf, testBroadcast, testFrame, testTrack } from '../testing/frames.ts';
import { connectBus, type WorkerBus } from './connect-bus.ts';
import { serveBus, type BusService } from './serve-bus.ts';

describeLink('worker', () => {
  const bus = createLocalBus();
  const { port1, port2 } = new MessageChannel();
  serveBus(bus, port1);
  const far = connectBus(port2);
  return Promise.resolve({
    near: far,
    far,
    close: async () => {
      await far.close();
      await bus.close();
    },
  });
});

describe('the worker link alone', () => {
  const bus = createLocalBus();
  const open: { close(): unknown }[] = [];

  afterEach(() => {
    open.splice(0).forEach((one) => one.close());
  });

  function connect(): { readonly service: BusService; readonly far: WorkerBus } {
    const { port1, port2 } = new MessageChannel();
    const service = serveBus(bus, port1);
    const far = connectBus(port2);
    open.push(far, service);
    return { service, far };
  }

  it('copies the bytes of a frame once for all threads, and none that only lie beside them', async () => {
    const ends = [connect(), connect()];
    const consumers = ends.map(({ far }) => far.consume(testBroadcast, testTrack));
    const waiting = consumers.map((consumer) => consumer.next());
    await Promise.all(ends.map(({ far }) => far.settled()));
    const producer = bus.produce(testBroadcast, testTrack, { fence: 1 });
    const packet = new Uint8Array(2_000_000).fill(7);
    producer.write({ ...testFrame(100, 0), data: packet.subarray(5, 10) });
    const [first, second] = await Promise.all(waiting);
    expect(first?.data).toEqual(new Uint8Array(5).fill(7));
    expect(first?.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(first?.data.buffer.byteLength).toBeLessThan(packet.byteLength);
    new Uint8Array(first!.data.buffer).fill(9);
    expect(second?.data).toEqual(new Uint8Array(5).fill(9));
    producer.close();
  });

  it('passes on nothing that nobody subscribed to', async () => {
    const { far, service } = connect();
    await far.settled();
    expect(service.open).toBe(0);
  });

  it('leaves what a reader does not take in the bounded queue of the bus', async () => {
    const { far } = connect();
    const consumer = far.consume(testBroadcast, testTrack, { maxFrames: 4, backlog: 'none' });
    const waiting = consumer.next();
    await far.settled();
    const producer = bus.produce(testBroadcast, testTrack, { fence: 1 });
    for (let group = 200; group < 300; group += 1) {
      producer.write(testFrame(group, 0));
      producer.write(testFrame(group, 1));
    }
    expect(placeOf(await waiting)).toBe('200.0');
    await far.settled();
    expect(consumer.queued.frames).toBeLessThanOrEqual(4);
    producer.close();
  });

  it('tells what was known when it settles', async () => {
    bus.announce({ stream: 'cam', broadcast: testBroadcast, epoch: 0, state: 'live', startedAt: wallTime(1) });
    bus.putCatalog(testBroadcast, 'transcode', { speed: 1, lag: millis(0), restarts: 3, warnings: [] });
    const { far } = connect();
    const seen: unknown[] = [];
    far.onBroadcast(({ stream }) => seen.push(stream));
    far.onCatalog(testBroadcast, 'transcode', ({ restarts }) => seen.push(restarts));
    await far.settled();
    expect(seen).toEqual(['cam', 3]);
  });

  it('tells of a backlog whether more of it follows, and where there is none', async () => {
    const { far } = connect();
    const producer = bus.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(400, 0));
    producer.write(testFrame(400, 1));
    const consumer = far.consume(testBroadcast, testTrack);
    expect(consumer.isBehind).toBe(true);
    expect([placeOf(await consumer.next()), consumer.isBehind]).toEqual(['400.0', true]);
    expect([placeOf(await consumer.next()), consumer.isBehind]).toEqual(['400.1', false]);
    producer.close();
    const other = far.consume(testBroadcast, trackName('other'));
    expect(other.tryNext()).toBeUndefined();
    await far.settled();
    await far.settled();
    expect(other.isBehind).toBe(false);
  });

  it('fences a producer whose successor writes in another thread', async () => {
    const { far } = connect();
    const broadcast = 'fencedbroadcast' as typeof testBroadcast;
    const producer = far.produce(broadcast, testTrack, { fence: 1 });
    producer.write({ ...testFrame(1, 0), broadcast });
    await far.settled();
    bus.produce(broadcast, testTrack, { fence: 2 }).write({ ...testFrame(1, 1, { fence: 2 }), broadcast });
    producer.write({ ...testFrame(2, 0), broadcast });
    await far.settled();
    expect(() => producer.write({ ...testFrame(2, 1), broadcast })).toThrow(expect.objectContaining({ code: 'bus/fenced' }));
  });

  it('ends everything when the bus closes', async () => {
    const other = createLocalBus();
    const { port1, port2 } = new MessageChannel();
    const service = serveBus(other, port1);
    const far = connectBus(port2);
    const consumer = far.consume(testBroadcast, testTrack);
    const lease = await far.lease('x');
    await other.close();
    await lease.lost;
    expect(await consumer.next()).toBeUndefined();
    far.consume(testBroadcast, testTrack);
    await Promise.all([service.closed, far.closed]);
    expect(() => far.consume(testBroadcast, testTrack)).toThrow(expect.objectContaining({ code: 'bus/closed' }));
  });

  it('serves a real worker, of which nothing is left when it dies', async () => {
    const other = createLocalBus();
    const { port1, port2 } = new MessageChannel();
    const service = serveBus(other, port1);
    const worker = new Worker(new URL('../testing/bus-worker.ts', import.meta.url), { workerData: { port: port2 }, transferList: [port2] });
    const answers: unknown[] = [];
    const answered = new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('message', (answer) => {
        answers.push(answer);
        if (answer === 'subscribed') {
          const producer = other.produce(testBroadcast, testTrack, { fence: 1 });
          producer.write(testFrame(1, 0));
          producer.write(testFrame(1, 1));
        } else if (answer === '1.1') {
          resolve();
        }
      });
    });
    await answered;
    expect(answers).toEqual(['subscribed', '1.0', '1.1']);
    expect(service.open).toBe(2);
    await worker.terminate();
    await service.closed;
    expect(service.open).toBe(0);
    await other.close();
  });
});
