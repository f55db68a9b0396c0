import { once } from 'node:events';
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';

import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createLog } from '../../../runtime/log.ts';
import { testBroadcast, testFrame, testTrack } from '../../testing/frames.ts';
import { startNatsServer, type TestNatsServer } from '../testing/nats-server.ts';
import { createNatsMedia, type NatsMedia } from './media.ts';
import { openParty, readPlaces, type Party } from './testing/rig.ts';

/** The way to a server, on which everything may stand still, as it does after a lost packet, and go on. */
type Way = { readonly url: string; hold(): void; letGo(): void; cut(): void; close(): Promise<void> };

async function openWay(to: string): Promise<Way> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  const answers = new Set<Socket>();
  const server = createServer((near) => {
    const far = dial(Number(port), hostname);
    answers.add(far);
    [near, far].forEach((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => [near, far].forEach((one) => one.destroy()));
    });
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => near.write(data));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: () => answers.forEach((socket) => socket.pause()),
    letGo: () => answers.forEach((socket) => socket.resume()),
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
}

/** Settles when a connection that is about to be lost is there again. */
async function again(connection: NatsConnection | undefined): Promise<void> {
  for await (const { type } of connection?.status() ?? []) {
    if (type === 'reconnect') {
      return;
    }
  }
}

describe('frames over two lines', () => {
  const { log } = createLog({ level: 'silent' });
  let server: TestNatsServer;
  let near: Party;
  let ways: readonly [Way, Way];
  let connections: readonly NatsConnection[];
  let far: NatsMedia;

  beforeEach(async () => {
    server = await startNatsServer({ jetstream: false });
    near = await openParty(server, 'near');
    ways = [await openWay(server.url), await openWay(server.url)];
    connections = await Promise.all(ways.map(({ url }) => connect({ servers: url, noEcho: true, maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0 })));
    const [connection, ...spareLines] = connections as readonly [NatsConnection, NatsConnection];
    far = createNatsMedia({ connection, spareLines, node: 'far', log });
  });

  afterEach(async () => {
    await far.close();
    await Promise.all(connections.map((connection) => connection.close()));
    await Promise.all([near.close(), ...ways.map((way) => way.close())]);
    await server.stop();
  });

  it.each([
    { held: 0, bytes: 100, name: 'the first' },
    { held: 1, bytes: 100, name: 'the second' },
    { held: 0, bytes: 2_500_000, name: 'the first, in pieces' },
    { held: 1, bytes: 2_500_000, name: 'the second, in pieces' },
  ])('come all, once and in order while $name stands still, and after', async ({ held, bytes }) => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    const write = (from: number, to: number): string[] => {
      const numbers = Array.from({ length: to - from + 1 }, (_, at) => from + at);
      numbers.forEach((group) => producer.write(testFrame(group, 0, { bytes })));
      return numbers.map((group) => `${group}.0`);
    };
    write(1, 1);
    const consumer = far.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    expect(await readPlaces(consumer, write(2, 3).length)).toEqual(['2.0', '3.0']);
    ways[held]?.hold();
    const meanwhile = write(4, 8);
    expect(await readPlaces(consumer, meanwhile.length)).toEqual(meanwhile);
    ways[held]?.letGo();
    const after = write(9, 10);
    expect(await readPlaces(consumer, after.length)).toEqual(after);
    // Both have brought everything by now, and none of it twice.
    await Promise.all(connections.map((connection) => connection.flush()));
    expect(consumer.tryNext()).toBeUndefined();
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
  });

  it('come although the second is cut, and use it again once it is back', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    const consumer = far.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    const isBack = again(connections[1]);
    ways[1].cut();
    producer.write(testFrame(2, 0));
    expect(await readPlaces(consumer, 1)).toEqual(['2.0']);
    await isBack;
    await connections[1]?.flush();
    ways[0].hold();
    producer.write(testFrame(3, 0));
    expect(await readPlaces(consumer, 1)).toEqual(['3.0']);
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
    ways[0].letGo();
  });

  it('come although the first is lost, and what is asked for goes by it again once it is back', async () => {
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    const consumer = far.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    const isBack = again(connections[0]);
    ways[0].cut();
    far.disconnected();
    producer.write(testFrame(2, 0));
    producer.write(testFrame(3, 0));
    expect(await readPlaces(consumer, 2)).toEqual(['2.0', '3.0']);
    await isBack;
    far.reconnected();
    ways[1].hold();
    producer.write(testFrame(4, 0));
    expect(await readPlaces(consumer, 1)).toEqual(['4.0']);
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
    ways[1].letGo();
  });

  it('are let go of on both with the last reader', async () => {
    near.media.produce(testBroadcast, testTrack, { fence: 1 }).write(testFrame(1, 0));
    const consumer = far.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    consumer.close();
    await Promise.all(connections.map((connection) => connection.flush()));
    const before = connections.map((connection) => connection.stats().inMsgs);
    near.media.produce(testBroadcast, testTrack, { fence: 1 }).write(testFrame(2, 0));
    await near.connection.flush();
    await Promise.all(connections.map((connection) => connection.flush()));
    expect(connections.map((connection) => connection.stats().inMsgs)).toEqual(before);
  });
});
