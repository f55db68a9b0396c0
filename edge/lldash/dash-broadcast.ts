import type { Rendition } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type Timescale, type WallTime } from '#core/media/time.ts';
import type { ConfigId, TrackConfig, TrackName } from '#core/media/track.ts';

import type { Archive } from '../archive/archive.ts';
import { Payload } from '../http/payload.ts';
import type { BroadcastWindow, WindowFace } from '../llhls/broadcast-window.ts';
import { WaitList, type Waiter } from '../llhls/waiting.ts';
import type { WindowSegment } from '../llhls/window-segment.ts';
import { ExpectedLength } from './expected-length.ts';
import { listPeriods, type TrackRows } from './list-periods.ts';
import type { Listing } from './listing.ts';
import { listedEvents } from './listed-events.ts';
import { manifest, type ManifestOptions } from './manifest.ts';
import { PeriodAnchors, type PeriodAnchor } from './period-anchors.ts';
import { SegmentReaders } from './segment-readers.ts';
import { endOf, rowsOf, type SegmentRow } from './segment-rows.ts';

/** Options of a {@link DashBroadcast}. */
export type DashOptions = ManifestOptions & { readonly clock: Clock; readonly archive?: Pick<Archive, 'open'> | undefined };

/**
 * Whom a manifest is for: viewers of signed URLs, who are not steered to other edges, because those are not signed for; viewers who came by the address that other nodes know
 * (`named`): what must be told as a whole URL is; all others (`here`), who may be behind something that has another name: everything is relative.
 */
export type ManifestView = 'signed' | 'named' | 'here';

/** So long a period may stay untold because one of its renditions has not begun: players choose among those that a period has at first. */
const PATIENCE = millis(3000);

/** A broadcast as LL-DASH serves it: its manifest, rendered once per state, and the requests that wait for it or for a segment. */
export class DashBroadcast implements WindowFace {
  /** Requests for segments that are not whole yet. */
  readonly segments: SegmentReaders;
  readonly #window: BroadcastWindow;
  readonly #options: DashOptions;
  #anchors: PeriodAnchors;
  readonly #begun = new Map<TrackName, WindowSegment>();
  readonly #facts = new Map<TrackName, Rendition>();
  readonly #configs = new Map<ConfigId, TrackConfig>();
  readonly #setIds = new Map<string, number>();
  readonly #expected = new Map<string, ExpectedLength>();
  readonly #queues = new Map<number, WaitList<Waiter>>();
  #state = '';
  #listing: Listing | undefined;
  /** By how players are steered. */
  readonly #payloads = new Map<string, Payload>();
  /** Since when the newest period waits for the rest of its renditions. */
  #incompleteSince: WallTime | undefined;
  #archiveSeen = false;

  constructor(window: BroadcastWindow, options: DashOptions) {
    this.#window = window;
    this.#options = options;
    this.#anchors = new PeriodAnchors(window.info.startedAt);
    this.segments = new SegmentReaders(window);
  }

  /** Where what this edge serves of the stream lies, as other nodes know it; empty where they do not, or there are none. */
  get base(): string {
    return this.#window.steering?.base ?? '';
  }

  /** The manifest as it is now, for one kind of viewers; undefined while there is nothing to list. */
  manifest(view: ManifestView = 'here'): Payload | undefined {
    const listing = this.#list();
    if (listing.periods.length === 0) {
      return undefined;
    }
    this.#anchors.tell();
    const steering = view === 'signed' ? undefined : this.#window.steering;
    const told = steering !== undefined && view === 'here' ? { ...steering, url: steering.path, base: '' } : steering;
    const key = told === undefined ? '' : JSON.stringify(told);
    let payload = this.#payloads.get(key);
    if (payload === undefined) {
      payload = new Payload(Buffer.from(manifest(listing, this.#options, told)), { contentType: 'application/dash+xml', compress: true });
      this.#payloads.set(key, payload);
    }
    return payload;
  }

  /** The manifest that lists a later group than `after`, or the last one of all; `wait` while there is none. */
  manifestAfter(after: number | undefined): Payload | 'wait' {
    const listing = this.#list();
    const isDue = after === undefined || listing.ended || (listing.newest !== undefined && listing.newest > after);
    return isDue ? (this.manifest() ?? 'wait') : 'wait';
  }

  /** Waits for the manifest that lists a later group than `after`. */
  awaitManifest(after: number | undefined, waiter: Waiter): void {
    const key = after ?? -1;
    let list = this.#queues.get(key);
    if (list === undefined) {
      list = new WaitList();
      this.#queues.set(key, list);
    }
    list.add(waiter);
  }

  /** Somebody asks for the manifest, which lists every track: as `BroadcastWindow.wantAll`. */
  want(): 'ready' | 'wait' | 'refused' {
    const state = this.#window.wantAll();
    if (state === 'wait') {
      // Patience with renditions that are late begins when all can be there.
      this.#incompleteSince = undefined;
    }
    return state;
  }

  awaits(track: TrackName): boolean {
    return this.#queues.size > 0 || this.segments.awaits(track);
  }

  changed(): void {
    this.#takeArchive();
    this.#takeLadder();
    this.#takeSegments();
    const state = this.#stateNow();
    if (state !== this.#state) {
      this.#state = state;
      this.#forgetListing();
      this.#release();
    }
    this.segments.changed();
  }

  expire(now: WallTime): void {
    if (this.#incompleteSince !== undefined && elapsed(this.#incompleteSince, now) >= PATIENCE) {
      this.#forgetListing();
      this.#release();
    }
    for (const [after, list] of this.#queues) {
      list.expire(now);
      if (list.size === 0) {
        this.#queues.delete(after);
      }
    }
    this.segments.expire(now);
  }

  dismiss(outcome: 'stopping' | 'gone'): void {
    for (const list of this.#queues.values()) {
      list.release(() => (outcome === 'gone' ? (this.manifest() ?? outcome) : outcome));
    }
    this.#queues.clear();
    this.segments.dismiss(outcome);
  }

  #forgetListing(): void {
    this.#listing = undefined;
    this.#payloads.clear();
  }

  #release(): void {
    for (const [after, list] of this.#queues) {
      const found = this.manifestAfter(after < 0 ? undefined : after);
      if (found !== 'wait') {
        this.#queues.delete(after);
        list.release(() => found);
      }
    }
  }

  /** What a manifest depends on: it is made anew for each group, not for each part. */
  #stateNow(): string {
    const { renditions, info, ladder, events } = this.#window;
    let state = `${info.state} ${ladder?.revision} ${events.at(-1)?.event.id}`;
    for (const { window } of renditions.values()) {
      state += ` ${window.last?.group}${window.last?.complete === true ? '.' : ''}${window.last?.gap === true ? 'x' : ''}${window.ended ? '!' : ''}`;
    }
    return state;
  }

  /** Epochs that are only on disk: kept before this server was started. */
  #takeArchive(): void {
    const archived = this.#archiveSeen ? undefined : this.#options.archive?.open(this.#window.info.broadcast);
    if (archived === undefined) {
      return;
    }
    this.#archiveSeen = true;
    const all = [...archived.tracks.values()].flatMap((track) => track.segments.map((segment) => ({ name: track.track, segment })));
    all.sort((a, b) => a.segment.epoch - b.segment.epoch || a.segment.group - b.segment.group);
    all.forEach(({ name, segment }) => this.#anchors.begin(name, segment));
  }

  #takeLadder(): void {
    for (const rendition of this.#window.ladder?.renditions ?? []) {
      if (rendition.faces.includes('hls')) {
        this.#facts.set(rendition.track, rendition);
      }
    }
  }

  /**
   * Nothing is left of what was listed, since nobody watched: what comes next is named as at an edge that begins then. Viewers who come from another edge
   * meet the period that they know, and not one that began with the first group here.
   */
  #beginAnew(): void {
    const isEmpty = [...this.#window.renditions.values()].every(({ window }) => window.last === undefined);
    if (isEmpty && this.#begun.size > 0 && this.#options.archive?.open(this.#window.info.broadcast) === undefined) {
      this.#anchors = new PeriodAnchors(this.#window.info.startedAt);
      this.#begun.clear();
      this.#expected.clear();
      this.#incompleteSince = undefined;
    }
  }

  #takeSegments(): void {
    this.#beginAnew();
    for (const [name, { window }] of this.#window.renditions) {
      const init = window.newestInit;
      if (init !== undefined) {
        this.#configs.set(init.config, init.trackConfig);
      }
      const before = this.#begun.get(name);
      const { last } = window;
      if (last === undefined || last === before) {
        continue;
      }
      for (const segment of window.listed) {
        const isNew = before === undefined || segment.group > before.group;
        if (isNew && !segment.gap && segment.timing !== undefined) {
          this.#anchors.begin(name, { ...segment, ...segment.timing });
          this.#begun.set(name, segment);
        }
      }
    }
  }

  #list(): Listing {
    return (this.#listing ??= this.#makeListing());
  }

  #makeListing(): Listing {
    const { info, ladder, listed, partTarget, events, renditions } = this.#window;
    const archived = this.#options.archive?.open(info.broadcast);
    const depth = millis(Math.max(archived?.rewind ?? 0, listed));
    const edge = Math.max(0, ...[...renditions.values()].flatMap(({ window: { last } }) => (last?.timing === undefined ? [] : endOf(last.timing))));
    const offered = new Set(ladder?.renditions.map(({ track }) => track));
    const tracks = [...this.#facts].map(([track, facts]): TrackRows => {
      const kept = archived?.tracks.get(track);
      const rows = rowsOf(renditions.get(track)?.window, kept, millis(edge - depth));
      this.#takeConfigs(rows, (config) => kept?.config(config));
      return { track, facts, rows, isOffered: offered.has(track) };
    });
    this.#forget(tracks);
    const windows = [...renditions.values()].map(({ window }) => window);
    const ended = info.state === 'ended' && windows.every((window) => window.ended);
    const anchors = this.#tellable(tracks, ended);
    const periods = listPeriods({
      anchors,
      tracks,
      configs: this.#configs,
      events: listedEvents(archived?.events ?? [], events.map(({ event }) => event), millis(edge - depth)),
      partTarget,
      goesOn: info.state === 'live',
      setId: (key) => this.#setId(key),
      expect: (period, set, whole, growsFrom) => this.#expectedOf(`${period.id} ${set.id}`, set.timescale).after(whole, growsFrom),
    });
    const newest = newestOf(tracks, this.#anchors.all.length === anchors.length ? undefined : this.#anchors.all.at(-1));
    return {
      broadcast: info.broadcast,
      startedAt: info.startedAt,
      publishTime: this.#options.clock(),
      ended,
      timeShiftBufferDepth: depth,
      partTarget,
      newest: newest < 0 ? undefined : newest,
      periods,
    };
  }

  #takeConfigs(rows: readonly SegmentRow[], find: (config: ConfigId) => TrackConfig | undefined): void {
    for (const { config } of rows) {
      const found = this.#configs.has(config) ? undefined : find(config);
      if (found !== undefined) {
        this.#configs.set(config, found);
      }
    }
  }

  /** Periods of which nothing is left, and what was expected of them. */
  #forget(tracks: readonly TrackRows[]): void {
    const firsts = tracks.flatMap(({ rows }) => rows[0] ?? []).sort((a, b) => a.epoch - b.epoch || a.group - b.group);
    if (firsts[0] !== undefined) {
      this.#anchors.forgetBefore(firsts[0].epoch, firsts[0].group);
    }
    const ids = new Set(this.#anchors.all.map(({ id }) => id));
    for (const key of this.#expected.keys()) {
      if (!ids.has(key.split(' ')[0] as string)) {
        this.#expected.delete(key);
      }
    }
  }

  /** The periods without the newest one, as long as it lacks a rendition that is on its way. */
  #tellable(tracks: readonly TrackRows[], ended: boolean): PeriodAnchors['all'] {
    const anchors = this.#anchors.all;
    const newest = anchors.at(-1);
    const { ladder } = this.#window;
    if (newest === undefined || ended) {
      return anchors;
    }
    const hasBegun = (last: SegmentRow | undefined): boolean => last?.epoch === newest.epoch && last.group >= newest.group;
    const isWhole = ladder !== undefined && ladder.epoch >= newest.epoch && tracks.every(({ isOffered, rows }) => !isOffered || hasBegun(rows.at(-1)));
    if (isWhole) {
      this.#incompleteSince = undefined;
      return anchors;
    }
    const now = this.#options.clock();
    this.#incompleteSince ??= now;
    return elapsed(this.#incompleteSince, now) >= PATIENCE ? anchors : anchors.slice(0, -1);
  }

  #setId(key: string): number {
    const known = this.#setIds.get(key) ?? this.#setIds.size + 1;
    this.#setIds.set(key, known);
    return known;
  }

  #expectedOf(key: string, timescale: Timescale): ExpectedLength {
    let known = this.#expected.get(key);
    if (known === undefined) {
      known = new ExpectedLength(timescale);
      this.#expected.set(key, known);
    }
    return known;
  }
}

/** The newest group before a period that is not told yet. */
function newestOf(tracks: readonly TrackRows[], untold: PeriodAnchor | undefined): number {
  const isTold = (row: SegmentRow): boolean => untold === undefined || row.epoch < untold.epoch || (row.epoch === untold.epoch && row.group < untold.group);
  return Math.max(-1, ...tracks.flatMap(({ rows }) => rows.findLast(isTold)?.group ?? []));
}
