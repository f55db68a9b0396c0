import type { Millis, WallTime } from '#core/media/time.ts';
import { elapsed, later, millis } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import type { ConfigId, TrackName } from '#core/media/track.ts';

import type { InitSegment, NextGroup, PackagerEvents, Part, Segment } from '../cmaf/segment.ts';
import { mediaPayload, type Payload } from '../http/payload.ts';
import { TARGET_DURATION, THREE_TARGET_DURATIONS, type GroupTimes, type SegmentTiming, type WindowSegment } from './window-segment.ts';

/** Lost groups in a row that are listed as such; after more the playlist starts at the next group. */
const MAX_LOST_GROUPS = 64;

/**
 * How far before an epoch's start the gap before it claims to lie: further back than any viewer was, who may be a whole
 * window behind when the publisher leaves and comes back at the end of the grace time.
 */
const BRIDGE_REACH = millis(30_000);

/**
 * What the gap before an epoch lasts. hls.js guesses where a playlist lies that has nothing in common with the last one by
 * its mean segment duration: a short gap would place it over what was played already.
 */
const BRIDGE_DURATION = TARGET_DURATION;

/** Options of a {@link TrackWindow}. */
export type WindowOptions = {
  readonly kind: 'video' | 'audio';
  /** Media time that the playlist lists. Does not change the latency of who plays at the live edge. */
  readonly listed: Millis;
  /** Bound of what is kept of one track. The oldest segments go first, listed or not. */
  readonly maxBytes: number;
  /** Tells the times of a group that this track lost, where another track has it. */
  readonly timesOf?: (group: number) => GroupTimes | undefined;
  /** PART-TARGET in force: lost groups are listed as parts of it. */
  readonly partTarget: () => Millis;
  /** Called with each message on a part, before `changed`. */
  readonly event?: (event: TimedEvent, segment: Segment) => void;
  /** Called on each change, in the turn in which it happened. */
  readonly changed?: () => void;
};

/**
 * The window of one track: what its media playlist lists, and for as long again what it listed before. Takes a
 * packager's events; its order and its numbers are those of the frames alone, so that two edges list the same.
 */
export class TrackWindow implements PackagerEvents {
  readonly track: TrackName;
  readonly #options: WindowOptions;
  readonly #inits = new Map<ConfigId, InitSegment>();
  readonly #initPayloads = new WeakMap<InitSegment, Payload>();
  readonly #byGroup = new Map<number, WindowSegment>();
  #segments: WindowSegment[] = [];
  #firstListed = 0;
  #bytes = 0;
  #ended = false;
  #ignored = 0;
  #beginsEpoch = false;
  /** Nothing before this group is listed any more. */
  #floor = 0;

  constructor(track: TrackName, options: WindowOptions) {
    this.track = track;
    this.#options = options;
  }

  /** The segments that the playlist lists, oldest first; the last one may still grow. */
  get listed(): readonly WindowSegment[] {
    return this.#firstListed === 0 ? this.#segments : this.#segments.slice(this.#firstListed);
  }

  get first(): WindowSegment | undefined {
    return this.#segments[this.#firstListed];
  }

  get last(): WindowSegment | undefined {
    return this.#segments.at(-1);
  }

  /** The newest whole (or lost) segment that is listed. */
  get lastComplete(): WindowSegment | undefined {
    const last = this.last;
    if (last === undefined || last.complete) {
      return last;
    }
    return this.#segments.length - 1 > this.#firstListed ? this.#segments.at(-2) : undefined;
  }

  /** True once the broadcast is over: nothing will be added. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Parts that came too late for a group already given up, or out of place. */
  get ignored(): number {
    return this.#ignored;
  }

  /** The segment of a group, listed or only kept. */
  segmentOf(group: number): WindowSegment | undefined {
    return this.#byGroup.get(group);
  }

  /** A whole segment's bytes, put together at the first request: players at the live edge read parts. */
  wholeOf(group: number): Payload | undefined {
    const segment = this.#byGroup.get(group);
    if (segment === undefined || !segment.complete || segment.gap) {
      return undefined;
    }
    if (segment.whole === undefined) {
      const bytes = Buffer.concat(segment.parts.map(({ media }) => media?.bytes ?? new Uint8Array(0)));
      let offset = 0;
      for (const part of segment.parts) {
        // From now on the parts are slices of the whole: nothing is kept twice.
        part.media = mediaPayload(bytes.subarray(offset, (offset += part.media?.bytes.length ?? 0)), this.#options.kind);
      }
      segment.whole = mediaPayload(bytes, this.#options.kind);
    }
    return segment.whole;
  }

  /** An init segment's bytes. */
  initPayload(config: ConfigId): Payload | undefined {
    const init = this.#inits.get(config);
    if (init === undefined) {
      return undefined;
    }
    let payload = this.#initPayloads.get(init);
    if (payload === undefined) {
      payload = mediaPayload(init.bytes, this.#options.kind);
      this.#initPayloads.set(init, payload);
    }
    return payload;
  }

  /** The init segment of the newest frames. */
  get newestInit(): InitSegment | undefined {
    const config = this.#segments.findLast((segment) => segment.config !== undefined)?.config ?? [...this.#inits.keys()].at(-1);
    return config === undefined ? undefined : this.#inits.get(config);
  }

  init(init: InitSegment): void {
    this.#inits.set(init.config, init);
  }

  part(segment: Segment, part: Part): void {
    const open = this.#openFor(segment, part);
    if (open === undefined || part.index !== open.parts.length) {
      this.#ignored++;
      return;
    }
    const media = mediaPayload(part.bytes, this.#options.kind);
    const { index, duration, independent, events } = part;
    open.parts.push({ index, duration, independent, media, ...(events === undefined ? {} : { events }) });
    events?.forEach((event) => this.#options.event?.(event, segment));
    open.timing = timingOf(segment);
    open.duration = (open.duration + part.duration) as Millis;
    open.bytes += part.bytes.byteLength;
    this.#bytes += part.bytes.byteLength;
    this.#evict();
    this.#options.changed?.();
  }

  segment(segment: Segment): void {
    const last = this.last;
    if (last === undefined || last.group !== segment.group || last.complete) {
      return;
    }
    last.duration = segment.duration;
    last.timing = timingOf(segment);
    last.complete = true;
    this.#evict();
    this.#options.changed?.();
  }

  gap(epoch: number, from: number, to: number, next?: NextGroup): void {
    // A window lists 30 groups or fewer: where more are lost, the playlist starts anew.
    for (let group = Math.max(from, to - MAX_LOST_GROUPS); group <= to; group++) {
      this.giveUp(group, epoch, next);
    }
  }

  /**
   * Tells that the first segment, there or to come, begins its epoch: nothing before it will ever be listed. Where
   * another epoch came before it, the playlist starts with the gap between them.
   *
   * hls.js 1.7 that played before the gap looks in the new playlist for what follows its last segment, by date or by
   * discontinuity sequence, and waits for ever where a playlist begins later than that.
   */
  beginsEpoch(): void {
    const first = this.#segments[0];
    if (first === undefined) {
      this.#beginsEpoch = true;
    } else if (first.epoch > 0 && !first.gap) {
      this.#segments.unshift(this.#bridgeTo(first, millis(first.start - BRIDGE_DURATION)));
      this.#options.changed?.();
    }
  }

  /** Empties the window: nobody watches. What comes later begins it anew, not before what it listed first; the newest configuration stays known. */
  clear(): void {
    this.#floor = Math.max(this.#floor, this.first?.group ?? 0);
    this.#segments = [];
    this.#byGroup.clear();
    this.#firstListed = this.#bytes = 0;
    this.#beginsEpoch = false;
    this.#dropInits();
  }

  /** Gives up a group as lost, or its rest. What comes of it later is ignored. */
  giveUp(group: number, epoch: number, next?: NextGroup): void {
    const last = this.last;
    if (last === undefined || this.#ended) {
      return;
    }
    if (last.group === group && !last.complete) {
      this.#giveUpLast(next);
    } else if (group > last.group) {
      this.#giveUpLast(next);
      if (group > last.group + 1) {
        this.#firstListed = this.#segments.length;
      }
      this.#addGap(group, epoch, next);
    } else {
      return;
    }
    this.#evict();
    this.#options.changed?.();
  }

  /** Ends the window. An open segment of which no end was told is given up. Idempotent. */
  end(): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#giveUpLast();
    this.#options.changed?.();
  }

  /** The segment that a part belongs to, opened where it is new; undefined where the part has no place. */
  #openFor(segment: Segment, part: Part): WindowSegment | undefined {
    const last = this.last;
    if (this.#ended) {
      return undefined;
    }
    if (last !== undefined && segment.group <= last.group) {
      return last.group === segment.group && !last.complete && last.epoch === segment.epoch ? last : undefined;
    }
    if (part.index !== 0 || segment.group < this.#floor || (last !== undefined && segment.epoch < last.epoch)) {
      return undefined;
    }
    this.#giveUpLast();
    if (last !== undefined && segment.group > last.group + 1) {
      this.#bridge(last, segment);
    }
    if (last === undefined && this.#beginsEpoch && segment.epoch > 0) {
      this.#segments.push(this.#bridgeTo(segment, millis(0)));
    }
    return this.#add({ group: segment.group, epoch: segment.epoch, config: segment.config, wallTime: segment.wallTime, gap: false });
  }

  /** Numbers between the last segment and a new one: lost groups, or a jump of the numbers at an epoch (ADR 0001). */
  #bridge(last: WindowSegment, next: Segment): void {
    const lost = next.epoch === last.epoch || this.#options.timesOf?.(next.group - 1) !== undefined;
    if (!lost || next.group - last.group > MAX_LOST_GROUPS) {
      this.#firstListed = this.#segments.length;
      if (next.epoch > last.epoch) {
        this.#segments.push(this.#bridgeTo(next, millis(last.start + last.duration)));
      }
      return;
    }
    for (let group = last.group + 1; group < next.group; group++) {
      this.#addGap(group, last.epoch, next);
    }
  }

  /** The gap before an epoch: the last group of the epoch before, whether it was ever given out or not. */
  #bridgeTo(next: Pick<WindowSegment, 'group' | 'epoch' | 'config' | 'wallTime'>, start: Millis): WindowSegment {
    const wallTime = later(next.wallTime, millis(-(this.#options.listed + BRIDGE_REACH)));
    const bridge: WindowSegment = { group: next.group - 1, epoch: next.epoch - 1, config: next.config, wallTime, parts: [], duration: BRIDGE_DURATION, bytes: 0, complete: true, gap: true, start };
    this.#addGapParts(bridge);
    this.#byGroup.set(bridge.group, bridge);
    return bridge;
  }

  #addGap(group: number, epoch: number, next?: NextGroup): void {
    const times = this.#options.timesOf?.(group);
    const last = this.last;
    const wallTime = times?.wallTime ?? (last === undefined ? next?.wallTime : later(last.wallTime, last.duration));
    if (wallTime === undefined) {
      return;
    }
    const gap = this.#add({ group, epoch: times?.epoch ?? epoch, config: last?.config, wallTime, gap: true });
    gap.duration = times?.duration ?? shareOf(wallTime, next, group);
    gap.complete = true;
    this.#addGapParts(gap);
  }

  /** Parts for what is lost of a group, so that a player that counts parts counts on. */
  #addGapParts(segment: WindowSegment): void {
    const target = Math.max(this.#options.partTarget(), 1);
    let rest = segment.duration - segment.parts.reduce((sum, part) => sum + part.duration, 0);
    // A hundredth of a millisecond is the playlist's resolution: less is a rounding error.
    for (; rest > 0.01; rest -= target) {
      segment.parts.push({ index: segment.parts.length, duration: millis(Math.min(rest, target)), independent: false, media: undefined });
    }
  }

  #add(facts: Pick<WindowSegment, 'group' | 'epoch' | 'config' | 'wallTime' | 'gap'>): WindowSegment {
    const last = this.last;
    const start = last === undefined ? millis(0) : millis(last.start + last.duration);
    const segment: WindowSegment = { ...facts, parts: [], duration: millis(0), bytes: 0, complete: false, start };
    this.#segments.push(segment);
    this.#byGroup.set(segment.group, segment);
    return segment;
  }

  /** The open segment, where there is one, is never going to be whole. */
  #giveUpLast(next?: NextGroup): void {
    const last = this.last;
    if (last !== undefined && !last.complete) {
      last.gap = true;
      last.complete = true;
      const known = this.#options.timesOf?.(last.group)?.duration ?? (next === undefined ? 0 : shareOf(last.wallTime, next, last.group));
      last.duration = millis(Math.max(last.duration, known));
      this.#addGapParts(last);
    }
  }

  /**
   * Takes segments off the list, then out of memory. rfc8216bis, 6.2.2: "The server MUST NOT remove a Media Segment from
   * a Playlist file ... if that would produce a Playlist whose duration is less than three times the Target Duration",
   * and a removed one stays available for as long as the longest playlist that listed it.
   */
  #evict(): void {
    const last = this.last;
    if (last === undefined) {
      return;
    }
    const edge = last.start + last.duration;
    const { listed, maxBytes } = this.#options;
    for (let next = this.#segments[this.#firstListed + 1]; next !== undefined && edge - next.start >= listed; next = this.#segments[this.#firstListed + 1]) {
      this.#firstListed++;
    }
    let drop = 0;
    const kept = 2 * listed + TARGET_DURATION;
    for (let bytes = this.#bytes; drop < this.#segments.length - 1; drop++) {
      const segment = this.#segments[drop] as WindowSegment;
      const unlisted = drop < this.#firstListed;
      const old = unlisted && edge - (segment.start + segment.duration) > kept;
      const heavy = bytes > maxBytes && (unlisted || edge - (segment.start + segment.duration) > THREE_TARGET_DURATIONS);
      if (!old && !heavy) {
        break;
      }
      bytes -= segment.bytes;
      this.#bytes = bytes;
      this.#byGroup.delete(segment.group);
    }
    if (drop > 0) {
      this.#segments = this.#segments.slice(drop);
      this.#firstListed = Math.max(0, this.#firstListed - drop);
      this.#dropInits();
    }
  }

  #dropInits(): void {
    const used = new Set(this.#segments.map((segment) => segment.config));
    const newest = [...this.#inits.keys()].at(-1);
    for (const config of this.#inits.keys()) {
      if (!used.has(config) && config !== newest) {
        this.#inits.delete(config);
      }
    }
  }
}

function timingOf({ timescale, pts, dts, ticks }: Segment): SegmentTiming {
  return { timescale, pts, dts, ticks };
}

/** The duration of a lost group that no track has: its share of the time until the next segment, a second where unknown. */
function shareOf(wallTime: WallTime, next: NextGroup | undefined, group: number): Millis {
  const share = next === undefined ? 0 : elapsed(wallTime, next.wallTime) / (next.group - group);
  return share > 0 && share <= TARGET_DURATION ? millis(share) : millis(1000);
}
