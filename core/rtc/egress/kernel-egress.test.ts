import { expect, test } from 'vitest';

import { ERRNO } from '../native/messages.ts';
import { PacketBatch } from '../packet-batch.ts';

import { Counts } from './counts.ts';
import { KernelEgress } from './kernel-egress.ts';
import type { DatagramAddress } from './socket-address.ts';

/** A kernel whose answers are given, and what it was asked to send: `length` or `length/segment` for each message. */
class Kernel {
  readonly calls: string[][] = [];
  readonly answers: number[];
  readonly #staged: string[] = [];

  constructor(answers: readonly number[]) {
    this.answers = [...answers];
  }

  name(): void {
    // One peer.
  }

  set(i: number, _bytesAt: number, length: number, segment: number): void {
    this.#staged[i] = segment === 0 ? `${length}` : `${length}/${segment}`;
  }

  send(_descriptor: number, from: number, to: number): number {
    this.calls.push(this.#staged.slice(from, to));
    return this.answers.shift() ?? to - from;
  }
}

const peer: DatagramAddress = { address: '192.0.2.1', port: 5000, family: 'IPv4' };
const lengths = [300, 1200, 1200, 700, 80];

function setUp(answers: readonly number[]): { kernel: Kernel; egress: KernelEgress; send: (to?: DatagramAddress) => number } {
  const kernel = new Kernel(answers);
  const egress = new KernelEgress({ messages: kernel, descriptor: () => 7, family: 'udp4', others: undefined, counts: new Counts() });
  const batch = new PacketBatch();
  batch.reset(0);
  lengths.forEach((length) => batch.add(length));
  return { kernel, egress, send: (to = peer) => egress.send(batch, to) };
}

const whole = ['300', '3100/1200', '80'];

test('a batch is one call', () => {
  const { kernel, egress, send } = setUp([]);
  expect(send()).toBe(5);
  expect(kernel.calls).toEqual([whole]);
  expect(egress.counts).toEqual(expect.objectContaining({ packets: 5, bytes: 3480, dropped: 0, calls: 1 }));
});

test('what a call left over is sent by the next', () => {
  const { kernel, send } = setUp([1, 1]);
  expect(send()).toBe(5);
  expect(kernel.calls).toEqual([whole, whole.slice(1), whole.slice(2)]);
});

test.each(['EAGAIN', 'ENOBUFS', 'ENOMEM'] as const)('a full queue (%s) drops the rest and is not asked again', (name) => {
  const { kernel, egress, send } = setUp([1, -ERRNO[name]]);
  expect(send()).toBe(1);
  expect(kernel.calls).toHaveLength(2);
  expect(egress.counts).toMatchObject({ packets: 1, dropped: 4 });
});

test.each(['EPERM', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNREFUSED'] as const)('a refusal (%s) costs its message alone', (name) => {
  const { kernel, egress, send } = setUp([1, -ERRNO[name]]);
  expect(send()).toBe(2);
  expect(kernel.calls).toEqual([whole, whole.slice(1), whole.slice(2)]);
  expect(egress.counts).toMatchObject({ packets: 2, dropped: 3 });
});

test.each(['EINVAL', 'EIO', 'EMSGSIZE', 'EOPNOTSUPP'] as const)('a way that takes no segments (%s) gets its packets one by one, now and later', (name) => {
  const { kernel, egress, send } = setUp([1, -ERRNO[name]]);
  expect(send()).toBe(5);
  expect(kernel.calls).toEqual([whole, whole.slice(1), ['1200', '1200', '700', '80']]);
  expect(send()).toBe(5);
  expect(kernel.calls[3]).toEqual(['300', '1200', '1200', '700', '80']);
  expect(send({ ...peer })).toBe(5);
  expect(kernel.calls[4]).toEqual(whole);
  expect(egress.counts.dropped).toBe(0);
});

test('a packet too long for the way is dropped alone', () => {
  const { kernel, egress, send } = setUp([-ERRNO.EMSGSIZE]);
  expect(send()).toBe(4);
  expect(kernel.calls).toEqual([whole, whole.slice(1)]);
  expect(egress.counts).toMatchObject({ packets: 4, dropped: 1 });
});

test('a call that a signal interrupted is made again', () => {
  const { kernel, send } = setUp([-ERRNO.EINTR]);
  expect(send()).toBe(5);
  expect(kernel.calls).toEqual([whole, whole]);
});

test('one datagram that is refused is counted', () => {
  const { egress } = setUp([-ERRNO.EAGAIN]);
  expect(egress.sendOne(Buffer.alloc(9), peer)).toBe(false);
  expect(egress.sendOne(Buffer.alloc(70_000), peer)).toBe(false);
  expect(egress.sendOne(Buffer.alloc(9), peer)).toBe(true);
  expect(egress.counts).toMatchObject({ packets: 1, bytes: 9, dropped: 2 });
});
