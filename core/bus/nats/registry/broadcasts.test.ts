import { describe, expect, it } from 'vitest';

import { broadcastId } from '../../../media/frame.ts';
import { millis, wallTime, type Millis } from '../../../media/time.ts';
import type { BroadcastInfo } from '../../catalog.ts';
import type { Record } from '../kv/record.ts';
import { encodeValue } from '../kv/values.ts';
import type { LifeListener } from '../presence/heartbeats.ts';
import { NatsBroadcasts } from './broadcasts.ts';

const broadcast = broadcastId('onebroadcast');
const live: BroadcastInfo = { stream: 'cam', broadcast, epoch: 0, state: 'live', startedAt: wallTime(1), fence: 1 };
const MINUTE = 60_000;

/** Broadcasts over registers that are a map, and over processes that live or not as the test says. */
function open() {
  const records = new Map<string, Record>();
  const dead = new Set<string>();
  const lives = new Set<LifeListener>();
  const seen: string[] = [];
  const log: string[] = [];
  const time = { now: 0 as Millis };
  let isFirst = true;
  const write = (by: string, info: BroadcastInfo): void => {
    records.set(info.broadcast, { fence: info.fence ?? 0, by, body: encodeValue(info) });
    broadcasts.changed(info.broadcast);
  };
  const take = (how: string, key: string): void => {
    log.push(how);
    records.delete(key);
    broadcasts.changed(key as typeof broadcast);
  };
  const broadcasts = new NatsBroadcasts({
    registers: {
      get: (key) => records.get(key),
      set: (key, fence, body) => {
        records.set(key, { fence, by: 'me.1', body });
        broadcasts.changed(key as typeof broadcast);
        return true;
      },
      remove: (key) => take('removed', key),
      drop: (key) => take('dropped', key),
    },
    heartbeats: {
      isAlive: (session) => !dead.has(session),
      get isFirst() {
        return isFirst;
      },
      onLife: (listener) => {
        lives.add(listener);
        return () => lives.delete(listener);
      },
    },
    session: 'me.1',
    clock: () => wallTime(time.now),
    now: () => time.now,
    forgetAfter: millis(MINUTE),
    ended: () => log.push('ended'),
    forgotten: () => log.push('forgotten'),
  });
  broadcasts.subscribe(({ state }) => seen.push(state));
  return {
    broadcasts,
    seen,
    log,
    write,
    /** The server has nothing of it any more, and nobody here took it away. */
    vanish: (key: string): void => {
      records.delete(key);
      broadcasts.changed(key as typeof broadcast);
    },
    live: (session: string, isAlive: boolean): void => {
      if (isAlive) {
        dead.delete(session);
      } else {
        dead.add(session);
      }
      lives.forEach((listener) => listener(session, isAlive));
    },
    later: (time_: number): void => {
      time.now = millis(time.now + time_);
      broadcasts.sweep();
    },
    first: (value: boolean): void => {
      isFirst = value;
    },
  };
}

describe('broadcasts over NATS', () => {
  it('are interrupted while their process is not heard, without a time that nobody knows', () => {
    const { broadcasts, write, live: lives, seen } = open();
    write('other.1', live);
    lives('other.1', false);
    broadcasts.subscribe((info) => expect(info).toEqual({ ...live, state: 'interrupted' }))();
    lives('other.1', true);
    expect(seen).toEqual(['live', 'interrupted', 'live']);
  });

  it('are what their process said, where it said so, whether it is heard or not', () => {
    const { write, live: lives, seen, broadcasts } = open();
    const interrupted: BroadcastInfo = { ...live, state: 'interrupted', graceEnds: wallTime(5) };
    write('other.1', interrupted);
    lives('other.1', false);
    broadcasts.subscribe((info) => expect(info).toEqual(interrupted))();
    expect(seen).toEqual(['interrupted']);
  });

  it('of this process go on while NATS is away, the others are interrupted', () => {
    const { broadcasts, write, seen } = open();
    broadcasts.announce(live);
    write('other.1', { ...live, broadcast: broadcastId('twobroadcast') });
    broadcasts.isCutOff = true;
    expect(seen).toEqual(['live', 'live', 'interrupted']);
    broadcasts.isCutOff = false;
    expect(seen).toEqual(['live', 'live', 'interrupted', 'live']);
  });

  it('are forgotten a minute after they ended, and taken away by their process', () => {
    const { broadcasts, later, log } = open();
    broadcasts.announce({ ...live, state: 'ended' });
    broadcasts.announce({ ...live, state: 'ended' });
    later(MINUTE);
    expect(log).toEqual(['ended']);
    later(1);
    expect(log).toEqual(['ended', 'removed', 'forgotten']);
    expect(broadcasts.has(broadcast)).toBe(false);
  });

  it('are only dropped from memory by those who are not to take them away, or cannot', () => {
    const { write, later, log, live: lives, first } = open();
    write('other.1', { ...live, state: 'ended' });
    later(MINUTE + 1);
    expect(log).toEqual(['ended', 'dropped', 'forgotten']);
    write('other.1', { ...live, state: 'ended' });
    lives('other.1', false);
    first(false);
    later(MINUTE + 1);
    expect(log.slice(3)).toEqual(['ended', 'dropped', 'forgotten']);
    write('other.1', { ...live, state: 'ended' });
    first(true);
    later(MINUTE + 1);
    expect(log.slice(6)).toEqual(['ended', 'removed', 'forgotten']);
  });

  it('that ended and were forgotten while this process was cut off have ended for who listens here', () => {
    const { write, vanish, later, seen, log, broadcasts } = open();
    write('other.1', live);
    broadcasts.isCutOff = true;
    vanish(broadcast);
    broadcasts.isCutOff = false;
    later(20_000);
    expect(seen).toEqual(['live', 'interrupted']);
    expect(broadcasts.has(broadcast)).toBe(true);
    later(1);
    expect(seen).toEqual(['live', 'interrupted', 'ended']);
    expect(log).toEqual(['ended', 'forgotten']);
    expect(broadcasts.has(broadcast)).toBe(false);
    later(MINUTE);
    expect(seen).toEqual(['live', 'interrupted', 'ended']);
  });

  it('that the server lost go on once their process has written them again', () => {
    const { write, vanish, later, seen, log, broadcasts } = open();
    write('other.1', live);
    vanish(broadcast);
    later(15_000);
    // Nobody can be heard: the time counts for none.
    broadcasts.isCutOff = true;
    later(MINUTE);
    broadcasts.isCutOff = false;
    later(15_000);
    write('other.1', live);
    later(MINUTE);
    expect(seen).not.toContain('ended');
    expect(log).toEqual([]);
  });

  it('are ended by the first of those who live where nobody looked after them for 15 minutes', () => {
    const { write, later, seen, live: lives, first } = open();
    write('other.1', live);
    lives('other.1', false);
    later(1);
    first(false);
    later(15 * MINUTE + 1);
    expect(seen).toEqual(['live', 'interrupted']);
    first(true);
    later(1);
    expect(seen).toEqual(['live', 'interrupted', 'ended']);
  });

  it('are not ended while their process comes and goes, nor before their publisher had his time', () => {
    const { write, later, seen, live: lives } = open();
    write('other.1', live);
    lives('other.1', false);
    later(10 * MINUTE);
    lives('other.1', true);
    later(10 * MINUTE);
    lives('other.1', false);
    later(10 * MINUTE);
    later(10 * MINUTE);
    expect(seen).not.toContain('ended');
    write('other.1', { ...live, state: 'interrupted', graceEnds: wallTime(120 * MINUTE) });
    later(1);
    later(16 * MINUTE);
    expect(seen).not.toContain('ended');
    later(70 * MINUTE);
    expect(seen).toContain('ended');
  });
});
