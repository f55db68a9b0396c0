import { describe, expect, it } from 'vitest';
import { wallTime } from '#core/media/time.ts';
import { ClockOffset } from './clock-offset.ts';

function sample(sent: number, received: number, server: number) {
  return { sent: wallTime(sent), received: wallTime(received), server: wallTime(server) };
}

describe('the offset to the server\'s clock', () => {
  it('is nothing, with an infinite error, before any answer', () => {
    const clock = new ClockOffset();
    expect(clock.offset(wallTime(0))).toBe(0);
    expect(clock.errorBound(wallTime(0))).toBe(Infinity);
  });

  it('takes the middle of the round trip', () => {
    const clock = new ClockOffset();
    clock.add(sample(1000, 1020, 6010));
    expect(clock.offset(wallTime(1020))).toBe(5000);
    expect(clock.errorBound(wallTime(1020))).toBe(10);
  });

  it('believes the quickest answer', () => {
    const clock = new ClockOffset();
    clock.add(sample(1000, 1004, 6002));
    clock.add(sample(1100, 1500, 6600));
    expect(clock.offset(wallTime(1500))).toBe(5000);
  });

  it('prefers a newer answer once the quick one has aged', () => {
    const clock = new ClockOffset();
    clock.add(sample(0, 4, 5002));
    clock.add(sample(600_000, 600_020, 605_040));
    expect(clock.offset(wallTime(600_020))).toBe(5030);
  });

  it('leaves out answers that came before their question and times that are none', () => {
    const clock = new ClockOffset();
    clock.add(sample(1000, 900, 6000));
    clock.add(sample(1000, 1010, Number.NaN));
    expect(clock.hasSample).toBe(false);
  });

  it('forgets all when told that our clock was set', () => {
    const clock = new ClockOffset();
    clock.add(sample(1000, 1020, 6010));
    clock.reset();
    expect(clock.offset(wallTime(2000))).toBe(0);
  });
});
