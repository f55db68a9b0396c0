import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { ArchiveHealth } from '#core/bus/catalog.ts';
import { systemClock } from '#core/media/time.ts';
import { openArchive } from '#edge/archive/open-archive.ts';
import { Packager } from '#edge/cmaf/packager.ts';
import { until } from '#test/support/until.ts';

import { archiveConfig, info, packagedTake, segmentsOf, takeOf } from './take.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-full-'));
const mount = join(home, 'data');
const isMounted = mountSmallDisk();

afterAll(() => {
  if (isMounted) {
    // Lazily: after a failure files may still be open.
    execFileSync('umount', ['-l', mount]);
  }
  rmSync(home, { recursive: true, force: true });
});

/** A file system of eight mebibytes; false where mounting is not allowed. */
function mountSmallDisk(): boolean {
  mkdirSync(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!isMounted)('a disk that is really full stops the archive and not the live stream; with room it goes on by itself (skipped where mounting is not allowed)', async () => {
  const bus = createLocalBus();
  let health: ArchiveHealth | undefined;
  bus.onCatalog(info.broadcast, 'archive', (value) => (health = value));
  const archive = await openArchive({ config: archiveConfig(mount), log: pino({ level: 'silent' }), metrics: new Registry(), bus, clock: systemClock });
  const keeper = archive.keep(info);
  const live: number[] = [];
  const packagers = new Map([...takeOf(0).keys()].map((name) => {
    const kept = keeper.track(name, name === 'audio' ? 'audio' : 'video');
    return [name, new Packager({ ...kept, init: (init) => kept.init(init), part: () => undefined, segment: (segment) => { live.push(segment.group); kept.segment(segment); }, gap: () => undefined })];
  }));
  const send = (epoch: number): void => {
    takeOf(epoch).forEach((frames, name) => frames.forEach((frame) => packagers.get(name)?.push(frame)));
  };
  const filler = join(mount, 'filler');
  await writeFile(filler, Buffer.alloc(7 * 1024 * 1024));
  for (let epoch = 0; epoch < 8; epoch++) {
    send(epoch);
  }
  await until('the warning', () => health?.warnings.some(({ code }) => code === 'archive/disk-full'));
  expect(health).toMatchObject({ rewind: 0, recording: false, rewindOff: expect.stringContaining('live goes on') as string });
  const before = live.length;
  send(8);
  expect(live.length).toBeGreaterThan(before);
  await rm(filler);
  await until('the archive to go on', () => health?.recording);
  expect(health?.warnings).toEqual([]);
  send(9);
  packagers.forEach((packager) => packager.finish());
  await keeper.end();
  await archive.close();

  const again = await openArchive({ config: archiveConfig(mount), log: pino({ level: 'silent' }), metrics: new Registry(), bus: createLocalBus(), clock: systemClock });
  const found = (await again.find(info.broadcast))!;
  expect(found.facts.state).toBe('finished');
  const epochs: number[] = [];
  for (let epoch = 0; epoch <= 9; epoch++) {
    for (const packaged of packagedTake(epoch)) {
      const expected = segmentsOf(packaged);
      const track = found.tracks.get(packaged.track)!;
      for (const segment of track.segments.filter((kept) => kept.epoch === epoch)) {
        expect((await track.read(segment))?.equals(expected.get(segment.group)!), `${packaged.track} ${segment.group}`).toBe(true);
        epochs.push(epoch);
      }
    }
  }
  expect(epochs).toEqual(expect.arrayContaining([0, 9]));
  // Of the take that was sent while the disk was full only what ended with the next one: a segment of each track.
  expect(epochs.filter((epoch) => epoch === 8)).toHaveLength(3);
  await again.close();
  await bus.close();
}, 60_000);
