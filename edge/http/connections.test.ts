import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { constants, type Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';

import { Connections, noteTaken } from './connections.ts';
import { WaitingRoom } from './waiting-room.ts';

class FakeSocket extends EventEmitter {
  writableLength = 0;
  bytesWritten = 0;
  destroyed = false;

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

const room = (): { connections: Connections; open: () => FakeSocket } => {
  const connections = new Connections({ maxConnections: 3, maxConnectionsPerAddress: 2 }, (socket) => (socket as unknown as { address?: string }).address ?? 'a');
  return {
    connections,
    open: () => {
      const socket = new FakeSocket();
      connections.admit(socket as unknown as Socket);
      return socket;
    },
  };
};

test('a reader who takes nothing for three sweeps is cut off; a slow one that reads and an idle one stay', () => {
  const { connections, open } = room();
  const stuck = open();
  const slow = open();
  stuck.bytesWritten = slow.bytesWritten = 1_000_000;
  stuck.writableLength = slow.writableLength = 900_000;
  connections.sweep();
  for (let i = 0; i < 3; i++) {
    expect(stuck.destroyed).toBe(false);
    slow.writableLength -= 20_000;
    connections.sweep();
  }
  expect([stuck.destroyed, slow.destroyed, connections.count]).toEqual([true, false, 1]);
  slow.writableLength = 0;
  for (let i = 0; i < 5; i++) {
    connections.sweep();
  }
  expect(slow.destroyed).toBe(false);
});

test('a TLS connection is judged by its encrypted face, and counted once', () => {
  const { connections, open } = room();
  open();
  const encrypted = new FakeSocket();
  connections.watch(encrypted as unknown as Socket);
  encrypted.bytesWritten = encrypted.writableLength = 100_000;
  for (let i = 0; i < 3; i++) {
    connections.sweep();
  }
  expect([encrypted.destroyed, connections.count]).toEqual([true, 1]);
});

test('a stream of HTTP/2 is cut that had bytes waiting for a minute, whatever it took of them; a quiet one stays', () => {
  const { connections } = room();
  const streams = [0, 1].map(() => Object.assign(new EventEmitter(), { writableLength: 0, code: 0 }));
  const [slow, quiet] = streams;
  if (slow === undefined || quiet === undefined) {
    throw new RangeError();
  }
  for (const stream of streams) {
    connections.watchStream(
      Object.assign(stream, {
        close: (code: number) => {
          stream.code = code;
          stream.emit('close');
        },
      }) as unknown as Http2Stream,
    );
  }
  slow.writableLength = 1_000_000;
  for (let i = 0; i < 11; i++) {
    slow.writableLength -= 1;
    quiet.writableLength = i % 3;
    connections.sweep();
    expect([slow.code, quiet.code]).toEqual([0, 0]);
  }
  connections.sweep();
  expect([slow.code, quiet.code]).toEqual([constants.NGHTTP2_CANCEL, 0]);
});

test('a stream whose answer is made while it is taken lasts for hours, as long as something of it is taken', () => {
  const { connections } = room();
  const stream = Object.assign(new EventEmitter(), { writableLength: 100_000, code: 0, close: (code: number) => (stream.code = code) });
  connections.watchStream(stream as unknown as Http2Stream);
  const sweeps = (count: number): void => Array.from({ length: count }).forEach(() => connections.sweep());
  for (let i = 0; i < 100; i++) {
    sweeps(11);
    noteTaken({ stream } as unknown as ServerResponse, 50_000);
    sweeps(1);
    expect(stream.code).toBe(0);
  }
  sweeps(12);
  expect(stream.code).toBe(constants.NGHTTP2_CANCEL);
});

test('connections beyond the limit of their address are destroyed, and those that close make room', () => {
  const { connections, open } = room();
  const [first] = [open(), open()];
  expect(open().destroyed).toBe(true);
  first.destroy();
  expect(open().destroyed).toBe(false);
  expect(connections.count).toBe(2);
});

test('all addresses that one IPv6 subscriber has count as one', () => {
  const addresses = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1'];
  const connections = new Connections({ maxConnections: 9, maxConnectionsPerAddress: 2 }, (socket) => (socket as unknown as { address: string }).address);
  const sockets = addresses.map((address) => Object.assign(new FakeSocket(), { address }));
  sockets.forEach((socket) => connections.admit(socket as unknown as Socket));
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, true, false]);
  const waiting = new WaitingRoom({ maxWaiting: 9, maxWaitingPerAddress: 2, maxWaitingPerConnection: 9 });
  const seat = { waiting: 0 };
  expect(addresses.map((address) => waiting.enter(address, seat))).toEqual([true, true, false, true]);
  waiting.leave('2001:db8::2', seat);
  expect(waiting.enter('2001:db8::3', seat)).toBe(true);
});

test('waiting requests are bounded in all, by address and by connection', () => {
  const waiting = new WaitingRoom({ maxWaiting: 3, maxWaitingPerAddress: 2, maxWaitingPerConnection: 1 });
  const seats = Array.from({ length: 5 }, () => ({ waiting: 0 }));
  const enter = (address: string, seat: number): boolean => waiting.enter(address, seats[seat] ?? { waiting: 0 });
  expect([enter('a', 0), enter('a', 0), enter('a', 1), enter('a', 2), enter('b', 3), enter('b', 4)]).toEqual([true, false, true, false, true, false]);
  waiting.leave('a', seats[0] ?? { waiting: 0 });
  expect([waiting.count, enter('a', 0)]).toEqual([2, true]);
});
