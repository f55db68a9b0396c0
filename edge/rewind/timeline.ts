import { later, millis, type Millis, type WallTime } from '#core/media/time.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { durationOf } from './duration.ts';

/** When a group that a track lost began, and how long it was. */
export type LostGroup = { readonly group: number; readonly wallTime: WallTime; readonly duration: Millis };

/** The longest duration that rounds to TARGETDURATION (2). */
const LONGEST_GAP = 2400;

/** So many lost groups are remembered, and listed of one gap: more than a day of one track. A damaged index may claim millions. */
const MAX_LOST = 100_000;

/** First and last group of an epoch over all tracks. `offset`: what is taken from a group to get its media sequence number. */
type Epoch = { first: number; last: number; offset: number | undefined };

/**
 * The groups of a kept broadcast over all of its tracks, so that all playlists number them alike. A group's media sequence number is the group less the numbers that were never given
 * out between epochs: a playlist has an entry for each number, and after a pause there may be thousands of such. What was told once stays: it is remembered when
 * it has left the playlists, so a number never goes back. After a restart of the server it may go on higher.
 */
export class Timeline {
  readonly #tracks: ArchivedBroadcast['tracks'];
  readonly #numbersFrom: 'group' | 'zero';
  readonly #epochs = new Map<number, Epoch>();
  readonly #seen = new Map<ArchivedTrack, number>();
  readonly #lost = new Map<string, LostGroup>();

  /** @param numbersFrom - The first group's number is its own, or 0. */
  constructor(tracks: ArchivedBroadcast['tracks'], numbersFrom: 'group' | 'zero') {
    this.#tracks = tracks;
    this.#numbersFrom = numbersFrom;
  }

  /** Looks over what was added since the last time. */
  update(): void {
    for (const track of this.#tracks.values()) {
      const { segments } = track;
      const seen = this.#seen.get(track) ?? -1;
      for (let at = segments.length - 1; at >= 0 && (segments[at] as ArchivedSegment).group > seen; at--) {
        this.#add(segments[at] as ArchivedSegment);
      }
      this.#seen.set(track, segments.at(-1)?.group ?? seen);
    }
  }

  /** The media sequence number of a segment. */
  numberOf({ group, epoch }: Pick<ArchivedSegment, 'group' | 'epoch'>): number {
    return group - this.#offsetOf(epoch);
  }

  /** Whether a segment has a number: not what came of an epoch when the next one was listed already. */
  lists({ group, epoch }: ArchivedSegment): boolean {
    const known = this.#epochs.get(epoch);
    return known !== undefined && group >= known.first && group <= known.last;
  }

  /** What a track lost between two of its segments, epoch by epoch; the last one is that of `after`. */
  lostBetween(track: ArchivedTrack, before: ArchivedSegment, after: ArchivedSegment): { readonly epoch: number; readonly groups: readonly LostGroup[] }[] {
    const out = [];
    this.#offsetOf(after.epoch);
    for (let epoch = before.epoch; epoch <= after.epoch; epoch++) {
      const known = this.#epochs.get(epoch);
      const from = epoch === before.epoch ? before.group + 1 : (known?.first ?? 0);
      const to = epoch === after.epoch ? after.group - 1 : (known?.last ?? -1);
      const count = Math.min(MAX_LOST, Math.max(0, to - from + 1));
      const groups = Array.from({ length: count }, (_, i) => this.#lostGroup(track, to - count + 1 + i, before, after));
      out.push({ epoch, groups });
    }
    return out;
  }

  #add({ group, epoch }: ArchivedSegment): void {
    const known = this.#epochs.get(epoch);
    if (known === undefined) {
      this.#epochs.set(epoch, { first: group, last: group, offset: undefined });
      return;
    }
    const next = this.#following(epoch);
    if (known.offset === undefined) {
      known.first = Math.min(known.first, group);
    }
    if (next?.offset === undefined) {
      known.last = Math.max(known.last, group);
    }
  }

  /** Fixes where the epoch begins and where the one before it ends. */
  #offsetOf(epoch: number): number {
    const known = this.#epochs.get(epoch);
    if (known === undefined) {
      return 0;
    }
    if (known.offset === undefined) {
      const earlier = [...this.#epochs.keys()].filter((other) => other < epoch);
      const before = Math.max(...earlier);
      known.offset =
        earlier.length === 0
          ? this.#numbersFrom === 'group' ? 0 : known.first
          : this.#offsetOf(before) + known.first - (this.#epochs.get(before) as Epoch).last - 1;
    }
    return known.offset;
  }

  #following(epoch: number): Epoch | undefined {
    const later = [...this.#epochs.keys()].filter((other) => other > epoch);
    return later.length === 0 ? undefined : this.#epochs.get(Math.min(...later));
  }

  /** As another track has it, otherwise its share of the time between the segments beside it. The first word on it stays. */
  #lostGroup(track: ArchivedTrack, group: number, before: ArchivedSegment, after: ArchivedSegment): LostGroup {
    const key = `${track.track} ${group}`;
    let lost = this.#lost.get(key);
    if (lost === undefined) {
      const other = [...this.#tracks.values()].map((one) => one.segmentOf(group)).find((segment) => segment !== undefined);
      lost = other === undefined ? shareOf(group, before, after) : { group, wallTime: other.wallTime, duration: durationOf(other) };
      if (this.#lost.size >= MAX_LOST) {
        this.#lost.clear();
      }
      this.#lost.set(key, lost);
    }
    return lost;
  }
}

function shareOf(group: number, before: ArchivedSegment, after: ArchivedSegment): LostGroup {
  const between = after.pts / after.timescale - (before.pts + before.ticks) / before.timescale;
  const share = (between * 1000) / (after.group - before.group - 1);
  const duration = millis(before.epoch === after.epoch && share > 0 && share <= LONGEST_GAP ? share : 1000);
  const start = later(before.wallTime, durationOf(before));
  return { group, wallTime: later(start, millis((group - before.group - 1) * duration)), duration };
}
