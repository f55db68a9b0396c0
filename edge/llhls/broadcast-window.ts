import type { ArchiveHealth, BroadcastInfo, LadderCatalog, StreamName } from '#core/bus/catalog.ts';
import { elapsed, later, millis, type Millis, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';

import type { Steering } from '../elsewhere/steering.ts';
import { playlistPayload, type Payload } from '../http/payload.ts';
import { EventList, type ListedEvent } from './event-list.ts';
import type { RenditionReport, ServerControl } from './media-playlist.ts';
import { multivariantPlaylist, type OfferedRendition } from './multivariant-playlist.ts';
import { Rendition, type FollowState } from './rendition.ts';
import { TrackWindow } from './track-window.ts';
import { WaitList, type Waiter } from './waiting.ts';
import { THREE_TARGET_DURATIONS, type GroupTimes, type WindowSegment } from './window-segment.ts';

/** Groups whose times are remembered, for tracks that lost them. More than any window lists. */
const REMEMBERED_GROUPS = 256;

/** Settings of every broadcast. */
export type BroadcastOptions = {
  /** Media time that playlists list. */
  readonly listed: Millis;
  readonly maxBytesPerTrack: number;
  /** PART-HOLD-BACK in part targets, 2 or more: how far behind the edge players stay. */
  readonly partHoldBack: number;
  /** Who steers players of a stream among edges; undefined where there is one only. */
  readonly steering?: ((stream: StreamName) => Steering | undefined) | undefined;
};

/** Another protocol that serves the same windows: told once per turn in which something changed, after the playlists were answered. */
export interface WindowFace {
  /** Segments, the ladder or the broadcast's state changed. */
  changed(): void;
  /** Answers those who waited too long. */
  expire(now: WallTime): void;
  /** Answers everybody who waits: nothing more will come. */
  dismiss(outcome: 'stopping' | 'gone'): void;
  /** Whether anybody waits for something of a track, or is being sent it as it comes. */
  awaits(track: TrackName): boolean;
}

/** Subscribes to the tracks of a broadcast when they are asked for (ADR 0015). */
export interface WindowFollower {
  /** Begins to subscribe to a track that sleeps; false where there is no room for it. */
  wake(track: TrackName): boolean;
}

/** A broadcast as LL-HLS serves it: its renditions, kept in step, and its multivariant playlist. */
export class BroadcastWindow {
  readonly #options: BroadcastOptions;
  readonly #renditions = new Map<TrackName, Rendition>();
  readonly #times = new Map<number, GroupTimes>();
  readonly #partTargets = new Map<number, Millis>();
  readonly #ladderWaiters = new WaitList<Waiter>();
  readonly #events = new EventList();
  readonly #faces: WindowFace[] = [];
  /** How whoever keeps it on disk does, here or elsewhere; undefined where nobody does. */
  archive: ArchiveHealth | undefined;
  readonly #readyWaiters = new WaitList<Waiter>();
  #follower: WindowFollower | undefined;
  #info: BroadcastInfo;
  #ladder: LadderCatalog | undefined;
  readonly #masters = new Map<'plain' | 'steered', { readonly text: string; readonly payload: Payload }>();
  #independentSegments = true;
  #settling = false;

  constructor(info: BroadcastInfo, options: BroadcastOptions) {
    this.#info = info;
    this.#options = options;
  }

  get info(): BroadcastInfo {
    return this.#info;
  }

  set info(info: BroadcastInfo) {
    this.#info = info;
    this.#changed();
  }

  /** Serves the broadcast over another protocol as well, from now on. */
  attach(face: WindowFace): void {
    this.#faces.push(face);
  }

  /** Who subscribes to its tracks. To be set before the ladder is; without it all tracks are always there. */
  set follower(follower: WindowFollower) {
    this.#follower = follower;
  }

  /** Somebody asks for what needs every track that is offered: as {@link Rendition.want}. */
  wantAll(): 'ready' | 'wait' | 'refused' {
    const states = this.#offeredRenditions().map((rendition) => rendition.want());
    return states.includes('refused') ? 'refused' : states.includes('wait') ? 'wait' : 'ready';
  }

  /** Waits for every track that is offered; the outcome is `arrived`. */
  awaitAll(waiter: Waiter): void {
    this.#readyWaiters.add(waiter);
  }

  /** Whether anybody asked for a track since the last call, or waits for something of it. */
  takeWanted(track: TrackName): boolean {
    const isAwaited = this.#readyWaiters.size > 0 || this.#faces.some((face) => face.awaits(track));
    return this.#renditions.get(track)?.takeWanted() === true || isAwaited;
  }

  /** A track sleeps, is woken or is there. */
  followed(track: TrackName, state: FollowState): void {
    const rendition = this.#renditions.get(track);
    if (rendition !== undefined) {
      rendition.state = state;
      this.#changed();
    }
  }

  get renditions(): ReadonlyMap<TrackName, Rendition> {
    return this.#renditions;
  }

  /** Messages of the groups that any playlist lists, each once. */
  get events(): readonly ListedEvent[] {
    return this.#events.all;
  }

  /** Media time that playlists list. */
  get listed(): Millis {
    return this.#options.listed;
  }

  /** PART-TARGET in force. */
  get partTarget(): Millis {
    return this.#partTarget();
  }

  get ladder(): LadderCatalog | undefined {
    return this.#ladder;
  }

  /** The ladder in force. Renditions that it names get a window; those it no longer names keep theirs, as lost groups. */
  set ladder(ladder: LadderCatalog) {
    this.#ladder = ladder;
    this.#partTargets.set(ladder.epoch, ladder.partTarget);
    for (const { track, faces, config } of ladder.renditions) {
      if (faces.includes('hls') && !this.#renditions.has(track)) {
        this.#renditions.set(track, this.#newRendition(track, config.kind));
      }
    }
    this.#changed();
    this.#ladderWaiters.release(() => 'arrived');
  }

  /** The epoch of a group that any of its tracks has had whole, lately; undefined where none has. */
  epochOf(group: number): number | undefined {
    return this.#times.get(group)?.epoch;
  }

  /** A segment began without a key frame: EXT-X-INDEPENDENT-SEGMENTS would not be true. */
  dependentSegmentSeen(): void {
    this.#independentSegments = false;
  }

  /** Who steers this stream's players among edges now. */
  get steering(): Steering | undefined {
    return this.#options.steering?.(this.#info.stream);
  }

  /** The multivariant playlist; undefined while the ladder is not known or names nothing for HLS. Players of signed URLs are not steered: an edge elsewhere is not signed for. */
  master(isSigned = false): Payload | undefined {
    const offered = this.#offered();
    if (offered.length === 0) {
      return undefined;
    }
    const steering = isSigned ? undefined : this.steering;
    const text = multivariantPlaylist(this.#info.broadcast, offered, this.#independentSegments, { steering });
    const kind = steering === undefined ? 'plain' : 'steered';
    let known = this.#masters.get(kind);
    if (known?.text !== text) {
      known = { text, payload: playlistPayload(text) };
      this.#masters.set(kind, known);
    }
    return known.payload;
  }

  /** Whether the ladder is known, and with it the renditions. */
  get hasLadder(): boolean {
    return this.#ladder !== undefined;
  }

  /** Waits for the ladder; the outcome is `arrived`. */
  awaitLadder(waiter: Waiter): void {
    this.#ladderWaiters.add(waiter);
  }

  /** Answers those who waited three target durations. */
  expire(now: WallTime): void {
    this.#ladderWaiters.expire(now);
    this.#readyWaiters.expire(now);
    for (const rendition of this.#renditions.values()) {
      rendition.expire(now);
    }
    this.#faces.forEach((face) => face.expire(now));
  }

  /** Answers everybody who waits: nothing more will come. */
  dismiss(outcome: 'stopping' | 'gone'): void {
    this.#ladderWaiters.release(() => outcome);
    this.#readyWaiters.release(() => outcome);
    for (const rendition of this.#renditions.values()) {
      rendition.dismiss(outcome);
    }
    this.#faces.forEach((face) => face.dismiss(outcome));
  }

  #newRendition(track: TrackName, kind: 'video' | 'audio'): Rendition {
    const window: TrackWindow = new TrackWindow(track, {
      kind,
      listed: this.#options.listed,
      maxBytes: this.#options.maxBytesPerTrack,
      timesOf: (group) => this.#times.get(group),
      partTarget: () => this.#partTarget(),
      event: (event, segment) => this.#events.add(event, segment),
      changed: () => {
        this.#remember(window);
        this.#changed();
      },
    });
    const follower = this.#follower;
    return new Rendition(window, {
      control: () => this.#control(),
      reports: (except) => this.#reports(except),
      events: this.#events,
      wake: follower && (() => follower.wake(track)),
    });
  }

  /** Answers after the present turn, once for all that happens in it: a burst of frames renders one playlist. */
  #changed(): void {
    if (!this.#settling) {
      this.#settling = true;
      queueMicrotask(() => {
        this.#keepInStep();
        this.#events.forgetBefore(this.#oldestGroup());
        this.#settling = false;
        for (const rendition of this.#renditions.values()) {
          rendition.invalidate();
        }
        for (const rendition of this.#renditions.values()) {
          rendition.release();
        }
        this.#faces.forEach((face) => face.changed());
        this.#releaseReady();
      });
    }
  }

  /** Answers who waits for tracks, now that everything knows what is there of them. */
  #releaseReady(): void {
    for (const rendition of this.#renditions.values()) {
      rendition.releaseReady();
    }
    if (this.#readyWaiters.size > 0 && this.#offeredRenditions().every(({ state }) => state === 'live')) {
      this.#readyWaiters.release(() => 'arrived');
    }
  }

  #offeredRenditions(): Rendition[] {
    return (this.#ladder?.renditions ?? []).flatMap(({ track, faces }) => (faces.includes('hls') ? (this.#renditions.get(track) ?? []) : []));
  }

  #remember(window: TrackWindow): void {
    const complete = window.lastComplete;
    if (complete !== undefined && !complete.gap && !this.#times.has(complete.group)) {
      const { epoch, wallTime, duration } = complete;
      this.#times.set(complete.group, { epoch, wallTime, duration });
      for (const group of this.#times.keys()) {
        if (this.#times.size <= REMEMBERED_GROUPS) {
          break;
        }
        this.#times.delete(group);
      }
    }
  }

  /**
   * Gives up the groups of renditions that do not come any more, so that their playlists never stall: at once where the
   * ladder no longer names them, after three target durations (as long as a request may wait) where it does.
   */
  #keepInStep(): void {
    let newest: WallTime | undefined;
    for (const { wallTime, duration } of this.#times.values()) {
      const end = later(wallTime, duration);
      newest = newest === undefined || end > newest ? end : newest;
    }
    if (newest === undefined) {
      return;
    }
    const named = new Set(this.#ladder?.renditions.map(({ track }) => track));
    const groups = [...this.#times].sort(([a], [b]) => a - b);
    for (const { window, state } of this.#renditions.values()) {
      const last = window.last;
      if (last === undefined || window.ended || state !== 'live') {
        continue;
      }
      const patience = named.has(window.track) ? THREE_TARGET_DURATIONS : millis(0);
      for (const [group, { epoch, wallTime, duration }] of groups) {
        if (group >= last.group && elapsed(later(wallTime, duration), newest) >= patience) {
          window.giveUp(group, epoch);
        }
      }
    }
  }

  #oldestGroup(): number {
    let oldest = Infinity;
    for (const { window } of this.#renditions.values()) {
      oldest = Math.min(oldest, window.first?.group ?? Infinity);
    }
    return Number.isFinite(oldest) ? oldest : -1;
  }

  #offered(): OfferedRendition[] {
    const renditions = this.#ladder?.renditions.filter(({ faces }) => faces.includes('hls')) ?? [];
    return renditions.map((rendition) => ({ ...rendition, config: this.#renditions.get(rendition.track)?.window.newestInit?.trackConfig ?? rendition.config }));
  }

  #control(): ServerControl {
    const partTarget = this.#partTarget();
    return { partTarget, partHoldBack: millis(partTarget * Math.max(2, this.#options.partHoldBack)) };
  }

  /** PART-TARGET over the epochs that any playlist still lists. */
  #partTarget(): Millis {
    let oldest = this.#ladder?.epoch ?? 0;
    for (const { window } of this.#renditions.values()) {
      oldest = Math.min(oldest, window.first?.epoch ?? oldest);
    }
    let longest = millis(0);
    for (const [epoch, partTarget] of this.#partTargets) {
      if (epoch < oldest - 1) {
        // A track that is woken may begin in the epoch before.
        this.#partTargets.delete(epoch);
      } else if (epoch >= oldest && partTarget > longest) {
        longest = partTarget;
      }
    }
    return longest;
  }

  /**
   * Where the other renditions stand. One that nobody watches stands at the last whole group of this one, which it has or is about to have: who switches to it asks for
   * the next one, and so wakes it.
   */
  #reports(except: TrackName): RenditionReport[] {
    const reports: RenditionReport[] = [];
    const shared = lastPartOf(this.#renditions.get(except)?.window.lastComplete);
    for (const { track } of this.#offered()) {
      const rendition = track === except ? undefined : this.#renditions.get(track);
      const report = rendition?.state === 'live' ? rendition.report : rendition && shared;
      if (report !== undefined) {
        reports.push({ uri: `../${track}/index.m3u8`, ...report });
      }
    }
    return reports;
  }
}

function lastPartOf(segment: WindowSegment | undefined): { readonly msn: number; readonly part: number } | undefined {
  return segment === undefined || segment.parts.length === 0 ? undefined : { msn: segment.group, part: segment.parts.length - 1 };
}
