import { describe, expect, it } from 'vitest';

import { datagramKind, type DatagramKind } from './demultiplex.ts';

describe('datagramKind, RFC 7983 and RFC 5761', () => {
  it.each<[string, DatagramKind]>([
    ['', 'unknown'],
    ['00', 'stun'],
    ['03', 'stun'],
    ['04', 'unknown'],
    ['13', 'unknown'],
    ['14', 'dtls'],
    ['16', 'dtls'],
    ['3f', 'dtls'],
    ['40', 'unknown'],
    ['7f', 'unknown'],
    ['80', 'rtp'],
    ['8060', 'rtp'],
    ['80bf', 'rtp'],
    ['80c0', 'rtcp'],
    ['81c9', 'rtcp'],
    ['bfdf', 'rtcp'],
    ['80e0', 'rtp'],
    ['c0', 'unknown'],
    ['ff', 'unknown'],
  ])('takes %s for %s', (hex, kind) => {
    expect(datagramKind(Buffer.from(hex, 'hex'))).toBe(kind);
  });
});
