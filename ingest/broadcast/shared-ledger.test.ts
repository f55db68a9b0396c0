import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { SharedState } from '#core/bus/shared-state.ts';
import { broadcastId } from '#core/media/frame.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import type { LedgerEntry } from './ledger.ts';
import { SharedLedger } from './shared-ledger.ts';

const lines: string[] = [];
const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) });
let shared: SharedState;

beforeEach(() => {
  lines.length = 0;
  ({ shared } = createLocalBus());
});

function entry(change: Partial<LedgerEntry> = {}): LedgerEntry {
  return { version: 1, stream: 'show', broadcast: broadcastId('0123456789abcdef'), startedAt: 1, epoch: 3, groupFloor: 7, mediaFloor: 9000, aliveAt: 5, ...change };
}

describe('the shared ledger', () => {
  it('tells another process what was kept, until it is removed', async () => {
    const [one, two] = [new SharedLedger(shared, log), new SharedLedger(shared, log)];
    expect(await one.write(entry(), 5)).toBe(true);
    expect(await two.read('show')).toEqual(entry());
    expect(await two.read('other')).toBeUndefined();
    expect(await two.remove('show', 6)).toBe(true);
    expect(await one.read('show')).toBeUndefined();
  });

  it('refuses what comes from who was overtaken, and makes no fuss', async () => {
    const [one, two] = [new SharedLedger(shared, log), new SharedLedger(shared, log)];
    await one.write(entry(), 5);
    await two.write(entry({ epoch: 4 }), 6);
    expect(await one.write(entry({ epoch: 3 }), 5)).toBe(false);
    expect(await one.remove('show', 5)).toBe(false);
    expect(await two.read('show')).toMatchObject({ epoch: 4 });
    expect(lines).toEqual([]);
  });

  it('keeps the newest of what waits, in its order', async () => {
    const ledger = new SharedLedger(shared, log);
    const all = Array.from({ length: 50 }, (_, epoch) => ledger.write(entry({ epoch }), 5));
    await ledger.flush();
    expect(await Promise.all(all)).toEqual(Array.from({ length: 50 }, () => true));
    expect(await ledger.read('show')).toMatchObject({ epoch: 49 });
  });

  it.each([
    ['a number', 5],
    ["another stream's", entry({ stream: 'other' })],
    ['without a floor', { ...entry(), groupFloor: undefined }],
  ])('begins anew where an entry is %s', async (_what, value) => {
    await shared.put('ledger/show', value);
    expect(await new SharedLedger(shared, log).read('show')).toBeUndefined();
    expect(lines).toHaveLength(1);
  });

  it('tells once that it cannot be written, and once that it can again', async () => {
    let isAway = true;
    const away: SharedState = {
      ...shared,
      durable: true,
      get: (key) => shared.get(key),
      put: (key, value, options) => (isAway ? Promise.reject(new MillraceError('bus/unreachable', 'away')) : shared.put(key, value, options)),
      delete: (key, options) => shared.delete(key, options),
      watch: (prefix, listener) => shared.watch(prefix, listener),
    };
    const ledger = new SharedLedger(away, log);
    expect([await ledger.write(entry(), 1), await ledger.write(entry({ stream: 'other' }), 1)]).toEqual([false, false]);
    expect(lines).toHaveLength(1);
    isAway = false;
    expect([await ledger.write(entry(), 1), await ledger.write(entry(), 1)]).toEqual([true, true]);
    expect(lines).toHaveLength(2);
  });
});
