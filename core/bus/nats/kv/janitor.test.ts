import { describe, expect, it } from 'vitest';

import { millis } from '../../../media/time.ts';
import { createLog } from '../../../runtime/log.ts';
import type { Entry } from './entry.ts';
import { Janitor } from './janitor.ts';
import { encodeRecord } from './record.ts';

const MINUTE = 60_000;
const held = (by: string): Uint8Array => encodeRecord({ fence: 1, by, body: new Uint8Array() });

/** A bucket that is a map, whose values of nobody may stay an hour. */
function open() {
  const entries = new Map<string, Entry>();
  const done: string[] = [];
  const state = { now: 0, isFirst: true };
  const janitor = new Janitor(
    [
      {
        bucket: {
          name: 'test',
          entries: () => entries.entries(),
          clear: (revision) => {
            done.push(`cleared ${revision}`);
            return Promise.resolve();
          },
          remove: (key, expected) => {
            done.push(`removed ${key} ${expected}`);
            entries.set(key, { revision: expected + 1, bytes: undefined });
            return Promise.resolve(true);
          },
          forget: (key) => {
            if (entries.get(key)?.bytes === undefined) {
              entries.delete(key);
            }
          },
        },
        lifetime: ({ by }) => (by === '' ? millis(60 * MINUTE) : undefined),
      },
    ],
    { heartbeats: { get isFirst() { return state.isFirst; } }, now: () => millis(state.now), log: createLog({ level: 'silent' }).log },
  );
  const pass = (time: number): void => {
    for (let passed = 0; passed < time; passed += 5000) {
      state.now += 5000;
      janitor.sweep();
    }
  };
  return { entries, done, state, pass };
}

describe('the janitor', () => {
  it('takes away markers after a minute, and leaves what is held', () => {
    const { entries, done, pass } = open();
    entries.set('gone', { revision: 7, bytes: undefined });
    entries.set('held', { revision: 8, bytes: held('edge.1') });
    pass(MINUTE);
    expect(done).toEqual([]);
    pass(MINUTE);
    expect(done).toEqual(['cleared 7']);
    expect([...entries.keys()]).toEqual(['held']);
  });

  it('takes away what nobody holds after its time, which begins anew with each writing, and then its marker', () => {
    const { entries, done, pass } = open();
    entries.set('lease', { revision: 1, bytes: held('') });
    pass(50 * MINUTE);
    entries.set('lease', { revision: 2, bytes: held('') });
    pass(50 * MINUTE);
    expect(done).toEqual([]);
    pass(15 * MINUTE);
    expect(done).toEqual(['removed lease 2', 'cleared 3']);
    expect(entries.size).toBe(0);
  });

  it('leaves the work to the first of those who live, and keeps nothing in memory either', () => {
    const { entries, done, state, pass } = open();
    state.isFirst = false;
    entries.set('gone', { revision: 7, bytes: undefined });
    pass(2 * MINUTE);
    expect([done, entries.size]).toEqual([[], 0]);
  });

  it('disturbs nobody with a long list', () => {
    const { entries, done, pass } = open();
    for (let key = 0; key < 250; key += 1) {
      entries.set(`gone-${key}`, { revision: key + 1, bytes: undefined });
    }
    pass(MINUTE + 10_000);
    expect(done).toHaveLength(100);
    pass(15_000);
    expect(done).toHaveLength(250);
  });
});
