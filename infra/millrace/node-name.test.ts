import { describe, expect, it } from 'vitest';

import { nodeNameOf } from './node-name.ts';

describe('the name of a process', () => {
  it.each([
    ['Studio-Mac.local', /^studio-mac-[0-9a-f]{6}$/],
    ['ip-10-0-0-1.eu-west-1.compute.internal', /^ip-10-0-0-1-[0-9a-f]{6}$/],
    ['__', /^node-[0-9a-f]{6}$/],
    ['x'.repeat(200), /^x{48}-[0-9a-f]{6}$/],
  ])('is made of the host %s', (host, expected) => {
    expect(nodeNameOf(undefined, host)).toMatch(expected);
  });

  it('is the configured one where there is one', () => {
    expect(nodeNameOf('edge-1', 'host')).toBe('edge-1');
  });

  it('differs for each process of a host', () => {
    expect(nodeNameOf(undefined, 'host')).not.toBe(nodeNameOf(undefined, 'host'));
  });
});
