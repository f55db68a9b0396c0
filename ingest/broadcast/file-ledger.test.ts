import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { broadcastId } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';

import { FileLedger } from './file-ledger.ts';
import type { LedgerEntry } from './ledger.ts';

const log = pino({ enabled: false });
let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'millrace-ledger-')), 'ingest');
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

function entry(change: Partial<LedgerEntry> = {}): LedgerEntry {
  return { version: 1, stream: 'show', broadcast: broadcastId('abcdefgh1234'), startedAt: 1e12, epoch: 3, groupFloor: 1000, mediaFloor: 5000, aliveAt: 1e12 + 9000, ...change };
}

describe('the ledger', () => {
  it('gives back what was written, to another process', async () => {
    const memory = { configs: 'a|b', analysis: { rate: { num: 30_000, den: 1001 }, frameRate: 29.97, reordered: true, gop: millis(2002), grid: false } };
    const ledger = new FileLedger(folder, log);
    await ledger.load();
    await Promise.all([ledger.write(entry({ memory })), ledger.write(entry({ stream: 'other', epoch: 0 }))]);
    const read = await new FileLedger(folder, log).load();
    expect(read.sort((a, b) => (a.stream < b.stream ? -1 : 1))).toEqual([entry({ stream: 'other', epoch: 0 }), entry({ memory })]);
  });

  it('keeps the newest of many writes, and skips those overtaken', async () => {
    const ledger = new FileLedger(folder, log);
    await ledger.load();
    const writes = Array.from({ length: 50 }, (_, epoch) => ledger.write(entry({ epoch })));
    await Promise.all(writes);
    expect(await new FileLedger(folder, log).load()).toEqual([entry({ epoch: 49 })]);
    expect(await readdir(folder)).toEqual(['show.json']);
  });

  it('forgets', async () => {
    const ledger = new FileLedger(folder, log);
    await ledger.load();
    void ledger.write(entry());
    void ledger.remove('show');
    await ledger.flush();
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"version":1,"stream":"sh'],
    ['binary', '\u0000\u0001\u0002'],
    ['of another version', JSON.stringify({ ...entry(), version: 2 })],
    ['without a floor', JSON.stringify({ ...entry(), groupFloor: undefined })],
    ['with a floor that is no number', JSON.stringify({ ...entry(), mediaFloor: null })],
    ["another stream's", JSON.stringify(entry({ stream: 'other' }))],
  ])('starts although a file is %s', async (_name, text) => {
    const ledger = new FileLedger(folder, log);
    await ledger.load();
    await ledger.write(entry({ stream: 'whole' }));
    await writeFile(join(folder, 'show.json'), text);
    expect(await new FileLedger(folder, log).load()).toEqual([entry({ stream: 'whole' })]);
    await ledger.write(entry());
    expect(JSON.parse(await readFile(join(folder, 'show.json'), 'utf8'))).toEqual(entry());
  });

  it('keeps an entry whose memory of the source is damaged', async () => {
    const ledger = new FileLedger(folder, log);
    await ledger.load();
    await writeFile(join(folder, 'show.json'), JSON.stringify({ ...entry(), memory: { configs: 5 } }));
    expect(await ledger.load()).toEqual([entry()]);
  });

  it('lets broadcasts go on where the disk fails', async () => {
    const path = join(folder, '..', 'file');
    await writeFile(path, '');
    const ledger = new FileLedger(join(path, 'ingest'), log);
    expect(await ledger.load()).toEqual([]);
    await expect(ledger.write(entry())).resolves.toBe(false);
  });

  it('tells once that the disk fails, and once that it works again', async () => {
    const lines: string[] = [];
    const telling = new FileLedger(folder, pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) }));
    for (let i = 0; i < 5; i += 1) {
      // Nobody has made the folder yet.
      await telling.write(entry({ epoch: i }));
      await telling.write(entry({ stream: 'other', epoch: i }));
    }
    expect(lines).toHaveLength(1);
    await telling.load();
    await telling.write(entry());
    await telling.write(entry());
    expect(lines.map((line) => z.object({ level: z.number() }).parse(JSON.parse(line)).level)).toEqual([50, 30]);
  });
});
