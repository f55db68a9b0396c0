import { randomBytes } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import type { IceCredentials } from '../transport.ts';
import { areUsableCredentials, createCredentials } from './credentials.ts';
import { IceLite } from './ice-lite.ts';
import { parseStun, type StunMessage } from './stun-message.ts';
import { writeBindingRequest, type BindingRequest } from './stun-writer.ts';

const peer = createCredentials();

function request(local: IceCredentials, more: Partial<BindingRequest> = {}, remote = peer): StunMessage {
  return parseStun(
    writeBindingRequest({ transaction: randomBytes(12), username: `${local.ufrag}:${remote.ufrag}`, password: local.pwd, priority: 1, role: 'controlling', tieBreaker: Buffer.alloc(8), ...more }),
  )!;
}

describe('IceLite, RFC 8445, 7.3', () => {
  it('accepts a verified request', () => {
    const ice = new IceLite(peer);
    expect(ice.judge(request(ice.local), 'a')).toEqual({ verdict: 'accepted', pwd: ice.local.pwd, fresh: true, retired: undefined });
  });

  it.each<[string, (ice: IceLite) => StunMessage, string]>([
    ['a wrong password', (ice) => request(ice.local, { password: 'another-password-altogether' }), 'forged'],
    ['the peer\'s own password', (ice) => request(ice.local, { password: peer.pwd }), 'forged'],
    ['another peer in the user name', (ice) => request(ice.local, { username: `${ice.local.ufrag}:other` }), 'forged'],
    ['half a user name', (ice) => request(ice.local, { username: `${ice.local.ufrag}:` }), 'forged'],
    ['a peer that believes to be controlled', (ice) => request(ice.local, { role: 'controlled', tieBreaker: Buffer.alloc(8, 0xff) }), 'role-conflict'],
    ['a peer that believes to be controlled, with the lowest tie-breaker', (ice) => request(ice.local, { role: 'controlled' }), 'role-conflict'],
  ])('judges %s', (_what, make, verdict) => {
    const ice = new IceLite(peer);
    expect(ice.judge(make(ice), 'a').verdict).toBe(verdict);
  });

  it('tells a repetition from a replay', () => {
    const ice = new IceLite(peer);
    const one = request(ice.local);
    expect(ice.judge(one, '192.0.2.1/5000')).toMatchObject({ verdict: 'accepted', fresh: true });
    expect(ice.judge(one, '192.0.2.1/5000')).toMatchObject({ verdict: 'accepted', fresh: false });
    expect(ice.judge(one, '192.0.2.1/5001')).toEqual({ verdict: 'replayed' });
    // Also after five minutes of checks.
    Array.from({ length: 120 }, () => ice.judge(request(ice.local), '192.0.2.1/5000'));
    expect(ice.judge(one, '192.0.2.9/5000')).toEqual({ verdict: 'replayed' });
  });

  it('retires old credentials when the new ones are used, not before', () => {
    const ice = new IceLite(peer);
    const old = ice.local;
    ice.judge(request(old), 'a');
    const nextPeer = createCredentials();
    expect(ice.restart(nextPeer)).toBeUndefined();
    expect(ice.ufrags).toEqual([ice.local.ufrag, old.ufrag]);
    expect(ice.judge(request(old), 'a')).toMatchObject({ verdict: 'accepted', retired: undefined });
    expect(ice.remote).toEqual(peer);
    // New with old does not go together.
    expect(ice.judge(request(ice.local), 'a').verdict).toBe('forged');
    expect(ice.judge(request(ice.local, {}, nextPeer), 'a')).toMatchObject({ verdict: 'accepted', retired: old });
    expect(ice.remote).toEqual(nextPeer);
    expect(ice.username).toBe(`${nextPeer.ufrag}:${ice.local.ufrag}`);
    expect(ice.judge(request(old), 'a').verdict).toBe('forged');
  });

  it('says which credentials of a restart were never used', () => {
    const ice = new IceLite(peer);
    const old = ice.local;
    ice.judge(request(old), 'a');
    ice.restart(createCredentials());
    const unused = ice.local;
    expect(ice.restart(createCredentials())).toEqual(unused);
    expect(ice.judge(request(old), 'a').verdict).toBe('accepted');
  });
});

describe('credentials', () => {
  it('are of the form they must have, and never the same', () => {
    const made = Array.from({ length: 200 }, createCredentials);
    expect(made.every(areUsableCredentials)).toBe(true);
    expect(new Set(made.map(({ ufrag }) => ufrag)).size).toBe(200);
  });
});
