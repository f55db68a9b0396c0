import { join } from 'node:path';

import type { LadderCatalog } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { millis, ticksToMillis } from '#core/media/time.ts';

import { BroadcastFiles } from '../disk/broadcast-files.ts';
import { diskCode } from '../disk/disk.ts';
import { EventLog } from '../disk/event-log.ts';
import { parseRecord, type BroadcastRecord } from '../format/broadcast-file.ts';
import { BROADCAST_FILE, trackOfIndex, volumeOfFile } from '../format/names.ts';
import type { Loaded } from '../kept-broadcast.ts';
import type { KeptTrack } from '../kept-track.ts';
import { loadTrack, type LoadedTrack, type Reading } from './load-track.ts';
import { mendTrack } from './mend-track.ts';

/** A broadcast that was read from disk, with the files to go on in. */
export type LoadedBroadcast = Loaded & { readonly files: BroadcastFiles };

/**
 * Reads a broadcast that is finished.
 *
 * @returns undefined where its folder does not say what it is. Throws what the disk throws.
 */
export async function loadBroadcast(reading: Reading, id: BroadcastId): Promise<LoadedBroadcast | undefined> {
  const { record, tracks } = await read(reading, id);
  const files = await filesOf(reading);
  tracks.forEach(({ head, indexLength }) => files.track(head, { index: indexLength, volumes: new Map() }));
  return record && { record, tracks: tracks.map(({ track }) => track), files };
}

/**
 * Reads a broadcast that a crash may have left, and mends it: afterwards its files hold whole segments and nothing behind them, and its index says so.
 *
 * @returns undefined where its folder does not say what it is: it is left as it is. Throws what the disk throws.
 */
export async function mendBroadcast(reading: Reading, id: BroadcastId): Promise<LoadedBroadcast | undefined> {
  const { record, tracks, names } = await read(reading, id);
  if (record === undefined) {
    return undefined;
  }
  const files = await filesOf(reading);
  for (const loaded of tracks) {
    const { head, track, good, isStale } = await mendTrack(reading, loaded);
    const trackFiles = files.track(head, good);
    for (const name of names) {
      // Begun, but the crash came before its line in the index.
      if ((volumeOfFile(name, track.track) ?? -1) >= track.nextVolume) {
        await reading.disk.remove(join(reading.folder, name));
      }
    }
    if (isStale) {
      await trackFiles.rewrite(track.lines());
    }
    await trackFiles.repair();
  }
  return { record, tracks: tracks.map(({ track }) => track), files };
}

type Read = { readonly record: BroadcastRecord | undefined; readonly tracks: readonly LoadedTrack[]; readonly names: readonly string[] };

async function read(reading: Reading, id: BroadcastId): Promise<Read> {
  const names = await reading.disk.list(reading.folder);
  const tracks: LoadedTrack[] = [];
  for (const name of names) {
    const track = trackOfIndex(name);
    const loaded = track && (await loadTrack(reading, track));
    if (loaded?.head.broadcast === id) {
      tracks.push(loaded);
    }
  }
  const text = await reading.disk.readFile(join(reading.folder, BROADCAST_FILE)).catch((error: unknown) => {
    if (diskCode(error) === undefined) {
      throw error;
    }
    return undefined;
  });
  const record = (text && parseRecord(text.toString(), id)) ?? recordOf(tracks);
  return { record: record && withLadder(record, tracks), tracks, names };
}

async function filesOf({ disk, folder }: Reading): Promise<BroadcastFiles> {
  const events = new EventLog(disk, folder);
  await events.load();
  return new BroadcastFiles(disk, folder, events);
}

/** What the heads of indexes say, where `broadcast.json` is missing or torn. */
function recordOf([first]: readonly LoadedTrack[]): BroadcastRecord | undefined {
  if (first === undefined) {
    return undefined;
  }
  const { broadcast: id, stream, startedAt, isRecording } = first.head;
  return { id, stream, startedAt, isRecording, state: 'open', bytes: 0, duration: 0, lostGroups: 0 };
}

/** The record with a ladder: where there is none, of what the tracks are. */
function withLadder(record: BroadcastRecord, tracks: readonly LoadedTrack[]): BroadcastRecord {
  if (record.ladder !== undefined || tracks.length === 0) {
    return record;
  }
  const renditions = tracks.flatMap(({ track }) => renditionOf(track)).toSorted((a, b) => heightOf(b) - heightOf(a));
  const ladder: LadderCatalog = { stream: record.stream, broadcast: record.id, epoch: 0, fence: 0, revision: 0, partTarget: millis(200), renditions, omitted: [] };
  return { ...record, ladder };
}

type Rendition = LadderCatalog['renditions'][number];

function renditionOf(track: KeptTrack): Rendition[] {
  const last = track.newest;
  const config = last && track.config(last.config);
  if (last === undefined || config === undefined) {
    return [];
  }
  const rates = track.segments.map(({ bytes, ticks, timescale }) => (bytes * 8000) / Math.max(1, ticksToMillis(ticks, timescale)));
  const bandwidth = Math.ceil(rates.reduce((most, rate) => Math.max(most, rate), 0));
  const averageBandwidth = Math.ceil(rates.reduce((sum, rate) => sum + rate, 0) / rates.length);
  const label = config.kind === 'video' ? `${config.height}p` : 'Audio';
  return [{ track: track.track, label, faces: ['hls'], mode: 'passthrough', reason: 'mended', config, bandwidth, averageBandwidth }];
}

function heightOf({ config }: Rendition): number {
  return config.kind === 'video' ? config.height : 0;
}

