import { millis, wallTime } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';
import type { StreamFacts } from '../api/streams.ts';
import type { EngineFailure, EngineKind } from '../engine/engine.ts';
import { canRewind, openRewind } from '../engine/hls/rewind-way.ts';
import type { SeekableEngine } from '../engine/seekable.ts';
import type { EngineSeat } from './engine-seat.ts';
import type { Playhead } from './playhead.ts';
import type { PlaybackMonitor } from './playback-monitor.ts';
import { RewindOffer } from './rewind-offer.ts';
import type { RewindReading } from './rewind-offer.ts';
import type { WayFinder } from './way-finder.ts';

/** Options of {@link TimeShift}. */
export type TimeShiftOptions = {
  readonly video: HTMLVideoElement;
  /** The multivariant playlist of the rewind window, and of a recording. */
  readonly url: string;
  readonly recordingUrl: (id: string) => string;
  readonly seat: EngineSeat;
  readonly ways: WayFinder;
  readonly monitor: PlaybackMonitor;
  readonly playhead: Playhead;
  /** The server's clock. */
  readonly now: () => WallTime;
  /** An engine has begun; it may have to be told to play. */
  readonly begun: () => void;
};

/**
 * Nearer to the live edge than this, what is kept does not reach: three segments of 2 s (HOLD-BACK of RFC 8216bis) are what plain HLS
 * needs to play without a hitch.
 */
const nearest = 6_000;

/** As near to the live edge as this, the live edge is meant. */
const meansLive = 2_000;

/** The beginning of what is kept may be about to go. */
const windowMargin = 6_000;

/** A pause this short is none: the low-latency way catches up by itself. */
const noPause = 1_500;

/** Standing for this long at the end of what is kept, all of it has been seen: it goes on live. */
const seenAfter = 700;

/** The end of what is kept, seen from behind. */
const atEnd = 1_500;

/** Attempts without a picture, after which it goes on live. */
const mostAttempts = 3;

/** While what is kept is shown. */
type Shifted = {
  engine: SeekableEngine | undefined;
  /** The way to return to. */
  readonly from: EngineKind | undefined;
  /** Where the viewer is. */
  at: WallTime;
  /** Without a picture. */
  attempts: number;
  /** The oldest instant, and the recording that goes on being there when the broadcast is over. */
  readonly oldest: WallTime;
  readonly recording: string | undefined;
  /** The broadcast is over. */
  isOver: boolean;
  /** What is shown is the recording. */
  isRecording: boolean;
};

/** Takes the viewer back in a broadcast that goes on, and returns to the way that played before. */
export class TimeShift {
  readonly #options: TimeShiftOptions;
  readonly #offer = new RewindOffer();
  #shifted: Shifted | undefined;
  /** Where the viewer was sent within what is loaded: an element that seeks does not say where it is. */
  #sought: WallTime | undefined;
  #paused: { readonly at: WallTime; readonly since: number } | undefined;
  /** The end of what is kept was reached, while nothing came any more. */
  #ranDry = false;

  constructor(options: TimeShiftOptions) {
    this.#options = options;
  }

  /** What is shown comes from what is kept. */
  get active(): boolean {
    return this.#shifted !== undefined;
  }

  /** What the API tells of the stream. */
  tell(facts: StreamFacts | undefined): void {
    this.#offer.tell(facts, this.#options.now());
    if (this.#shifted !== undefined) {
      this.#shifted.isOver ||= this.#offer.state === 'none';
    }
  }

  get reading(): RewindReading {
    const { now, monitor } = this.#options;
    const shifted = this.#shifted;
    const at = this.#shownAt() ?? this.#paused?.at ?? (monitor.following ? undefined : this.#liveAt());
    const behind = at === undefined ? 0 : now() - at;
    const isOver = shifted?.isOver === true;
    // While the publisher is gone, what is kept does not grow, but goes on being there.
    const from = isOver ? shifted.oldest : shifted?.engine?.window()?.from;
    const window = millis(Math.max(this.#offer.reach(now()), from === undefined ? 0 : now() - from));
    return { state: isOver ? 'on' : this.#offer.state, window, behind: millis(Math.max(behind, 0)), active: this.active };
  }

  /** Goes so far forward, or back where it is negative. */
  seekBy(by: number): void {
    const at = this.#shownAt() ?? this.#paused?.at ?? this.#liveAt();
    if (at === undefined || (this.#offer.state !== 'on' && !this.active)) {
      this.#options.playhead.seekBy(by / 1_000, this.#options.seat.engine);
      return;
    }
    this.seekTo(wallTime(at + by));
  }

  /** Goes to an instant: within what is loaded, into what is kept, or to the live edge where it is that near. */
  seekTo(at: WallTime): void {
    const { now, seat, playhead } = this.#options;
    if (at > now() - (this.active ? nearest : meansLive)) {
      this.goLive();
      return;
    }
    const shownAt = this.#liveAt();
    const to = wallTime(Math.max(at, Math.min(this.#oldest(), now() - nearest)));
    if (!this.active && shownAt !== undefined && playhead.reaches(millis(to - shownAt))) {
      playhead.seekBy((to - shownAt) / 1_000, seat.engine);
      this.#sought = to;
      this.#paused &&= { ...this.#paused, at: to };
    } else if (this.#offer.state === 'on' || this.active) {
      this.#show(wallTime(Math.min(to, now() - nearest)));
    }
  }

  /** Goes to the live edge and stays there: the way that played before comes again. */
  goLive(): void {
    const { seat, ways, playhead } = this.#options;
    const shifted = this.#shifted;
    this.#paused = undefined;
    this.#sought = undefined;
    if (shifted === undefined) {
      playhead.goLive(seat.engine);
      return;
    }
    this.leave();
    ways.resume(shifted.from, 'live again');
  }

  /** Forgets about the past: what comes next is live. */
  leave(): void {
    this.#shifted = undefined;
    this.#sought = undefined;
    this.#paused = undefined;
    this.#ranDry = false;
  }

  /** The viewer pauses. */
  pause(): void {
    const at = this.#shownAt() ?? this.#liveAt();
    this.#paused ??= at === undefined ? undefined : { at, since: performance.now() };
  }

  /** The viewer goes on: where it was paused, if there is rewind and it was more than a moment; else live. */
  play(): void {
    const { now, monitor } = this.#options;
    const paused = this.#paused;
    this.#paused = undefined;
    if (paused === undefined || this.#offer.state !== 'on' || performance.now() - paused.since < noPause) {
      if (!this.active) {
        this.goLive();
      }
      return;
    }
    const oldest = this.#oldest();
    if (this.active) {
      if (paused.at < oldest) {
        this.seekTo(oldest);
      }
      return;
    }
    const { latency = 0, buffer } = monitor.reading;
    const isLoaded = buffer > 0 && latency - buffer < nearest;
    if (isLoaded) {
      // What was loaded meanwhile reaches to where the rest comes from.
      monitor.following = false;
    } else if (now() - paused.at < nearest) {
      this.goLive();
    } else {
      this.#show(wallTime(Math.max(paused.at, oldest)));
    }
  }

  /** Begins anew where the viewer was, with another engine. False where what is live is to be shown. */
  again(): boolean {
    const shifted = this.#shifted;
    if (shifted === undefined) {
      return false;
    }
    shifted.attempts += 1;
    if (shifted.attempts >= mostAttempts || (shifted.isOver && !this.#takeRecording())) {
      this.leave();
      return false;
    }
    this.#give(shifted.at, 'once more');
    return true;
  }

  /** What is kept cannot be had. True where it goes on at once, live or in the recording; false where it is worth another attempt, or there is nothing on air. */
  failed({ kind }: EngineFailure): boolean {
    const shifted = this.#shifted;
    if (shifted === undefined || kind === 'network') {
      return false;
    }
    if (kind !== 'offline' && kind !== 'unknown-stream') {
      this.goLive();
      return true;
    }
    if (!shifted.isRecording && this.#takeRecording()) {
      this.#give(shifted.at, 'the broadcast is over');
      return true;
    }
    this.leave();
    return false;
  }

  /** Looks where the viewer is; call it a few times a second. */
  look(): void {
    const shifted = this.#shifted;
    const { monitor } = this.#options;
    const at = this.#shownAt();
    if (shifted === undefined || at === undefined || !monitor.shows) {
      return;
    }
    shifted.at = at;
    const end = shifted.engine?.window()?.to;
    if (monitor.moves) {
      shifted.attempts = 0;
      if (this.#ranDry) {
        // The publisher has returned: live is what they have sent since.
        this.goLive();
      }
    } else if (end !== undefined && end - at < atEnd && monitor.standing > seenAfter) {
      this.#ranDry = true;
      if (!this.#offer.isInterrupted && !shifted.isOver) {
        // Nothing more is kept, and there is more to see.
        this.goLive();
      }
    }
  }

  /** What is shown of what is kept, or is about to be; undefined while that is live. */
  #shownAt(): WallTime | undefined {
    const { video, monitor } = this.#options;
    const shown = video.seeking || !monitor.shows ? undefined : this.#shifted?.engine?.shownAt();
    return shown ?? this.#shifted?.at;
  }

  /** What the low-latency way shows, or is about to. */
  #liveAt(): WallTime | undefined {
    const { video, seat } = this.#options;
    const shown = seat.engine?.shownAt();
    return this.#sought !== undefined && (video.seeking || shown === undefined) ? this.#sought : shown;
  }

  #oldest(): WallTime {
    const told = this.#offer.oldest(this.#options.now());
    if (this.#shifted?.isOver === true) {
      return this.#shifted.oldest;
    }
    const from = this.#shifted?.engine?.window()?.from;
    return from === undefined ? told : wallTime(Math.min(told, from + windowMargin));
  }

  #show(at: WallTime): void {
    this.#sought = undefined;
    this.#paused &&= { ...this.#paused, at };
    const { seat, ways, video } = this.#options;
    if (this.#shifted !== undefined) {
      this.#shifted.at = at;
      this.#shifted.engine?.seekTo({ at });
    } else if (canRewind(video)) {
      const { recording } = this.#offer;
      const oldest = this.#oldest();
      this.#shifted = { engine: undefined, from: seat.engine?.kind, at, attempts: 0, oldest, recording, isOver: false, isRecording: false };
      ways.leave();
      this.#give(at, 'went back');
    }
  }

  /** The broadcast is over: what was recorded of it goes on being there. False where nothing was. */
  #takeRecording(): boolean {
    if (this.#shifted?.recording === undefined) {
      return false;
    }
    this.#shifted.isOver = true;
    this.#shifted.isRecording = true;
    return true;
  }

  #give(at: WallTime, because: string): void {
    const { seat, begun, recordingUrl } = this.#options;
    const { recording, isRecording = false } = this.#shifted ?? {};
    const url = isRecording && recording !== undefined ? recordingUrl(recording) : this.#options.url;
    const make = (options: Parameters<typeof openRewind>[0]): SeekableEngine => {
      const engine = openRewind(options, { kind: 'rewind', url, begin: { at } });
      if (this.#shifted !== undefined) {
        this.#shifted.engine = engine;
      }
      return engine;
    };
    seat.give({ kind: 'rewind', make }, because);
    begun();
  }
}
