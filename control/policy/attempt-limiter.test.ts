import { expect, test } from 'vitest';

import { wallTime } from '#core/media/time.ts';

import { AttemptLimiter } from './attempt-limiter.ts';

function limiterAt(perMinute: number, maxSources = 100) {
  let now = 1_000_000;
  const limiter = new AttemptLimiter({ perMinute, maxSources, clock: () => wallTime(now) });
  return { limiter, advance: (by: number) => { now += by; } };
}

test('a source is exhausted after its failures of a minute, and others are not', () => {
  const { limiter } = limiterAt(3);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect(limiter.isExhausted('a')).toBe(false);
    limiter.fail('a');
  }
  expect(limiter.isExhausted('a')).toBe(true);
  expect(limiter.isExhausted('b')).toBe(false);
});

test('an exhausted source is heard again as its minute passes', () => {
  const { limiter, advance } = limiterAt(3);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    limiter.fail('a');
  }
  advance(19_999);
  expect(limiter.isExhausted('a')).toBe(true);
  advance(1);
  expect(limiter.isExhausted('a')).toBe(false);
  limiter.fail('a');
  expect(limiter.isExhausted('a')).toBe(true);
});

test('a clock set back changes nothing', () => {
  const { limiter, advance } = limiterAt(1);
  limiter.fail('a');
  advance(-3_600_000);
  expect(limiter.isExhausted('a')).toBe(true);
});

test('memory is bounded: the source longest without a failure is forgotten', () => {
  const { limiter } = limiterAt(1, 2);
  limiter.fail('a');
  limiter.fail('b');
  limiter.fail('a');
  limiter.fail('c');
  expect(limiter.size).toBe(2);
  expect(limiter.isExhausted('a')).toBe(true);
  expect(limiter.isExhausted('b')).toBe(false);
  expect(limiter.isExhausted('c')).toBe(true);
});
