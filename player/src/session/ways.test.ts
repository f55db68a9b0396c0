import { describe, expect, it } from 'vitest';
import { RungMemory } from './rung-memory.ts';
import { WayPlan } from './way-plan.ts';

const rung = (height: number, bitrate = height * 1_000) => ({ label: `${height}p`, width: (height * 16) / 9, height, bitrate });

describe('the plan of ways', () => {
  it('tries them in order, and knows when there is none left', () => {
    const plan = new WayPlan(['webrtc', 'hls']);
    expect([plan.first(0), plan.after('webrtc'), plan.after('hls'), plan.after('native')]).toEqual(['webrtc', 'hls', undefined, undefined]);
    expect([plan.isBest('webrtc'), plan.isBest('hls')]).toEqual([true, false]);
  });

  it('begins with the next one while one rests', () => {
    const plan = new WayPlan(['webrtc', 'hls']);
    plan.rest('webrtc', 1_000);
    expect([plan.first(999), plan.first(1_000)]).toEqual(['hls', 'webrtc']);
    plan.rest('webrtc', 5_000);
    plan.wake();
    expect(plan.first(1_000)).toBe('webrtc');
  });

  it('never runs out of ways', () => {
    const plan = new WayPlan(['webrtc']);
    plan.rest('webrtc', 1_000);
    expect(plan.first(0)).toBe('webrtc');
    expect(new WayPlan([]).first(0)).toBeUndefined();
  });
});

describe('the memory of renditions', () => {
  it('finds a choice again where other ways number otherwise', () => {
    const memory = new RungMemory();
    memory.learn([rung(240), rung(720)]);
    memory.choose(1);
    memory.clear();
    memory.learn([rung(240), rung(480), { ...rung(720), label: '720p60' }]);
    expect(memory.choice).toBe(2);
    memory.learn([rung(240)]);
    expect(memory.choice).toBe('auto');
  });

  it('takes a choice before the renditions are known', () => {
    const memory = new RungMemory();
    memory.choose(1);
    expect(memory.choice).toBe(1);
    memory.learn([rung(240), rung(720)]);
    expect(memory.choice).toBe(1);
    const other = new RungMemory();
    other.choose(5);
    other.learn([rung(240)]);
    expect(other.choice).toBe('auto');
  });

  it('counts switches, but not what is only numbered anew', () => {
    const memory = new RungMemory();
    memory.learn([rung(720)]);
    memory.show(0, 10);
    memory.learn([rung(240), rung(720)]);
    expect([memory.shown, memory.switches]).toEqual([1, []]);
    memory.show(0, 20);
    memory.show(0, 30);
    expect(memory.switches).toEqual([{ at: 20, from: 1, to: 0 }]);
    memory.clear();
    memory.show(1, 40);
    expect(memory.switches).toHaveLength(1);
  });
});
