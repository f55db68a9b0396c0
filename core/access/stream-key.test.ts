import { expect, test } from 'vitest';

import { isStreamName, parseStreamKey } from './stream-key.ts';

const secret = 'abcdefghijklmnop';

test.each([
  [`cam1_${secret}`, { stream: 'cam1', secret }],
  ['a_0123456789-_ABCDEF', { stream: 'a', secret: '0123456789-_ABCDEF' }],
  [`0-9_${secret}_more`, { stream: '0-9', secret: `${secret}_more` }],
  [`cam_${'x'.repeat(128)}`, { stream: 'cam', secret: 'x'.repeat(128) }],
  [`${'a'.repeat(63)}_${secret}`, { stream: 'a'.repeat(63), secret }],
  [`cam_${'x'.repeat(129)}`, undefined],
  [`cam_${secret.slice(1)}`, undefined],
  [`${'a'.repeat(64)}_${secret}`, undefined],
  [`Cam_${secret}`, undefined],
  [`-cam_${secret}`, undefined],
  [`_${secret}`, undefined],
  [`cam${secret}`, undefined],
  [`cam_${secret}\n`, undefined],
  [`cam_${secret}?x`, undefined],
  [`cäm_${secret}`, undefined],
  ['', undefined],
])('the stream key %j is taken apart', (key, parts) => {
  expect(parseStreamKey(key)).toEqual(parts);
});

test.each([['cam-1', true], ['1', true], ['', false], ['-a', false], ['a_b', false], ['A', false], ['a/b', false], ['a\n', false]])('%j as a stream\'s name: %s', (name, is) => {
  expect(isStreamName(name)).toBe(is);
});
