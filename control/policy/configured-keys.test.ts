import { expect, test } from 'vitest';

import { configuredKeys, whyMalformed } from './configured-keys.ts';

const secret = 'abcdefghijklmnop';

test('keys of streams and streamKeys are read in order', () => {
  expect(configuredKeys({ streams: [{ key: `cam1_${secret}` }], streamKeys: [`cam2_${secret}`, `cam1_${secret}2`] })).toEqual({
    keys: [`cam1_${secret}`, `cam2_${secret}`, `cam1_${secret}2`],
    problems: [],
  });
});

test('every problem is told with its place and without the secret', () => {
  const { keys, problems } = configuredKeys({
    streams: [{ key: `cam1_${secret}` }, { key: 'cam2_tooshortsecret' }, { key: `cam1_other${secret}` }],
    streamKeys: [`cam1_${secret}`, `Cam3_${secret}`],
  });
  expect(keys).toEqual([`cam1_${secret}`, `cam1_other${secret}`]);
  expect(problems.map((problem) => problem.split(':')[0])).toEqual(['streams[1].key', 'streams[2].key', 'streamKeys[0]', 'streamKeys[1]']);
  expect(problems[1]).toContain('stream "cam1" has its entry already at streams[0].key');
  expect(problems[2]).toContain('this key of stream "cam1" stands already at streams[0].key');
  expect(problems.join('\n')).not.toMatch(/tooshortsecret|abcdefgh|Cam3/);
});

test.each([
  ['', 'is empty'],
  ['nounderscorehere1234', 'no underscore'],
  [`Cam_${secret}`, 'not a stream\'s name'],
  [`_${secret}`, 'not a stream\'s name'],
  [`${'a'.repeat(64)}_${secret}`, 'not a stream\'s name'],
  ['cam_short', 'has 5 characters, fewer than 16'],
  [`cam_${'x'.repeat(129)}`, 'has 129 characters, more than 128'],
  [`cam_${secret}?`, 'a character that is not allowed'],
])('the malformed key %j is explained', (key, words) => {
  expect(whyMalformed(key)).toContain(words);
});
