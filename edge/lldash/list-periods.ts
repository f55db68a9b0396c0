import type { Rendition } from '#core/bus/catalog.ts';
import { millis, subTicks, ticks, ticksToMillis, VIDEO_TIMESCALE, type Millis, type Ticks, type Timescale } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import type { ConfigId, TrackConfig, TrackName } from '#core/media/track.ts';

import { usualLength } from './expected-length.ts';
import type { ListedPeriod, ListedSegment, ListedSet, ListedTrack } from './listing.ts';
import type { PeriodAnchor } from './period-anchors.ts';
import { lastRun, type SegmentRow } from './segment-rows.ts';

/** A track of the broadcast with what is there of it. */
export type TrackRows = {
  readonly track: TrackName;
  readonly facts: Pick<Rendition, 'bandwidth' | 'frameRate'>;
  readonly rows: readonly SegmentRow[];
  /** Whether the ladder in force names it. */
  readonly isOffered: boolean;
};

/** What periods are made of. */
export type PeriodSources = {
  readonly anchors: readonly PeriodAnchor[];
  /** In the order of the ladder. */
  readonly tracks: readonly TrackRows[];
  readonly configs: ReadonlyMap<ConfigId, TrackConfig>;
  readonly events: readonly TimedEvent[];
  readonly partTarget: Millis;
  /** Whether the publisher is there, so that the last period goes on. */
  readonly goesOn: boolean;
  /** The id of the set of a kind and codec. */
  readonly setId: (key: string) => number;
  /** What the group in the making and the one after it will last. */
  readonly expect: (period: PeriodAnchor, set: { readonly id: number; readonly timescale: Timescale }, whole: readonly SegmentRow[], growsFrom: Ticks | undefined) => Ticks;
};

type Member = TrackRows & { readonly config: TrackConfig; readonly configId: ConfigId };

/** Segments at the end of a rendition about which others may know more. */
const RECENT = 64;

/** Lists the periods of a broadcast, oldest first; those of which nothing is left are left out. */
export function listPeriods(sources: PeriodSources): ListedPeriod[] {
  const periods: ListedPeriod[] = [];
  sources.anchors.forEach((anchor, index) => {
    const next = sources.anchors[index + 1];
    const members = sources.tracks.flatMap((track) => memberOf(track, anchor, next, sources) ?? []);
    const keys = new Set(members.map(keyOf));
    const sets = [...keys].map((key) => listSet(sources.setId(key), members.filter((member) => keyOf(member) === key), anchor, next === undefined, sources));
    if (sets.length > 0) {
      periods.push({ id: anchor.id, start: anchor.start, mediaStart: anchor.mediaStart, reference: anchor.reference, sets, events: eventsOf(anchor, next, sources.events) });
    }
  });
  return periods;
}

function memberOf(track: TrackRows, anchor: PeriodAnchor, next: PeriodAnchor | undefined, { configs }: PeriodSources): Member | undefined {
  const rows = track.rows.every((row) => lies(row, anchor, next)) ? track.rows : track.rows.filter((row) => lies(row, anchor, next));
  const configId = rows.at(-1)?.config;
  const config = configId === undefined ? undefined : configs.get(configId);
  // A rung that the ladder has given up gets nothing more: who is offered it in the running period would run dry.
  return configId === undefined || config === undefined || (next === undefined && !track.isOffered) ? undefined : { ...track, rows, config, configId };
}

function lies(row: SegmentRow, anchor: PeriodAnchor, next: PeriodAnchor | undefined): boolean {
  return row.epoch === anchor.epoch && row.group >= anchor.group && (next?.epoch !== row.epoch || row.group < next.group);
}

function keyOf({ config }: Member): string {
  return `${config.kind} ${config.codec} ${config.timescale}`;
}

function listSet(id: number, members: readonly Member[], anchor: PeriodAnchor, isLast: boolean, sources: PeriodSources): ListedSet {
  const first = members[0] as Member;
  const { kind, timescale } = first.config;
  const rows = lastRun(union(members));
  const open = rows.at(-1)?.grows === true ? rows.at(-1) : undefined;
  const whole = open === undefined ? rows : rows.slice(0, -1);
  const goesOn = isLast && sources.goesOn;
  const expected = (isLast ? undefined : usualLength(whole)) ?? sources.expect(anchor, { id, timescale }, whole, open?.pts);
  const listOf = (run: readonly SegmentRow[], more: boolean): ListedSegment[] => segmentsOf(run, more ? expected : undefined);
  const shared = listOf(rows, goesOn);
  const tracks = members.map((member): ListedTrack => {
    const { track, config, configId, facts } = member;
    const segments = follows(member.rows, rows, member.isOffered && isLast) ? shared : listOf(lastRun(member.rows), goesOn && member.isOffered);
    return { track, config, configId, segments, bandwidth: facts.bandwidth, frameRate: facts.frameRate };
  });
  const offset = millis(Math.max(0, ticksToMillis(expected, timescale) - sources.partTarget));
  return { id, kind, timescale, tracks, independent: !members.some((member) => member.rows.some(({ isDependent }) => isDependent === true)), availabilityTimeOffset: offset };
}

/**
 * Every group that any of the tracks has, once: rungs are cut at the same frames. What is whole in one is known to its end. Of old ones, which the first
 * track has without a hole, no other is asked: there may be thousands.
 */
function union(members: readonly Member[]): readonly SegmentRow[] {
  const [first, ...others] = members.toSorted((a, b) => lastRun(b.rows).length - lastRun(a.rows).length);
  if (first === undefined || others.length === 0) {
    return first?.rows ?? [];
  }
  const sure = lastRun(first.rows).slice(0, -RECENT);
  const recent = sure.at(-1)?.group ?? -Infinity;
  const known = new Map<number, SegmentRow>();
  for (const { rows } of [first, ...others]) {
    for (let i = rows.length - 1; i >= 0 && (rows[i] as SegmentRow).group > recent; i--) {
      const row = rows[i] as SegmentRow;
      const other = known.get(row.group);
      if (other === undefined || (other.grows === true && row.grows !== true)) {
        known.set(row.group, row);
      }
    }
  }
  return [...sure, ...[...known.values()].sort((a, b) => a.group - b.group)];
}

/** Whether a track has all the groups of the set's list, or will have the last of them: an encoded rung lags behind what is passed through. */
function follows(rows: readonly SegmentRow[], list: readonly SegmentRow[], mayLag: boolean): boolean {
  const run = lastRun(rows);
  const newest = run.at(-1)?.group ?? 0;
  const last = list.at(-1)?.group ?? 0;
  return (run[0]?.group ?? Infinity) <= (list[0]?.group ?? 0) && (newest === last || (mayLag && newest === last - 1));
}

/** Where each segment ends is where the next one begins; the one in the making, and the one after it, last what is expected. */
function segmentsOf(run: readonly SegmentRow[], expected: Ticks | undefined): ListedSegment[] {
  const segments = run.map(({ group, pts, ticks: own, grows }, index): ListedSegment => {
    const next = run[index + 1];
    return { group, pts, ticks: next !== undefined ? subTicks(next.pts, pts) : grows !== true || expected === undefined ? own : ticks(Math.max(own, expected)) };
  });
  const last = segments.at(-1);
  if (last !== undefined && expected !== undefined) {
    segments.push({ group: last.group + 1, pts: ticks(last.pts + last.ticks), ticks: expected });
  }
  return segments;
}

function eventsOf(anchor: PeriodAnchor, next: PeriodAnchor | undefined, events: readonly TimedEvent[]): TimedEvent[] {
  const from = anchor.mediaStart;
  const to = next?.mediaStart ?? Infinity;
  return events.filter(({ pts }) => {
    const at = ticksToMillis(pts, VIDEO_TIMESCALE);
    return at >= from && at < to;
  });
}
