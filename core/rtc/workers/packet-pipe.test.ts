import { MessageChannel } from 'node:worker_threads';

import { afterEach, describe, expect, it } from 'vitest';

import type { PipeMessage } from './messages.ts';
import { PacketPipe } from './packet-pipe.ts';
import { readRecords, RecordWriter } from './packet-records.ts';

const closers: (() => void)[] = [];

afterEach(() => closers.splice(0).forEach((close) => close()));

/** Two ends; the far one reads only when it is told to. */
function connect() {
  const { port1, port2 } = new MessageChannel();
  const got: string[] = [];
  const messages: PipeMessage[] = [];
  let dropped = 0;
  const near = new PacketPipe(port1, { packet: () => {}, dropped: (packets) => (dropped += packets) });
  const far = new PacketPipe(port2, { packet: ({ key, isForeign, bytes }) => got.push(`${key} ${bytes.toString()}${isForeign ? ' foreign' : ''}`), dropped: () => {} });
  port1.on('message', (message: PipeMessage) => near.receive(message));
  const arrived = new Promise<void>((resolve) => {
    port2.on('message', (message: PipeMessage) => {
      messages.push(message);
      resolve();
    });
  });
  closers.push(() => port1.close());
  return { near, far, got, messages, arrived, port1, dropped: () => dropped };
}

describe('packets between threads', () => {
  it('go together that belong to one turn, in order, with their addresses', async () => {
    const { near, far, got, messages, arrived } = connect();
    const bytes = Buffer.from('one');
    near.send('192.0.2.1/5000', bytes);
    bytes.fill(0);
    near.send('tcp/::1/6000', Buffer.from('two'), true);
    near.send('192.0.2.1/5000', Buffer.alloc(0));
    await arrived;
    messages.forEach((message) => far.receive(message));
    expect(messages.length).toBe(1);
    expect(got).toEqual(['192.0.2.1/5000 one', 'tcp/::1/6000 two foreign', '192.0.2.1/5000 ']);
  });

  it('are dropped and counted where the other thread does not read, and go on when it does', async () => {
    const { near, far, messages, arrived, port1, dropped } = connect();
    const packet = Buffer.alloc(60_000);
    let taken = 0;
    while (near.send('192.0.2.1/5000', packet)) {
      taken += 1;
    }
    expect(taken * packet.length).toBeGreaterThan(4_000_000);
    expect(taken * packet.length).toBeLessThan(4_500_000);
    expect(dropped()).toBe(1);
    near.flush();
    await arrived;
    await expect.poll(() => messages.flatMap((message) => (message.kind === 'packets' ? [...readRecords(message.bytes)] : [])).length).toBe(taken);
    const acknowledged = new Promise((resolve) => port1.once('message', resolve));
    messages.forEach((message) => far.receive(message));
    await acknowledged;
    await expect.poll(() => near.send('192.0.2.1/5000', packet)).toBe(true);
  });

  it('refuses what cannot be a packet, and everything once closed', async () => {
    const { near, dropped } = connect();
    expect(near.send('192.0.2.1/5000', Buffer.alloc(65_536))).toBe(false);
    expect(near.send('x'.repeat(256), Buffer.alloc(1))).toBe(false);
    near.close();
    expect(near.send('192.0.2.1/5000', Buffer.alloc(1))).toBe(false);
    expect(dropped()).toBe(3);
  });
});

describe('records', () => {
  it('begin anew when they are taken', () => {
    const writer = new RecordWriter();
    writer.add('a', Buffer.of(1));
    const first = writer.take();
    writer.add('b', Buffer.of(2));
    expect([...readRecords(first)].map(({ key }) => key)).toEqual(['a']);
    expect([...readRecords(writer.take())].map(({ key }) => key)).toEqual(['b']);
  });
});
