import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';

import { Shares } from './shares.ts';

/** An answer to somebody at an address. */
function exchange(remoteAddress: string, state: object = {}) {
  const response = Object.assign(new EventEmitter(), { destroyed: false, closed: false, ...state });
  const taking = [{ socket: { remoteAddress } } as IncomingMessage, response as unknown as ServerResponse] as const;
  return { taking, close: () => response.emit('close') };
}

test('nobody has more than their share, and all together no more than there is', () => {
  const shares = new Shares({ inAll: 10, perAddress: 6 });
  const takes = (address: string, amount: number): boolean => shares.take(...exchange(address).taking, amount);
  expect([takes('10.0.0.1', 5), takes('10.0.0.1', 2), takes('10.0.0.1', 1)]).toEqual([true, false, true]);
  expect([takes('10.0.0.2', 5), takes('10.0.0.2', 4), takes('10.0.0.3', 1)]).toEqual([false, true, false]);
  expect(shares.taken).toBe(10);
});

test('what an answer took comes back when it closes', () => {
  const shares = new Shares({ inAll: 4, perAddress: 4 });
  const [first, second] = [exchange('10.0.0.1'), exchange('10.0.0.1')];
  expect([shares.take(...first.taking, 3), shares.take(...second.taking, 3)]).toEqual([true, false]);
  first.close();
  first.close();
  expect([shares.taken, shares.take(...second.taking, 3), shares.taken]).toEqual([0, true, 3]);
});

test('an IPv6 subscriber has one share, however many addresses', () => {
  const shares = new Shares({ inAll: 9, perAddress: 2 });
  expect(['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1'].map((address) => shares.take(...exchange(address).taking, 1))).toEqual([true, true, false, true]);
});

test.each([{ destroyed: true }, { closed: true }, { stream: { destroyed: true } }])('who has gone already (%o) takes nothing that nobody would give back', (state) => {
  const shares = new Shares({ inAll: 1, perAddress: 1 });
  expect([shares.take(...exchange('10.0.0.1', state).taking, 1), shares.taken]).toEqual([false, 0]);
});
