import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createFile, MP4BoxBuffer } from 'mp4box';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { wallTime } from '#core/media/time.ts';
import { trackName, type TrackName } from '#core/media/track.ts';
import type { ArchivedBroadcast } from '#edge/archive/archive.ts';
import { openArchive } from '#edge/archive/open-archive.ts';

import type { Found } from './recorder.ts';
import { archiveConfig, hashOf, info, packagedTake, segmentsOf } from './take.ts';

const KILLS = 56;
/** A take of 12 s passes in 0.3 s. */
const SPEED = 40;
const TRACKS = ['video', 'v90', 'audio'].map(trackName);

const run = promisify(execFile);
let dataDir = '';
let folder = '';

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-killed-'));
  folder = join(dataDir, 'archive', info.broadcast);
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

/** A process that has loaded everything, and waits for its task. */
function warmRecorder(): { readonly child: ChildProcess; readonly ready: Promise<unknown> } {
  const child = fork(new URL('recorder.ts', import.meta.url), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  return { child, ready: once(child, 'message') };
}

/** Random numbers that come again: a run that failed can be run again by its seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Segments of a take of which the track's last file holds every byte. */
async function wholeOnDisk(track: TrackName, segments: ReadonlyMap<number, Buffer>): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  const volumes = names.filter((name) => name.startsWith(`${track}.`) && name.endsWith('.mp4')).map((name) => Number(name.split('.')[1]));
  if (volumes.length === 0) {
    return [];
  }
  const file = await readFile(join(folder, `${track}.${Math.max(...volumes)}.mp4`));
  return [...segments].filter(([, bytes]) => file.includes(bytes)).map(([group]) => group);
}

describe('a recording whose process is killed', () => {
  const whole = new Map<TrackName, Map<number, string>>(TRACKS.map((track) => [track, new Map()]));
  const seed = Math.floor(Math.random() * 2 ** 32);

  test(`at ${KILLS} random moments loses nothing that was whole`, async () => {
    const random = randomOf(seed);
    let next = warmRecorder();
    let inWork = 0;
    for (let epoch = 0; epoch < KILLS; epoch++) {
      const { child, ready } = next;
      next = warmRecorder();
      const heard: unknown[] = [];
      child.on('message', (message) => heard.push(message));
      let complaints = '';
      child.stderr?.on('data', (data: Buffer) => (complaints += data.toString()));
      await ready;
      child.send({ dataDir, epoch, speed: SPEED });
      // One in four while it reads and mends what the one before has left.
      const isEarly = epoch % 4 === 3;
      while (!isEarly && !heard.includes('begun')) {
        await once(child, 'message');
      }
      await new Promise((resolve) => setTimeout(resolve, random() * (isEarly ? 60 : 330)));
      child.kill('SIGKILL');
      await once(child, 'exit');
      const found = (heard.find((message) => typeof message === 'object') as Found | undefined)?.found;
      for (const packaged of packagedTake(epoch)) {
        const before = whole.get(packaged.track)!;
        if (found !== undefined) {
          const told = found[packaged.track] ?? [];
          expect(told.map(([group]) => group), `seed ${seed}, start ${epoch}, ${packaged.track}`).toEqual([...before.keys()]);
          expect(told.filter(([group, hash]) => hash !== '' && hash !== before.get(group)), `seed ${seed}, start ${epoch}, ${packaged.track}`).toEqual([]);
        }
        const segments = segmentsOf(packaged);
        const written = await wholeOnDisk(packaged.track, segments);
        written.forEach((group) => before.set(group, hashOf(segments.get(group))));
        inWork += written.length > 0 && written.length < segments.size ? 1 : 0;
      }
      expect(complaints).toBe('');
    }
    next.child.kill('SIGKILL');
    // The kills fell where they should: in the middle of takes.
    expect(inWork).toBeGreaterThan(KILLS / 2);
  });

  test('is finished by the next start, and every segment has the bytes that live viewers had', async () => {
    const registry = new Registry();
    const archive = await openArchive({ config: archiveConfig(dataDir), log: pino({ level: 'silent' }), metrics: registry, bus: createLocalBus(), clock: () => wallTime(Date.now() + 60_000) });
    expect(archive.recordings()).toMatchObject([{ id: info.broadcast, state: 'finished', isRecording: true }]);
    const found: ArchivedBroadcast = (await archive.find(info.broadcast))!;
    for (const [name, segments] of whole) {
      const track = found.tracks.get(name)!;
      expect(track.segments.map(({ group }) => group)).toEqual([...segments.keys()]);
      for (const segment of track.segments) {
        expect(hashOf(await track.read(segment)), `seed ${seed}, ${name} ${segment.group}`).toBe(segments.get(segment.group));
      }
    }
    expect(found.ladder?.renditions.map(({ track }) => track)).toEqual(['video', 'v90', 'audio']);
    await archive.close();
  });

  test('has volumes that mp4box and ffprobe read to the end', async () => {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.mp4'));
    const frames = new Map(TRACKS.map((track) => [track as string, 0]));
    for (const name of names) {
      const bytes = await readFile(join(folder, name));
      const file = createFile(false);
      const complaints: string[] = [];
      file.onError = (module, message) => complaints.push(`${module}: ${message}`);
      file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(Uint8Array.from(bytes).buffer, 0));
      file.flush();
      expect(complaints).toEqual([]);
      const track = name.split('.')[0] ?? '';
      frames.set(track, (frames.get(track) ?? 0) + file.getInfo().tracks[0]!.nb_samples);
      expect(file.boxes.at(-1)?.type).toBe(file.moofs.length > 0 ? 'mfra' : 'moov');
    }
    const counts = new Map(TRACKS.map((track) => [track as string, 0]));
    for (let epoch = 0; epoch < KILLS; epoch++) {
      for (const { track, segments, frames: all } of packagedTake(epoch)) {
        const kept = new Set(segments.map(({ group }) => group).filter((group) => whole.get(track)!.has(group)));
        counts.set(track, (counts.get(track) ?? 0) + all.filter(({ group }) => kept.has(group)).length);
      }
    }
    expect(frames).toEqual(counts);
    for (const name of ['video', 'v90', 'audio'].flatMap((track) => names.filter((file) => file.startsWith(`${track}.`)).slice(0, 3))) {
      const { stderr } = await run('ffprobe', ['-v', 'warning', '-show_entries', 'packet=pts', '-of', 'json', join(folder, name)]);
      expect(stderr, name).toBe('');
    }
  });
});
