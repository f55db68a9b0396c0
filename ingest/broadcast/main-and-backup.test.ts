import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Frame } from '#core/media/frame.ts';

import { START } from '../timeline/testing/encoder.ts';
import { Cluster, Encoder, run, runUntil, type Machine } from './testing/machines.ts';

let cluster: Cluster;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'], now: START });
  cluster = new Cluster();
});
afterEach(async () => {
  await cluster.close();
  vi.useRealTimers();
});

const warnings = (): string[] | undefined => cluster.health.at(-1)?.warnings.map(({ code }) => code);
const firstOf = (epoch: number): Frame | undefined => cluster.video.find((frame) => frame.epoch === epoch);
const lastOf = (epoch: number): Frame | undefined => cluster.video.findLast((frame) => frame.epoch === epoch);
const seconds = (from: Frame | undefined, to: Frame | undefined): number => ((to?.dts ?? NaN) - (from?.dts ?? NaN)) / 90_000;

function expectOneTimeline(): void {
  for (const track of ['video', 'audio']) {
    cluster.frames.filter((frame) => frame.track === track).reduce<Frame | undefined>((before, frame) => {
      if (before) {
        expect(frame.dts).toBeGreaterThan(before.dts);
        expect(frame.group).toBeGreaterThanOrEqual(frame.epoch === before.epoch ? before.group : before.group + 1);
        expect(frame.fence).toBeGreaterThanOrEqual(before.fence);
      }
      return frame;
    }, undefined);
  }
  expect(cluster.broadcasts.size).toBe(1);
}

/** The machines of main and backup: one and the same, or two. */
const places: readonly (readonly [string, () => Promise<readonly [Machine, Machine]>])[] = [
  ['on one machine', async () => {
    const one = await cluster.machine();
    return [one, one];
  }],
  ['on two machines', async () => [await cluster.machine(), await cluster.machine()]],
];

describe.each(places)('main and backup %s', (where, machines) => {
  const isOne = where === 'on one machine';

  /** Main on air, backup on stand-by. */
  async function both(options: { readonly gop?: number } = {}): Promise<{ one: Machine; two: Machine; main: Encoder; backup: Encoder }> {
    const [one, two] = await machines();
    const main = new Encoder();
    const backup = new Encoder({ backup: true, ...options });
    await one.admit(main);
    await run(3500, main);
    await two.admit(backup);
    await run(4330, main, backup);
    return { one, two, main, backup };
  }

  it('a backup writes nothing while the main is heard', async () => {
    const { main, backup } = await both();
    await run(10_000, main, backup);
    expect(cluster.states).toEqual(['live 0']);
    expect(cluster.sources).toHaveLength(1);
    expect(warnings()).toEqual([]);
    expect(backup.reasons).toEqual([]);
  });

  it('takes over within two seconds of the main\'s silence, at its kept key frame, in one more epoch', async () => {
    const { main, backup } = await both();
    main.stop();
    const took = await runUntil(() => firstOf(1) !== undefined, 3000, backup);
    expect(took).toBeGreaterThan(1400);
    expect(took).toBeLessThan(2000);
    expect(firstOf(1)).toMatchObject({ key: true, index: 0 });
    await run(5000, backup);
    expect(cluster.states.at(-1)).toBe('live 1');
    expect(main.reasons).toEqual([]);
    expect(warnings()).toContain('source/on-backup');
    // The timeline does not run away from the clock.
    expect(seconds(lastOf(0), firstOf(1))).toBeLessThan(2.1);
    expectOneTimeline();
  });

  it('takes over at once when the main has left', async () => {
    const { one, main, backup } = await both();
    const sink = await one.ask(new Encoder());
    expect(sink.admitted).toBe(false);
    main.leave();
    expect(await runUntil(() => firstOf(1) !== undefined, 3000, backup)).toBeLessThan(isOne ? 30 : 300);
    await run(3000, backup);
    expect(firstOf(1)?.group).toBe((lastOf(0)?.group ?? NaN) + 1);
    // Viewers are told of an interruption only where another machine has to be asked.
    expect(cluster.states).toEqual(isOne ? ['live 0', 'live 1'] : ['live 0', 'interrupted 0', 'live 1']);
    expectOneTimeline();
  });

  it('gives the viewers back to a main that has been steady for five seconds, at its key frame, without a gap', async () => {
    const { main, backup } = await both();
    main.stop();
    await run(6000, backup);
    main.resume();
    const took = await runUntil(() => firstOf(2) !== undefined, 9000, main, backup);
    expect(took).toBeGreaterThan(5000);
    expect(took).toBeLessThan(6200);
    expect(seconds(lastOf(1), firstOf(2))).toBeLessThan(0.15);
    // Nothing is seen twice: it begins with a picture that has just come.
    expect(Date.now() - (firstOf(2)?.head?.wallTime ?? 0)).toBeLessThan(100);
    await run(3000, main, backup);
    expect(cluster.states.filter((state) => state.startsWith('live'))).toEqual(['live 0', 'live 1', 'live 2']);
    expect(cluster.states.at(-1)).toBe('live 2');
    expect(warnings()).toEqual([]);
    expect([...main.reasons, ...backup.reasons]).toEqual([]);
    expectOneTimeline();
    // And the backup is there again.
    main.stop();
    expect(await runUntil(() => firstOf(3) !== undefined, 3000, backup)).toBeLessThan(2000);
    expectOneTimeline();
  });

  it('takes a main that comes anew for a returning one', async () => {
    const { one, main, backup } = await both();
    main.leave();
    await run(4000, backup);
    const next = new Encoder();
    await one.admit(next);
    await run(4000, next, backup);
    expect(cluster.states.at(-1)).toBe('live 1');
    await run(3000, next, backup);
    expect(cluster.states.at(-1)).toBe('live 2');
    expectOneTimeline();
  });

  it('leaves the viewers with the backup while the main sends with pauses', async () => {
    const { main, backup } = await both();
    main.stop();
    await run(3000, backup);
    for (let n = 0; n < 4; n += 1) {
      main.resume();
      await run(3500, main, backup);
      main.stop();
      await run(1200, main, backup);
    }
    expect(cluster.states.at(-1)).toBe('live 1');
  });

  it('goes back to a broadcast that waits where the backup fails too, and the first that comes is live', async () => {
    const { main, backup } = await both();
    main.leave();
    await run(3000, backup);
    backup.leave();
    await run(100);
    expect(cluster.states.at(-1)).toBe('interrupted 1');
    const [machine] = await machines();
    const again = new Encoder({ backup: true });
    await machine.admit(again);
    await run(3000, again);
    expect(cluster.states.at(-1)).toBe('live 2');
    expectOneTimeline();
  });

  it('takes over with rare key frames too', async () => {
    const { main, backup } = await both({ gop: 150 });
    main.stop();
    expect(await runUntil(() => firstOf(1) !== undefined, 3000, backup)).toBeLessThan(2000);
    await run(8000, backup);
    expectOneTimeline();
  });
});

describe('a backup', () => {
  it('is live where there is no main, and says so', async () => {
    const machine = await cluster.machine();
    const backup = new Encoder({ backup: true });
    await machine.admit(backup);
    await run(4000, backup);
    expect(cluster.states).toEqual(['live 0']);
    expect(warnings()).toEqual(['source/on-backup']);
  });

  it('is one for each stream and machine: another is refused until the first was silent for two seconds', async () => {
    const machine = await cluster.machine();
    const main = new Encoder();
    const first = new Encoder({ backup: true });
    const second = new Encoder({ backup: true });
    await machine.admit(main);
    await run(3000, main);
    await machine.admit(first);
    await run(1000, main, first);
    expect(await machine.ask(second)).toMatchObject({ admitted: false, code: 'ingest/backup-busy' });
    await run(2100, main);
    await machine.admit(second);
    expect(first.reasons).toHaveLength(1);
    expect(cluster.states).toEqual(['live 0']);
  });

  it('counts as a publisher of its machine', async () => {
    const machine = await cluster.machine({ maxPublishers: 1 });
    await machine.admit(new Encoder());
    expect(await machine.ask(new Encoder({ backup: true }))).toMatchObject({ admitted: false, code: 'ingest/too-many-publishers' });
  });

  it('takes over from a machine that was killed, within two seconds', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const main = new Encoder();
    const backup = new Encoder({ backup: true });
    await one.admit(main);
    await run(3000, main);
    await two.admit(backup);
    await run(4700, main, backup);
    one.bus.kill();
    expect(await runUntil(() => firstOf(1) !== undefined, 4000, backup)).toBeLessThan(2000);
    await run(3000, backup);
    expectOneTimeline();
  });

  it('takes over from a machine that was paused, which changes nothing when it goes on', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const main = new Encoder();
    const backup = new Encoder({ backup: true });
    await one.admit(main);
    await run(3000, main);
    await two.admit(backup);
    await run(4700, main, backup);
    one.bus.pause();
    expect(await runUntil(() => firstOf(1) !== undefined, 4000, main, backup)).toBeLessThan(2000);
    await run(3000, main, backup);
    one.bus.resume();
    await run(3000, main, backup);
    expect(cluster.states.at(-1)).toBe('live 1');
    // The main is not sent away: it is the one on stand-by now, and comes back when it has been steady.
    expect([...main.reasons, ...backup.reasons]).toEqual([]);
    await run(5000, main, backup);
    expect(cluster.states.at(-1)).toBe('live 2');
    expectOneTimeline();
  });

  it('judges nobody while its own machine is cut off', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const main = new Encoder();
    const backup = new Encoder({ backup: true });
    await one.admit(main);
    await run(3000, main);
    await two.admit(backup);
    await run(4000, main, backup);
    two.bus.cut();
    await run(10_000, main, backup);
    two.bus.mend();
    await run(3000, main, backup);
    expect(cluster.states).toEqual(['live 0']);
  });

  it('gives a machine time to come back that was cut off with its own, and is there later', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const main = new Encoder();
    const backup = new Encoder({ backup: true });
    await one.admit(main);
    await run(3000, main);
    await two.admit(backup);
    await run(4000, main, backup);
    two.bus.cut();
    await run(1000, main, backup);
    one.bus.cut();
    await run(900, main, backup);
    two.bus.mend();
    await run(900, main, backup);
    one.bus.mend();
    await run(3000, main, backup);
    expect(cluster.states).toEqual(['live 0']);
  });

  it('on a third machine and on a second do not fight', async () => {
    const [one, two, three] = [await cluster.machine(), await cluster.machine(), await cluster.machine()];
    const main = new Encoder();
    const backups = [new Encoder({ backup: true }), new Encoder({ backup: true })];
    await one.admit(main);
    await run(3000, main);
    await two.admit(backups[0] as Encoder);
    await three.admit(backups[1] as Encoder);
    await run(4000, main, ...backups);
    one.bus.kill();
    await run(8000, ...backups);
    expect(cluster.states.filter((state) => state.startsWith('live'))).toEqual(['live 0', 'live 1']);
    expect(backups.flatMap(({ reasons }) => reasons)).toEqual([]);
    expectOneTimeline();
  });
});
