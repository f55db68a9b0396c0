import { describe, expect, it } from 'vitest';

import { createLocalBus } from '../bus/local/local-bus.ts';
import { millis } from '../media/time.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { PublishRequest } from './publish-policy.ts';
import { createRemotePolicy } from './remote-policy.ts';

const key = 'cam1_abcdefghijklmnop';
const request: PublishRequest = { key, address: '192.0.2.1', protocol: 'rtmp' };

/** A bus that answers questions as the test says, one after the other, and keeps what was asked. */
function answering(...answers: (() => unknown)[]) {
  const asked: { subject: string; payload: unknown }[] = [];
  const ask = (subject: string, payload: unknown): Promise<unknown> => {
    asked.push({ subject, payload });
    return new Promise((resolve) => resolve((answers.shift() ?? timeout)()));
  };
  return { asked, request: ask };
}

function timeout(): never {
  throw new MillraceError('bus/timeout', 'not answered');
}

describe('the policy of a process without keys', () => {
  it('asks whoever has them, with the publisher\'s own address', async () => {
    const bus = createLocalBus();
    let heard: unknown;
    bus.serve('publish/decide', (payload) => {
      heard = payload;
      return { allowed: true, stream: 'cam1' };
    });
    expect(await createRemotePolicy(bus).decide(request)).toEqual({ allowed: true, stream: 'cam1' });
    expect(heard).toEqual(request);
    await bus.close();
  });

  it('passes a refusal on as it is', async () => {
    const refusal = { allowed: false, code: 'publish/too-many-attempts', message: 'Wait.' };
    expect(await createRemotePolicy(answering(() => refusal)).decide(request)).toEqual(refusal);
  });

  it('says that it cannot tell where nobody answers, and that the key may be right', async () => {
    const bus = createLocalBus();
    const policy = createRemotePolicy(bus);
    expect(await policy.decide(request)).toEqual({ allowed: false, code: 'publish/unavailable', message: expect.stringContaining('may be right') as unknown });
    await expect(policy.opens(key, 'cam1', '::1')).rejects.toMatchObject({ code: 'publish/unavailable' });
    await bus.close();
  });

  it('asks again where one of several kept the question to itself, three times at most', async () => {
    const second = answering(timeout, () => ({ allowed: true, stream: 'cam1' }));
    expect(await createRemotePolicy(second).decide(request)).toMatchObject({ allowed: true });
    expect(second.asked).toHaveLength(2);
    const silent = answering();
    expect(await createRemotePolicy(silent, { timeout: millis(1) }).decide(request)).toMatchObject({ code: 'publish/unavailable' });
    expect(silent.asked).toHaveLength(3);
  });

  it.each([
    ['nothing', undefined],
    ['another type', 'yes'],
    ['permission without a stream', { allowed: true }],
    ['a stream that is none', { allowed: true, stream: '../etc' }],
    ['a code that nobody knows', { allowed: false, code: 'publish/whatever', message: '' }],
    ['both at once', { allowed: 'true', stream: 'cam1' }],
  ])('lets nobody in on a damaged answer: %s', async (_what, answer) => {
    expect(await createRemotePolicy(answering(() => answer)).decide(request)).toMatchObject({ allowed: false, code: 'publish/unavailable' });
    await expect(createRemotePolicy(answering(() => answer)).opens(key, 'cam1', '::1')).rejects.toMatchObject({ code: 'publish/unavailable' });
  });

  it('sends nothing on of a key that no key can be as long as', async () => {
    const bus = answering(() => ({ allowed: false, code: 'publish/malformed-key', message: 'Malformed.' }));
    await createRemotePolicy(bus).decide({ ...request, key: 'x'.repeat(100_000) });
    expect(JSON.stringify(bus.asked).length).toBeLessThan(1_000);
  });

  it('asks whether a key opens a stream only where it could', async () => {
    const bus = answering(() => true, () => false);
    const policy = createRemotePolicy(bus);
    expect(await policy.opens('a-token-of-something-else', 'cam1', '::1')).toBe(false);
    expect(await policy.opens(key, 'cam2', '::1')).toBe(false);
    expect(bus.asked).toEqual([]);
    expect([await policy.opens(key, 'cam1', '::1'), await policy.opens(key, 'cam1', '::1')]).toEqual([true, false]);
    expect(bus.asked[0]).toEqual({ subject: 'publish/opens', payload: { key, stream: 'cam1', address: '::1' } });
  });
});
