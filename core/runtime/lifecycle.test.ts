import { EventEmitter } from 'node:events';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { millis } from '../media/time.ts';
import { superviseProcess } from './lifecycle.ts';
import { createLog } from './log.ts';

class Host extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

const { log } = createLog({ level: 'silent' });
let host: Host;
/** What the manual clock shows. */
let now = 0;

function supervise(stop: () => Promise<void>, closed = new Promise<void>(() => {})): void {
  superviseProcess({ log, stop, closed, host, patience: millis(5000), monotonic: () => millis(now) });
}

beforeEach(() => {
  host = new Host();
  now = 1000;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the end of the process', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect'])('%s stops in order, then exits with 0', async (event) => {
    const stopped = Promise.withResolvers<void>();
    const stop = vi.fn(() => stopped.promise);
    supervise(stop);
    host.emit(event);
    await vi.advanceTimersByTimeAsync(1000);
    expect(stop).toHaveBeenCalledOnce();
    expect(host.exits).toEqual([]);
    stopped.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(host.exits).toEqual([0]);
  });

  test('a second signal ends at once', async () => {
    supervise(() => new Promise(() => {}));
    host.emit('SIGINT');
    now += 500;
    host.emit('SIGINT');
    expect(host.exits).toEqual([130]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(host.exits).toEqual([130]);
  });

  test.each([
    ['SIGTERM', 'SIGHUP'],
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'disconnect'],
  ])('%s with %s less than half a second later is one wish, and stops in order', async (first, second) => {
    const stopped = Promise.withResolvers<void>();
    const stop = vi.fn(() => stopped.promise);
    supervise(stop);
    host.emit(first);
    host.emit(second);
    now += 499;
    host.emit(second);
    expect(host.exits).toEqual([]);
    stopped.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(stop).toHaveBeenCalledOnce();
    expect(host.exits).toEqual([0]);
  });

  test('an error that nobody caught ends at once, however soon after a signal', () => {
    supervise(() => new Promise(() => {}));
    host.emit('SIGTERM');
    host.emit('uncaughtException', new Error('oops'));
    expect(host.exits).toEqual([1]);
  });

  test('a stop that hangs ends with 1 when patience is over', async () => {
    supervise(() => new Promise(() => {}));
    host.emit('SIGTERM');
    await vi.advanceTimersByTimeAsync(4999);
    expect(host.exits).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(host.exits).toEqual([1]);
  });

  test('a stop that fails ends with 1', async () => {
    supervise(() => Promise.reject(new Error('no')));
    host.emit('SIGTERM');
    await vi.advanceTimersByTimeAsync(0);
    expect(host.exits).toEqual([1]);
  });

  test.each(['uncaughtException', 'unhandledRejection'])('%s stops what runs, then ends with 1', async (event) => {
    const stop = vi.fn(() => Promise.resolve());
    supervise(stop);
    host.emit(event, new Error('oops'));
    await vi.advanceTimersByTimeAsync(0);
    expect(stop).toHaveBeenCalledOnce();
    expect(host.exits).toEqual([1]);
  });

  test('a stage that cannot go on ends with 1', async () => {
    supervise(() => Promise.resolve(), Promise.reject(new Error('gone')));
    await vi.advanceTimersByTimeAsync(0);
    expect(host.exits).toEqual([1]);
  });
});
