import { expect, test } from 'vitest';

import { isTooOld, versionIn } from './check.ts';
import { LineTail } from './line-tail.ts';

test.each([
  ['4.4.2-0ubuntu0.22.04.1', true],
  ['5.0.3', true],
  ['5.1', false],
  ['5.1.9-0+deb12u1', false],
  ['n6.0', false],
  ['10.2', false],
  ['n4.3.1', true],
  ['N-109542-g0e2c7d7d3c', false],
])('version %s: too old %s', (version, old) => {
  expect(versionIn(`ffmpeg version ${version} Copyright (c) 2000-2026 the FFmpeg developers\n`)).toBe(version);
  expect(isTooOld(version)).toBe(old);
});

test('complaints are cut into lines, the last are kept, and none grows without bound', () => {
  const tail = new LineTail(2);
  expect(tail.push('one\ntw')).toEqual(['one']);
  expect(tail.push('o\r\nthree\n')).toEqual(['two', 'three']);
  tail.push('x'.repeat(10_000));
  expect(tail.lines).toEqual(['two', 'three', 'x'.repeat(500)]);
});
