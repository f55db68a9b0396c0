import { expect, test } from 'vitest';

import type { PublishRequest } from '#core/access/publish-policy.ts';
import { wallTime } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import { memoryLog } from '../testing/memory-log.ts';
import { AttemptLimiter } from './attempt-limiter.ts';
import { KeyPolicy } from './key-policy.ts';

const secret = 'abcdefghijklmnop';

function policyWith(keys: readonly string[], perMinute = 3) {
  const { log, text } = memoryLog();
  const results: string[] = [];
  const policy = new KeyPolicy({
    limiter: new AttemptLimiter({ perMinute, clock: () => wallTime(0) }),
    log,
    decisions: { inc: (labels?: unknown) => { results.push((labels as { result: string }).result); } },
  });
  keys.forEach((key) => policy.addKey(key));
  const decide = (key: string, more: Partial<PublishRequest> = {}) => policy.decide({ key, address: '192.0.2.1', protocol: 'rtmp', ...more });
  return { policy, decide, logged: text, results };
}

test('a known key opens its stream', async () => {
  const { decide, results } = policyWith([`cam1_${secret}`, `cam1_${secret}-2`, `cam2_${secret}`]);
  expect(await decide(`cam1_${secret}`)).toEqual({ allowed: true, stream: 'cam1' });
  expect(await decide(`cam1_${secret}-2`)).toEqual({ allowed: true, stream: 'cam1' });
  expect(await decide(`cam2_${secret}`)).toEqual({ allowed: true, stream: 'cam2' });
  expect(results).toEqual(['allowed', 'allowed', 'allowed']);
});

test('a key is split at the first underscore', async () => {
  const { decide } = policyWith([`cam_${secret}_x`]);
  expect(await decide(`cam_${secret}_x`)).toEqual({ allowed: true, stream: 'cam' });
});

test.each([
  ['another secret', `cam1_${secret}x`, 'publish/unknown-key'],
  ['another stream', `cam2_${secret}`, 'publish/unknown-key'],
  ['a property every object has', `constructor_${secret}`, 'publish/unknown-key'],
  ['no underscore', 'nonsense', 'publish/malformed-key'],
  ['nothing', '', 'publish/malformed-key'],
  ['a query left on', `cam1_${secret}?x=1`, 'publish/malformed-key'],
])('%s is refused with the reason', async (_, key, code) => {
  const { decide } = policyWith([`cam1_${secret}`]);
  expect(await decide(key)).toMatchObject({ allowed: false, code });
});

test('after too many failures an address is refused even with the right key, for that stream alone', async () => {
  const { decide, results } = policyWith([`cam1_${secret}`, `cam2_${secret}`]);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect(await decide(`cam1_wrong${secret}`)).toMatchObject({ code: 'publish/unknown-key' });
  }
  expect(await decide(`cam1_${secret}`)).toMatchObject({ allowed: false, code: 'publish/too-many-attempts' });
  expect(await decide(`cam2_${secret}`)).toEqual({ allowed: true, stream: 'cam2' });
  expect(await decide(`cam1_${secret}`, { address: '192.0.2.2' })).toEqual({ allowed: true, stream: 'cam1' });
  expect(results.slice(3)).toEqual(['too-many-attempts', 'allowed', 'allowed']);
});

test('names of streams that do not exist share one limit, so nobody fills the memory with them', async () => {
  const { decide } = policyWith([], 2);
  await decide(`one_${secret}`);
  await decide(`two_${secret}`);
  expect(await decide(`three_${secret}`)).toMatchObject({ code: 'publish/too-many-attempts' });
  expect(await decide('malformed')).toMatchObject({ code: 'publish/too-many-attempts' });
});

test('nothing of a presented key is logged or answered', async () => {
  const { decide, logged } = policyWith([`cam1_${secret}`]);
  const answers = [await decide('topsecretstring-1_topsecretstring-1'), await decide('topsecretstring'), await decide('cam1_topsecretstring-1')];
  expect(logged()).toContain('refused a publisher');
  expect(logged()).toContain('"stream":"cam1"');
  expect(logged() + JSON.stringify(answers)).not.toContain('topsecret');
});

test('a key added while running opens its stream at once, and a malformed one throws without quoting it', async () => {
  const { policy, decide } = policyWith([]);
  expect(policy.addKey(`demo_${secret}`)).toBe('demo');
  expect(policy.addKey(`demo_${secret}`)).toBe('demo');
  expect(policy.knownStreams()).toEqual(['demo']);
  expect(policy.isKnown('demo')).toBe(true);
  expect(await decide(`demo_${secret}`)).toEqual({ allowed: true, stream: 'demo' });
  expect(() => policy.addKey('demo_topsecret')).toThrow(MillraceError);
  expect(() => policy.addKey('demo_topsecret')).not.toThrow('topsecret');
});
