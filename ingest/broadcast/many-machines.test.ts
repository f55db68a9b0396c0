import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';

import { START } from '../timeline/testing/encoder.ts';
import { GRACE } from './registry.ts';
import { Cluster, Encoder, run, runUntil } from './testing/machines.ts';

let cluster: Cluster;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'], now: START });
  cluster = new Cluster();
});
afterEach(async () => {
  await cluster.close();
  vi.useRealTimers();
});

/** Places rise from each frame of a track to the next, whoever wrote it, and so do their times. */
function expectOneTimeline(): void {
  for (const track of ['video', 'audio']) {
    const frames = cluster.frames.filter((frame) => frame.track === track);
    frames.forEach((frame, n) => {
      const before: Frame | undefined = frames[n - 1];
      if (before) {
        expect(frame.dts, `${track}, frame ${n}`).toBeGreaterThan(before.dts);
        expect([frame.epoch, frame.group, frame.index].join() === [before.epoch, before.group, before.index].join()).toBe(false);
        expect(frame.epoch).toBeGreaterThanOrEqual(before.epoch);
        expect(frame.group).toBeGreaterThanOrEqual(before.epoch === frame.epoch ? before.group : before.group + 1);
        expect(frame.fence).toBeGreaterThanOrEqual(before.fence);
      }
    });
  }
}

describe('a publisher on another machine than its stream', () => {
  it('is refused while the first is heard, and takes the stream over after two seconds of its silence', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    await one.admit(first);
    await run(4000, first);
    expect(await two.ask(new Encoder())).toMatchObject({ admitted: false, code: 'ingest/stream-busy' });
    first.stop();
    await run(1980);
    expect(await two.ask(new Encoder())).toMatchObject({ admitted: false, code: 'ingest/stream-busy' });
    await run(30);
    const second = new Encoder();
    await two.admit(second);
    await run(4000, second);
    // It is told once somebody else is heard.
    expect(first.reasons).toHaveLength(1);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0', 'live 1']);
    expect(cluster.broadcasts.size).toBe(1);
    expectOneTimeline();
  });

  it('goes on within the broadcast without a gap in the numbers where the first has left', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    const sink = await one.admit(first);
    await run(4000, first);
    first.stop();
    sink.end('lost');
    expect(cluster.states).toEqual(['live 0', 'interrupted 0']);
    const second = new Encoder();
    await two.admit(second);
    // Its source is known: six frames are enough.
    expect(await runUntil(() => cluster.states.includes('live 1'), 3000, second)).toBeLessThan(500);
    await run(2000, second);
    const last = cluster.video.findLast(({ epoch }) => epoch === 0);
    expect(cluster.video.find(({ epoch }) => epoch === 1)?.group).toBe((last?.group ?? NaN) + 1);
    expect(cluster.broadcasts.size).toBe(1);
    expectOneTimeline();
  });

  it('waits until the lease of a machine that was killed is free, and goes on above all that was given out', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    await one.admit(first);
    await run(4000, first);
    one.bus.kill();
    const second = new Encoder();
    const admitted = two.admit(second);
    await run(2300);
    await admitted;
    await run(4000, second);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0', 'live 1']);
    expect(cluster.broadcasts.size).toBe(1);
    expectOneTimeline();
  });

  it('is not waited for where it leaves before it is answered', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    await one.admit(first);
    await run(3000, first);
    one.bus.pause();
    const gone = new AbortController();
    const answer = two.ask(new Encoder(), gone.signal);
    await run(500);
    gone.abort();
    await run(1000);
    expect(await answer).toMatchObject({ admitted: false, code: 'ingest/gone' });
    expect(two.registry.publishers).toBe(0);
  });

  it('counts as a publisher while it waits', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine({ maxPublishers: 1 })];
    await one.admit(new Encoder());
    one.bus.pause();
    const waits = two.ask(new Encoder());
    await run(100);
    expect(await two.ask(new Encoder({ stream: 'other' }))).toMatchObject({ admitted: false, code: 'ingest/too-many-publishers' });
    await run(2500);
    expect(await waits).toMatchObject({ admitted: true });
  });

  it('is refused while the bus is away; who is live already goes on', async () => {
    const one = await cluster.machine();
    const first = new Encoder();
    await one.admit(first);
    await run(3000, first);
    one.bus.cut();
    expect(await one.ask(new Encoder({ stream: 'other' }))).toMatchObject({ admitted: false, code: 'ingest/unreachable' });
    await run(1500, first);
    one.bus.mend();
    await run(3000, first);
    expect(first.reasons).toEqual([]);
    expect(cluster.states).toEqual(['live 0']);
  });
});

describe('while the bus is away', () => {
  it('who comes back to the machine that has the stream goes on with it', async () => {
    const one = await cluster.machine();
    const first = new Encoder();
    const sink = await one.admit(first);
    await run(4000, first);
    one.bus.cut();
    first.stop();
    sink.end('lost');
    const second = new Encoder();
    await one.admit(second);
    await run(1500, second);
    one.bus.mend();
    await run(1500, second);
    expect(second.reasons).toEqual([]);
    expect(cluster.states.at(-1)).toBe('live 1');
    expectOneTimeline();
  });

  it('a backup of the same machine goes on when the main falls silent', async () => {
    const one = await cluster.machine();
    const [main, backup] = [new Encoder(), new Encoder({ backup: true })];
    await one.admit(main);
    await run(3000, main);
    await one.admit(backup);
    await run(3000, main, backup);
    one.bus.cut();
    main.stop();
    await run(1900, backup);
    one.bus.mend();
    await run(1500, backup);
    expect([...main.reasons, ...backup.reasons]).toEqual([]);
    expect(cluster.states.at(-1)).toBe('live 1');
    expectOneTimeline();
  });
});

describe('many who ask at once', () => {
  it('of one stream get one place', async () => {
    const one = await cluster.machine();
    const answers = await Promise.all(Array.from({ length: 5 }, () => one.ask(new Encoder())));
    expect(answers.map(({ admitted }) => admitted).sort()).toEqual([false, false, false, false, true]);
    expect(one.registry.publishers).toBe(1);
  });

  it('on different machines get one place too', async () => {
    const machines = await Promise.all(Array.from({ length: 4 }, () => cluster.machine()));
    const asked = Promise.all(machines.map((machine) => machine.ask(new Encoder())));
    await run(3000);
    expect((await asked).filter(({ admitted }) => admitted)).toHaveLength(1);
  });

  it('are refused at once where too many wait already', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine({ maxPublishers: 100 })];
    await one.admit(new Encoder());
    one.bus.pause();
    const asked = Array.from({ length: 20 }, () => two.ask(new Encoder()));
    const first = await Promise.race(asked);
    expect(first).toMatchObject({ admitted: false, code: 'ingest/stream-busy' });
    await run(5000);
    expect((await Promise.all(asked)).filter(({ admitted }) => admitted)).toHaveLength(1);
  });
});

describe('a machine that was paused', () => {
  it('can announce and write nothing when it goes on after it was overtaken', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    await one.admit(first);
    await run(4000, first);
    one.bus.pause();
    const second = new Encoder();
    const admitted = two.admit(second);
    // What it would write is written by a machine that does not know of its pause.
    await run(2300, first);
    await admitted;
    await run(3000, first, second);
    one.bus.resume();
    await run(3000, first, second);
    expect(first.reasons).toHaveLength(1);
    expect(second.reasons).toEqual([]);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0', 'live 1']);
    expectOneTimeline();
  });

  it('ends no broadcast by timers that come all at once', async () => {
    let now = 0;
    const one = await cluster.machine({ monotonic: () => millis(now) });
    const first = new Encoder();
    const sink = await one.admit(first);
    await run(4000, first);
    sink.end('lost');
    // The clocks go on by half a minute, and no timer came in time.
    now += 30_000;
    await run(GRACE + 500);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0']);
    now += 2500;
    await run(2500);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0', 'ended 0']);
  });

  it('gets its publisher back on the air where nobody else has come', async () => {
    const [one] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    await one.admit(first);
    await run(4000, first);
    one.bus.cut();
    // The other takes the stream up, and nobody comes.
    await run(4000, first);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0']);
    one.bus.mend();
    await run(3000, first);
    expect(first.reasons).toEqual([]);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0', 'live 1']);
    expectOneTimeline();
  });
});

describe('an ingest that dies', () => {
  it('leaves its streams to another, which announces them interrupted with an honest end of grace, and ends them', async () => {
    const [one] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    await one.admit(first);
    await run(4000, first);
    one.bus.kill();
    const died = Date.now();
    const took = await runUntil(() => cluster.states.includes('interrupted 0'), 5000);
    expect(took).toBeLessThanOrEqual(3200);
    const { graceEnds = 0, fence = 0 } = cluster.infos.at(-1) ?? {};
    expect(graceEnds).toBeLessThanOrEqual(died + GRACE);
    expect(graceEnds).toBeGreaterThan(died + GRACE - 1100);
    expect(fence).toBeGreaterThan(cluster.infos[0]?.fence ?? Infinity);
    await run(graceEnds - Date.now() + 100);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0', 'ended 0']);
    await run(5000);
    expect(cluster.states).toHaveLength(3);
    expect(await cluster.bus.shared.get('ledger/show')).toBeUndefined();
  });

  it('while it waited for a publisher has its numbers taken for uncertain: none comes back', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    const sink = await one.admit(first);
    await run(4000, first);
    sink.end('lost');
    await run(1000);
    one.bus.kill();
    await run(4000);
    const second = new Encoder();
    await two.admit(second);
    await run(3000, second);
    const [begun] = cluster.video.filter(({ epoch }) => epoch === 1);
    expect(begun?.group).toBeGreaterThan((cluster.video.findLast(({ epoch }) => epoch === 0)?.group ?? NaN) + 1);
    expect(begun?.group).toBeGreaterThanOrEqual(Math.floor(Date.now() / 1000) - 5);
    expectOneTimeline();
  });

  it('has its broadcasts continued by whatever machine is started next', async () => {
    const one = await cluster.machine();
    const first = new Encoder();
    await one.admit(first);
    await run(4000, first);
    one.bus.kill();
    await run(5000);
    const two = await cluster.machine();
    expect(cluster.states).toEqual(['live 0', 'interrupted 0']);
    const second = new Encoder();
    await two.admit(second);
    await run(3000, second);
    expect(cluster.states).toEqual(['live 0', 'interrupted 0', 'live 1']);
    expectOneTimeline();
  });

  it('has what nobody can continue ended', async () => {
    const one = await cluster.machine();
    const first = new Encoder();
    await one.admit(first);
    await run(4000, first);
    one.bus.kill();
    await run(3000);
    await cluster.bus.shared.delete('ledger/show', { fence: Number.MAX_SAFE_INTEGER });
    await cluster.machine();
    expect(cluster.states).toEqual(['live 0', 'ended 0']);
  });

  it('costs others next to nothing while it lives', async () => {
    const [one, two] = [await cluster.machine({ maxPublishers: 1000 }), await cluster.machine()];
    const encoders = Array.from({ length: 20 }, (_, n) => new Encoder({ stream: `show-${n}`, audio: false }));
    await Promise.all(encoders.map((encoder) => one.admit(encoder)));
    await run(3000, ...encoders);
    const asked = two.bus.asked;
    await run(2000, ...encoders);
    expect(two.bus.asked - asked).toBe(40);
  });

  it('of many has all taken up by the others together', async () => {
    const [one] = [await cluster.machine({ maxPublishers: 1000 }), await cluster.machine(), await cluster.machine()];
    const encoders = Array.from({ length: 60 }, (_, n) => new Encoder({ stream: `show-${n}`, audio: false, seconds: 4 }));
    await Promise.all(encoders.map((encoder) => one.admit(encoder)));
    await run(3500, ...encoders);
    one.bus.kill();
    await run(3500);
    expect(cluster.states.filter((state) => state === 'interrupted 0')).toHaveLength(60);
  });
});

describe('an ingest that stops', () => {
  it('tells its publishers, and the next machine takes the reconnect at once', async () => {
    const [one, two] = [await cluster.machine(), await cluster.machine()];
    const first = new Encoder();
    await one.admit(first);
    await run(4000, first);
    await one.registry.close();
    expect(first.reasons).toEqual(['The server is stopping. Reconnect in a moment.']);
    const second = new Encoder();
    await two.admit(second);
    expect(await runUntil(() => cluster.states.includes('live 1'), 3000, second)).toBeLessThan(500);
    await run(2000, second);
    expect(cluster.states.filter((state) => state !== 'interrupted 0')).toEqual(['live 0', 'live 1']);
    const last = cluster.video.findLast(({ epoch }) => epoch === 0);
    expect(cluster.video.find(({ epoch }) => epoch === 1)?.group).toBe((last?.group ?? NaN) + 1);
    expectOneTimeline();
  });
});
