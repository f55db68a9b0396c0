import { describe, expect, test } from 'vitest';

import { wallTime } from '#core/media/time.ts';
import { Recheck } from './recheck.ts';

/** A machine whose clock, load and broadcasts the test sets. */
class Machine {
  now = 0;
  load = 0.1;
  busy = false;
  readonly measured: number[] = [];
  readonly failed: unknown[] = [];
  /** Measurements begun, each to be ended by the test. */
  readonly begun: { readonly signal: AbortSignal; readonly resolve: (speed: number) => void; readonly reject: (thrown: unknown) => void }[] = [];
  readonly recheck = new Recheck({
    clock: () => wallTime(this.now),
    load: () => this.load,
    busy: () => this.busy,
    measure: (signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        this.begun.push({ signal, resolve, reject });
      }),
    onMeasured: (speed) => this.measured.push(speed),
    onFailed: (thrown) => this.failed.push(thrown),
  });

  pass(seconds: number): void {
    for (let n = 0; n < seconds; n += 1) {
      this.now += 1000;
      this.recheck.tick();
    }
  }
}

describe('the machine is measured again', () => {
  test('once it has been calm for 10 s, and only once', async () => {
    const machine = new Machine();
    machine.pass(10);
    expect(machine.begun.length).toBe(0);
    machine.pass(1);
    machine.begun[0]?.resolve(90);
    await expect.poll(() => machine.measured).toEqual([90]);
    expect(machine.recheck.done).toBe(true);
    machine.pass(60);
    expect(machine.begun.length).toBe(1);
  });

  test.each([
    { name: 'it works', disturb: (machine: Machine): void => void (machine.load = 0.31), calm: (machine: Machine): void => void (machine.load = 0.29) },
    { name: 'a broadcast is on', disturb: (machine: Machine): void => void (machine.busy = true), calm: (machine: Machine): void => void (machine.busy = false) },
  ])('not while $name; the calm counts anew after it', ({ disturb, calm }) => {
    const machine = new Machine();
    machine.pass(9);
    disturb(machine);
    machine.pass(60);
    calm(machine);
    machine.pass(10);
    expect(machine.begun.length).toBe(0);
    machine.pass(1);
    expect(machine.begun.length).toBe(1);
  });

  test('later, where a broadcast broke it off', async () => {
    const machine = new Machine();
    machine.pass(11);
    machine.busy = true;
    machine.pass(1);
    expect(machine.begun[0]?.signal.aborted).toBe(true);
    await expect.poll(() => machine.recheck.done).toBe(false);
    machine.busy = false;
    machine.pass(11);
    expect(machine.begun.length).toBe(2);
    expect(machine.failed).toEqual([]);
  });

  test('not again where it failed', async () => {
    const machine = new Machine();
    machine.pass(11);
    machine.begun[0]?.reject(new Error('no ffmpeg'));
    await expect.poll(() => machine.failed.length).toBe(1);
    machine.pass(60);
    expect(machine.begun.length).toBe(1);
  });

  test('not after the stage is closed, which ends a measurement', async () => {
    const machine = new Machine();
    machine.pass(11);
    await machine.recheck.close();
    expect(machine.begun[0]?.signal.aborted).toBe(true);
    machine.pass(60);
    expect(machine.begun.length).toBe(1);
    expect(machine.failed).toEqual([]);
  });
});
