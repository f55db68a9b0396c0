import { describe, expect, test } from 'vitest';

import { environmentName, flagName, nearest } from './names.ts';

describe('names of an option', () => {
  test.each([
    ['host', 'MILLRACE_HOST', '--host'],
    ['rtmpPort', 'MILLRACE_RTMP_PORT', '--rtmp-port'],
    ['publicUrl', 'MILLRACE_PUBLIC_URL', '--public-url'],
    ['maxMessageBytes', 'MILLRACE_MAX_MESSAGE_BYTES', '--max-message-bytes'],
  ])('%s is %s and %s', (key, environment, flag) => {
    expect(environmentName(key)).toBe(environment);
    expect(flagName(key)).toBe(flag);
  });
});

describe('the nearest known key', () => {
  test.each([
    ['rtmpPrt', 'rtmpPort'],
    ['rtmpport', 'rtmpPort'],
    ['steamKeys', 'streamKeys'],
    ['volume', undefined],
    ['x', undefined],
  ])('%s means %s', (mistyped, meant) => {
    expect(nearest(mistyped, ['host', 'rtmpPort', 'streamKeys', 'httpPort'])).toBe(meant);
  });
});
