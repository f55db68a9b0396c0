import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { once } from 'node:events';

import { afterEach, describe, expect, test } from 'vitest';

import { messages } from '../native/messages.ts';
import { PacketBatch } from '../packet-batch.ts';
import { createSrtpProtection, type SrtpProfile } from '../srtp/srtp-protection.ts';

import { createDatagramEgress, createDescriptorEgress, descriptorOf, numericLookup, type DatagramAddress } from './datagram-egress.ts';

const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) {
    socket.close();
  }
});

async function bound(address: string, options: Partial<SocketOptions> = {}): Promise<Socket> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ...options });
  sockets.push(socket);
  const listening = once(socket, 'listening');
  socket.bind(0, address);
  await listening;
  return socket;
}

/** A socket that keeps what it receives. */
async function receiver(address: string): Promise<{ readonly to: DatagramAddress; readonly received: (count: number) => Promise<Buffer[]> }> {
  const socket = await bound(address);
  socket.setRecvBufferSize(4 * 1024 * 1024);
  const all: Buffer[] = [];
  let wake = (): void => {};
  socket.on('message', (message) => {
    all.push(message);
    wake();
  });
  return {
    to: { address, port: socket.address().port, family: address.includes(':') ? 'IPv6' : 'IPv4' },
    received: async (count) => {
      while (all.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return all.splice(0, count);
    },
  };
}

function batchOf(lengths: readonly number[], overhead = 0): PacketBatch {
  const batch = new PacketBatch();
  fill(batch, lengths, overhead, 0);
  return batch;
}

/** RTP packets of so many bytes, numbered from `sequence` on. */
function fill(batch: PacketBatch, lengths: readonly number[], overhead: number, sequence: number): void {
  batch.reset(overhead);
  lengths.forEach((length, i) => {
    const at = batch.add(length);
    batch.bytes.fill(i + 1, at, at + length);
    if (length >= 12) {
      batch.bytes.fill(0, at, at + 12);
      batch.bytes[at] = 0x80;
      batch.view.setUint16(at + 2, (sequence + i) & 0xffff);
      batch.view.setUint32(at + 8, 0xcafe);
    }
  });
}

const packetsOf = (batch: PacketBatch): Buffer[] =>
  Array.from({ length: batch.count }, (_, i) => Buffer.from(batch.bytes.subarray(batch.starts[i], (batch.starts[i] ?? 0) + (batch.lengths[i] ?? 0))));

const native = messages().messages !== undefined;
const paths = [{ fastPath: 'off' as const, fast: false }, ...(native ? [{ fastPath: 'auto' as const, fast: true }] : [])];

describe.each(paths)('fast path $fastPath', ({ fastPath, fast }) => {
  test.each([
    ['IPv4', '0.0.0.0', '127.0.0.1', undefined],
    ['IPv6', '::', '::1', undefined],
    ['IPv4 on a dual-stack socket', '::', '127.0.0.1', undefined],
    ['IPv4 mapped on a dual-stack socket', '::', '127.0.0.1', '::ffff:127.0.0.1'],
    ['IPv4 mapped on an IPv4 socket', '127.0.0.1', '127.0.0.1', '::ffff:127.0.0.1'],
  ])('sends a batch packet by packet over %s', async (_, from, to, written) => {
    const egress = createDatagramEgress({ socket: await bound(from), fastPath });
    const peer = await receiver(to);
    const address = written === undefined ? peer.to : { ...peer.to, address: written, family: 'IPv6' as const };
    for (const lengths of [[300, 1200, 1200, 1200, 1200, 1200, 1200, 700], [12], [100, 101, 102, 50, 50, 49], Array.from({ length: 64 }, () => 1000)]) {
      const batch = batchOf(lengths);
      const expected = packetsOf(batch);
      expect(egress.send(batch, address)).toBe(lengths.length);
      // The batch is the thread's: it is filled anew before anything is awaited.
      batch.bytes.fill(0xff);
      expect(await peer.received(lengths.length)).toEqual(expected);
    }
    expect(egress.fast).toBe(fast);
    expect(egress.counts).toMatchObject({ packets: 79, dropped: 0, ...(fast && { calls: 4 }) });
  });

  test('sends from a socket that looks nothing up', async () => {
    const egress = createDatagramEgress({ socket: await bound('::', { lookup: numericLookup }), fastPath });
    for (const address of ['127.0.0.1', '::1']) {
      const peer = await receiver(address);
      const batch = batchOf([300, 300, 20]);
      const expected = packetsOf(batch);
      expect(egress.send(batch, peer.to)).toBe(3);
      batch.bytes.fill(0xff);
      expect(await peer.received(3)).toEqual(expected);
    }
  });

  test('sends one datagram, which may be overwritten at once', async () => {
    const egress = createDatagramEgress({ socket: await bound('127.0.0.1'), fastPath });
    const peer = await receiver('127.0.0.1');
    const bytes = Buffer.from('hello');
    expect(egress.sendOne(bytes, peer.to)).toBe(true);
    bytes.fill(0);
    expect(await peer.received(1)).toEqual([Buffer.from('hello')]);
  });

  test('packets that protection emptied are left out', async () => {
    const egress = createDatagramEgress({ socket: await bound('127.0.0.1'), fastPath });
    const peer = await receiver('127.0.0.1');
    const batch = batchOf([100, 100, 100, 100]);
    batch.lengths[1] = 0;
    const expected = packetsOf(batch).filter(({ length }) => length > 0);
    expect(egress.send(batch, peer.to)).toBe(3);
    expect(await peer.received(3)).toEqual(expected);
    expect(egress.counts).toMatchObject({ packets: 3, bytes: 300, dropped: 0 });
  });

  test('what has no way is dropped, counted, and disturbs nobody', async () => {
    const egress = createDatagramEgress({ socket: await bound('127.0.0.1'), fastPath });
    const peer = await receiver('127.0.0.1');
    const batch = batchOf([100, 100]);
    expect(egress.send(batch, { address: '2001:db8::1', port: 5000, family: 'IPv6' })).toBe(0);
    expect(egress.send(batch, { address: '127.0.0.1', port: 0, family: 'IPv4' })).toBe(0);
    expect(egress.send(batch, { address: 'nobody', port: 5000, family: 'IPv4' })).toBe(0);
    expect(egress.sendOne(Buffer.alloc(5), { address: '127.0.0.1', port: 70_000, family: 'IPv4' })).toBe(false);
    expect(egress.counts).toMatchObject({ packets: 0, dropped: 7 });
    expect(egress.send(batch, peer.to)).toBe(2);
    expect(await peer.received(2)).toHaveLength(2);
  });

  test('an address whose port changed is looked at again', async () => {
    const egress = createDatagramEgress({ socket: await bound('127.0.0.1'), fastPath });
    const peers = [await receiver('127.0.0.1'), await receiver('127.0.0.1')];
    const path = { address: '127.0.0.1', port: 0, family: 'IPv4' as const };
    for (const peer of peers) {
      path.port = peer.to.port;
      egress.send(batchOf([50]), path);
      expect(await peer.received(1)).toHaveLength(1);
    }
  });

  test('after close, of it or of its socket, everything is dropped', async () => {
    const peer = await receiver('127.0.0.1');
    for (const close of [(socket: Socket) => socket.close(), undefined]) {
      const socket = await bound('127.0.0.1');
      const egress = createDatagramEgress({ socket, fastPath });
      if (close === undefined) {
        egress.close();
        egress.close();
      } else {
        sockets.splice(sockets.indexOf(socket), 1);
        close(socket);
      }
      expect(egress.send(batchOf([100, 100]), peer.to)).toBe(0);
      expect(egress.sendOne(Buffer.alloc(5), peer.to)).toBe(false);
      expect(egress.counts).toMatchObject({ packets: 0, dropped: 3 });
    }
  });
});

test.skipIf(!native)('a descriptor alone is enough, as long as it is that of the socket', async () => {
  const socket = await bound('::');
  const { port } = socket.address();
  const descriptor = descriptorOf(socket)?.() ?? -1;
  const egress = createDescriptorEgress({ descriptor, port, family: 'udp6' });
  const peer = await receiver('127.0.0.1');
  expect(egress?.send(batchOf([500, 500, 20]), peer.to)).toBe(3);
  expect((await peer.received(3)).map(({ length }) => length)).toEqual([500, 500, 20]);
  expect(createDescriptorEgress({ descriptor, port: port + 1, family: 'udp6' })).toBeUndefined();
  expect(createDescriptorEgress({ descriptor: 1, port, family: 'udp6' })).toBeUndefined();
});

test('a socket that is not bound or closed has no descriptor', async () => {
  const socket = createSocket('udp4');
  expect(descriptorOf(socket)?.() ?? -1).toBe(-1);
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  const descriptor = descriptorOf(socket);
  socket.close();
  expect(descriptor?.() ?? -1).toBe(-1);
});

describe.skipIf(!native).each<SrtpProfile>(['aead-aes-128-gcm', 'aes128-cm-sha1-80'])('%s', (profile) => {
  test('both paths send the same datagrams, over the wrap, 1 to 64 packets of 12 to 1200 bytes', async () => {
    const salt = profile === 'aead-aes-128-gcm' ? 12 : 14;
    const keys = { profile, localKey: Buffer.alloc(16, 1), localSalt: Buffer.alloc(salt, 2), remoteKey: Buffer.alloc(16, 3), remoteSalt: Buffer.alloc(salt, 4) };
    const socket = await bound('0.0.0.0');
    const peer = await receiver('127.0.0.1');
    const sides = (['off', 'auto'] as const).map((fastPath) => ({ protection: createSrtpProtection({ ...keys, fastPath }), egress: createDatagramEgress({ socket, fastPath }) }));
    const batch = new PacketBatch();
    let sequence = 65_000;
    for (let round = 0; round < 60; round += 1) {
      const count = 1 + ((round * 29) % 64);
      const largest = Math.min(1200, Math.floor(65_507 / count) - 16);
      const lengths = Array.from({ length: count }, (_, i) => (round % 2 === 0 && i > 0 ? largest : 12 + ((round * 131 + i * 211) % (largest - 11))));
      const outcomes: Buffer[][] = [];
      for (const { protection, egress } of sides) {
        fill(batch, lengths, protection.overhead, sequence);
        protection.protect(batch);
        expect(egress.send(batch, peer.to)).toBe(count);
        outcomes.push(await peer.received(count));
      }
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(outcomes[0]?.map(({ length }) => length)).toEqual(lengths.map((length) => length + salt + (salt === 12 ? 4 : -4)));
      sequence += count;
    }
    expect(sequence).toBeGreaterThan(65_536);
    sides.forEach(({ protection }) => protection.close());
  });
});
