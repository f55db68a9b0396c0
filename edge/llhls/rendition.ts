import type { Millis, WallTime } from '#core/media/time.ts';
import type { ConfigId, TrackName } from '#core/media/track.ts';

import { playlistPayload, type Payload } from '../http/payload.ts';
import { readiness } from './blocking.ts';
import type { Directives } from './directives.ts';
import type { EventList } from './event-list.ts';
import { mediaPlaylist, type RenditionReport, type ServerControl } from './media-playlist.ts';
import type { TrackWindow } from './track-window.ts';
import { WaitList, type Waiter } from './waiting.ts';

/** A playlist request that waits. */
export type PlaylistWaiter = Waiter & { readonly wantsDelta: boolean };

/** What a rendition needs to know of its broadcast. */
export type RenditionContext = {
  readonly control: () => ServerControl;
  readonly reports: (except: TrackName) => readonly RenditionReport[];
  readonly events: EventList;
  /** Begins to subscribe to the track; false where there is no room for it. Without it somebody always does. */
  readonly wake?: (() => boolean) | undefined;
};

/** Whether anybody subscribes to a track, and has what there was when he began (ADR 0015). */
export type FollowState = 'asleep' | 'filling' | 'live';

type PlaylistQueue = { readonly directives: Directives; readonly list: WaitList<PlaylistWaiter> };
type PartQueue = { readonly group: number; readonly part: number; readonly list: WaitList<Waiter> };

/** One track as LL-HLS serves it: its playlist, rendered once per state, its media, and the requests that wait for either. */
export class Rendition {
  readonly window: TrackWindow;
  readonly #context: RenditionContext;
  readonly #playlistQueues = new Map<string, PlaylistQueue>();
  readonly #partQueues = new Map<string, PartQueue>();
  readonly #readyQueue = new WaitList<Waiter>();
  #state: FollowState;
  #isWanted = false;
  #full: Payload | undefined;
  #delta: Payload | undefined;

  constructor(window: TrackWindow, context: RenditionContext) {
    this.window = window;
    this.#context = context;
    this.#state = context.wake === undefined ? 'live' : 'asleep';
  }

  get state(): FollowState {
    return this.#state;
  }

  /** Set by whoever subscribes. Asleep, it has nothing. */
  set state(state: FollowState) {
    this.#state = state;
    if (state === 'asleep') {
      this.window.clear();
      this.invalidate();
    }
  }

  /** Somebody asks for the track: `ready`, or `wait` until {@link awaitReady} says so; `refused` where there is no room to subscribe. */
  want(): 'ready' | 'wait' | 'refused' {
    this.#isWanted = true;
    if (this.#state === 'live') {
      return 'ready';
    }
    return this.#state === 'filling' || this.#context.wake?.() !== false ? 'wait' : 'refused';
  }

  /** Waits for what there is of the track; the outcome is `arrived`. */
  awaitReady(waiter: Waiter): void {
    this.#readyQueue.add(waiter);
  }

  /** Whether anybody asked for the track since the last call, or waits for something of it. */
  takeWanted(): boolean {
    const isWanted = this.#isWanted || this.#readyQueue.size > 0 || this.#playlistQueues.size > 0 || this.#partQueues.size > 0;
    this.#isWanted = false;
    return isWanted;
  }

  /** Answers who waits for the track to be ready, where it is. */
  releaseReady(): void {
    if (this.#state === 'live' && this.#readyQueue.size > 0) {
      this.#readyQueue.release(() => 'arrived');
    }
  }

  /** Where this rendition stands, as others report it; undefined before it has a part. */
  get report(): { readonly msn: number; readonly part: number } | undefined {
    const { window } = this;
    const { last } = window;
    if (last === undefined || last.parts.length === 0) {
      return undefined;
    }
    if (last.parts.length > 1) {
      return { msn: last.group, part: last.parts.length - 1 };
    }
    // hls.js 1.7 reads LAST-PART=0 as "no value" and asks for a wrong part when it switches; the part before is as good.
    const before = window.segmentOf(last.group - 1);
    return before !== undefined && before.parts.length > 1
      ? { msn: before.group, part: before.parts.length - 1 }
      : { msn: last.group, part: 0 };
  }

  /** The playlist where it can be given now. */
  playlist(directives: Directives): Payload | 'wait' | 'too-far' {
    const ready = readiness(this.window, directives, this.#context.control().partTarget);
    return ready === 'now' ? this.#render(directives.skip) : ready;
  }

  /** Waits for the playlist to reach the place asked for. */
  awaitPlaylist(directives: Directives, waiter: PlaylistWaiter): void {
    const key = `${directives.msn}.${directives.part}`;
    let queue = this.#playlistQueues.get(key);
    if (queue === undefined) {
      queue = { directives, list: new WaitList() };
      this.#playlistQueues.set(key, queue);
    }
    queue.list.add(waiter);
  }

  /** A part's bytes, `wait` for the hinted part, undefined where there is none. */
  part(group: number, part: number): Payload | 'wait' | undefined {
    const segment = this.window.segmentOf(group);
    if (segment !== undefined && part < segment.parts.length) {
      return segment.parts[part]?.media;
    }
    return this.#isHinted(group, part) ? 'wait' : undefined;
  }

  /** A whole segment's bytes; undefined while it grows, where it is lost and where it is too old. */
  segment(group: number): Payload | undefined {
    return this.window.wholeOf(group);
  }

  /** An init segment's bytes. */
  init(config: ConfigId): Payload | undefined {
    return this.window.initPayload(config);
  }

  /** Waits for the hinted part. */
  awaitPart(group: number, part: number, waiter: Waiter): void {
    const key = `${group}.${part}`;
    let queue = this.#partQueues.get(key);
    if (queue === undefined) {
      queue = { group, part, list: new WaitList() };
      this.#partQueues.set(key, queue);
    }
    queue.list.add(waiter);
  }

  /** The window or what is said of the broadcast changed: what was rendered is stale. */
  invalidate(): void {
    this.#full = undefined;
    this.#delta = undefined;
  }

  /** Answers everybody whose place exists now. All who wait for one place share one answer. */
  release(): void {
    for (const [key, { group, part, list }] of this.#partQueues) {
      const found = this.part(group, part);
      if (found !== 'wait') {
        this.#partQueues.delete(key);
        list.release(() => found ?? 'gone');
      }
    }
    const partTarget: Millis = this.#playlistQueues.size > 0 ? this.#context.control().partTarget : (0 as Millis);
    for (const [key, { directives, list }] of this.#playlistQueues) {
      const ready = readiness(this.window, directives, partTarget);
      if (ready !== 'wait') {
        this.#playlistQueues.delete(key);
        list.release((waiter) => (ready === 'now' ? this.#render(waiter.wantsDelta) : 'too-far'));
      }
    }
  }

  /** Answers those who waited three target durations. */
  expire(now: WallTime): void {
    this.#readyQueue.expire(now);
    expireIn(this.#playlistQueues, now);
    expireIn(this.#partQueues, now);
  }

  /** Answers everybody: nothing more will come. */
  dismiss(outcome: 'stopping' | 'gone'): void {
    this.#readyQueue.release(() => outcome);
    for (const queues of [this.#playlistQueues, this.#partQueues]) {
      for (const { list } of queues.values()) {
        list.release(() => outcome);
      }
      queues.clear();
    }
  }

  #isHinted(group: number, part: number): boolean {
    const { last, ended } = this.window;
    if (last === undefined || ended) {
      return false;
    }
    return last.complete ? group === last.group + 1 && part === 0 : group === last.group && part === last.parts.length;
  }

  #render(delta: boolean): Payload {
    if (delta) {
      return (this.#delta ??= this.#make(true));
    }
    return (this.#full ??= this.#make(false));
  }

  #make(delta: boolean): Payload {
    const { control, reports, events } = this.#context;
    return playlistPayload(mediaPlaylist(this.window, control(), reports(this.window.track), delta, events));
  }
}

function expireIn(queues: Map<string, { readonly list: WaitList<Waiter> } | PlaylistQueue>, now: WallTime): void {
  for (const [key, { list }] of queues) {
    list.expire(now);
    if (list.size === 0) {
      queues.delete(key);
    }
  }
}
