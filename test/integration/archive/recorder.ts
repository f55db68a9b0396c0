import { pino } from 'pino';
import { Registry } from 'prom-client';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { systemClock } from '#core/media/time.ts';
import { openArchive } from '#edge/archive/open-archive.ts';
import { Packager } from '#edge/cmaf/packager.ts';

import { archiveConfig, hashOf, info, takeOf } from './take.ts';

/*
 * A process that is there to be killed: it opens the archive in a folder, tells what it finds of the broadcast, and records the next take of it, much
 * faster than it was sent.
 *
 * Asked: `{ dataDir, epoch, speed }`. Tells: `ready` once everything is loaded; what it found, as `Found`; `begun`.
 */

/** What it found: groups by track, and a hash of what can be read of the newest. */
export type Found = { readonly found: Readonly<Record<string, readonly (readonly [number, string])[]>> };

type Task = { readonly dataDir: string; readonly epoch: number; readonly speed: number };

const frames = takeOf(0);

process.on('message', (task: Task) => void record(task));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function record({ dataDir, epoch, speed }: Task): Promise<void> {
  const bus = createLocalBus();
  const archive = await openArchive({ config: archiveConfig(dataDir), log: pino({ level: 'warn' }), metrics: new Registry(), bus, clock: systemClock });
  const kept = archive.open(info.broadcast);
  const found: Record<string, (readonly [number, string])[]> = {};
  for (const [name, track] of kept?.tracks ?? []) {
    const newest = track.segments.at(-1)?.epoch;
    found[name] = await Promise.all(track.segments.map(async (segment) => [segment.group, segment.epoch === newest ? hashOf(await track.read(segment)) : ''] as const));
  }
  process.send?.({ found } satisfies Found);
  const keeper = archive.keep({ ...info, epoch });
  const take = [...takeOf(epoch)].map(([name, all]) => ({
    packager: new Packager(keeper.track(name, name === 'audio' ? 'audio' : 'video')),
    all,
    timescale: frames.get(name)?.[0]?.head?.config.timescale ?? 1,
    start: all[0]?.dts ?? 0,
    next: 0,
  }));
  const begun = performance.now();
  process.send?.('begun');
  setInterval(() => {
    const media = ((performance.now() - begun) / 1000) * speed;
    for (const track of take) {
      for (let frame = track.all[track.next]; frame !== undefined && (frame.dts - track.start) / track.timescale <= media; frame = track.all[++track.next]) {
        track.packager.push(frame);
      }
      if (track.next === track.all.length) {
        track.packager.finish();
      }
    }
  }, 1);
}
