import { describe, expect, it } from 'vitest';

import { MillraceError } from '../../../runtime/errors.ts';
import { readCredentials } from './credentials.ts';

describe('addresses of NATS servers', () => {
  it.each([
    ['a', ['a:4222']],
    ['nats://a:4223, tls://b', ['a:4223', 'b:4222']],
    ['user:p%40ss%2Cword@a', ['a:4222']],
  ])('%s', (url, servers) => {
    expect(readCredentials({ url }).servers).toEqual(servers);
  });

  it.each([
    ['a port that is none', 'user:hush@host:99999'],
    ['the same with a scheme', 'nats://user:hush@host:99999'],
    ['an escape that is none', 'nats://user:hush%zz@host'],
    ['a slash in the password', 'nats://user:hush/hush@host'],
    ['a comma in the password', 'nats://user:hush,hush@host'],
    ['another scheme', 'http://user:hush@host'],
  ])('are refused without a word of the password: %s', (_, url) => {
    let refusal: unknown;
    try {
      readCredentials({ url });
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(MillraceError);
    expect(refusal).toMatchObject({ code: 'nats/address' });
    expect(JSON.stringify([String(refusal), (refusal as MillraceError).stack])).not.toContain('hush');
  });
});
