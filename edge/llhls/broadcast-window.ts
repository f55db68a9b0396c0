import type { BroadcastInfo, LadderCatalog } from '#core/bus/catalog.ts';
import { elapsed, later, millis, type Millis, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';

import { playlistPayload, type Payload } from '../http/payload.ts';
import { EventList, type ListedEvent } from './event-list.ts';
import type { RenditionReport, ServerControl } from './media-playlist.ts';
import { multivariantPlaylist, type OfferedRendition } from './multivariant-playlist.ts';
import { Rendition } from './rendition.ts';
import { TrackWindow } from './track-window.ts';
import { WaitList, type Waiter } from './waiting.ts';
import { THREE_TARGET_DURATIONS, type GroupTimes } from './window-segment.ts';

/** Groups whose times are remembered, for tracks that lost them. More than any window lists. */
const REMEMBERED_GROUPS = 256;

/** Settings of every broadcast. */
export type BroadcastOptions = {
  /** Media time that playlists list. */
  readonly listed: Millis;
  readonly maxBytesPerTrack: number;
  /** PART-HOLD-BACK in part targets, 2 or more: how far behind the edge players stay. */
  readonly partHoldBack: number;
};

/** Another protocol that serves the same windows: told once per turn in which something changed, after the playlists were answered. */
export interface WindowFace {
  /** Segments, the ladder or the broadcast's state changed. */
  changed(): void;
  /** Answers those who waited too long. */
  expire(now: WallTime): void;
  /** Answers everybody who waits: nothing more will come. */
  dismiss(outcome: 'stopping' | 'gone'): void;
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
  #info: BroadcastInfo;
  #ladder: LadderCatalog | undefined;
  #master: { readonly text: string; readonly payload: Payload } | undefined;
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

  /** A segment began without a key frame: EXT-X-INDEPENDENT-SEGMENTS would not be true. */
  dependentSegmentSeen(): void {
    this.#independentSegments = false;
  }

  /** The multivariant playlist; undefined while the ladder is not known or names nothing for HLS. */
  master(): Payload | undefined {
    const offered = this.#offered();
    if (offered.length === 0) {
      return undefined;
    }
    const text = multivariantPlaylist(this.#info.broadcast, offered, this.#independentSegments);
    if (this.#master?.text !== text) {
      this.#master = { text, payload: playlistPayload(text) };
    }
    return this.#master.payload;
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
    for (const rendition of this.#renditions.values()) {
      rendition.expire(now);
    }
    this.#faces.forEach((face) => face.expire(now));
  }

  /** Answers everybody who waits: nothing more will come. */
  dismiss(outcome: 'stopping' | 'gone'): void {
    this.#ladderWaiters.release(() => outcome);
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
    return new Rendition(window, { control: () => this.#control(), reports: (except) => this.#reports(except), events: this.#events });
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
      });
    }
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
    for (const { window } of this.#renditions.values()) {
      const last = window.last;
      if (last === undefined || window.ended) {
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
      if (epoch < oldest) {
        this.#partTargets.delete(epoch);
      } else if (partTarget > longest) {
        longest = partTarget;
      }
    }
    return longest;
  }

  #reports(except: TrackName): RenditionReport[] {
    const reports: RenditionReport[] = [];
    for (const { track } of this.#offered()) {
      const report = track === except ? undefined : this.#renditions.get(track)?.report;
      if (report !== undefined) {
        reports.push({ uri: `../${track}/index.m3u8`, ...report });
      }
    }
    return reports;
  }
}
