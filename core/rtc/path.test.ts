import { describe, expect, it } from 'vitest';

import { millis } from '../media/time.ts';
import { Path, shouldMove } from './path.ts';
import type { PeerLink } from './ports/peer-link.ts';

const link: PeerLink = { protocol: 'udp', address: '192.0.2.1', port: 1, key: 'a', sendOne: () => true, send: () => 0, close: () => {} };

type Facts = { readonly verified?: number; readonly nominated?: number; readonly priority?: number; readonly gone?: boolean };

function path({ verified = 10_000, nominated = -Infinity, priority = 0, gone = false }: Facts): Path<string> {
  const made = new Path(link, 'owner', millis(verified));
  made.nominatedAt = millis(nominated);
  made.priority = priority;
  made.isGone = gone;
  return made;
}

describe('media move', () => {
  it.each<[string, Facts, Facts, boolean]>([
    ['to a path that is nominated', { nominated: 8000 }, { nominated: 10_000 }, true],
    ['not to one that is only checked', { nominated: 8000 }, {}, false],
    ['not for a nomination of long ago', { nominated: 9000 }, { nominated: 8000 }, false],
    ['not for a rival of less priority, nominated at the same time', { nominated: 9900, priority: 9 }, { nominated: 10_000, priority: 5 }, false],
    ['to a rival of more priority', { nominated: 9900, priority: 5 }, { nominated: 10_000, priority: 9 }, true],
    ['from a path that has gone silent', { verified: 4500 }, {}, true],
    ['not from one that is silent between two checks', { verified: 7000 }, {}, false],
    ['from a connection that ended', { gone: true }, {}, true],
  ])('%s', (_what, active, other, moves) => {
    expect(shouldMove(path(active), path(other), millis(10_000))).toBe(moves);
  });
});

describe('an address', () => {
  function counted(protocol: 'udp' | 'tcp'): { readonly path: Path<string>; readonly sent: number[] } {
    const sent: number[] = [];
    const sendOne = (bytes: Uint8Array): boolean => sent.push(bytes.length) > 0;
    return { path: new Path({ ...link, protocol, sendOne }, 'owner', millis(0)), sent };
  }

  it('that is not proven gets no more bytes than came from it, to the byte', () => {
    const { path: unproven, sent } = counted('udp');
    expect(unproven.send(Buffer.alloc(1))).toBe(false);
    unproven.earn(100);
    expect([60, 41, 40, 1].map((length) => unproven.send(Buffer.alloc(length)))).toEqual([true, false, true, false]);
    unproven.earn(5);
    expect(unproven.send(Buffer.alloc(5))).toBe(true);
    expect(sent).toEqual([60, 40, 5]);
  });

  it('gets whatever there is once it is proven, as a TCP connection is from the start', () => {
    const { path: datagrams, sent } = counted('udp');
    datagrams.isProven = true;
    expect(datagrams.send(Buffer.alloc(1200))).toBe(true);
    expect(sent).toEqual([1200]);
    expect(counted('tcp').path.send(Buffer.alloc(1200))).toBe(true);
  });
});
