import type { Rendition } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { millis, type Millis } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';

import { describeLayers, type Layer, type LayerWish } from './layers.ts';
import { demandAbove, RungChoice, type RungNeed } from './rung-choice.ts';
import { withinBounds } from './rungs.ts';
import type { PathRung, SwitchManner, VideoPath } from './video-path.ts';

/** A rung whose next frame does not come for so long has stopped: shed, or its encoder is gone. */
const STOPPED = millis(1500);

/** An encoded rung that was wished for must have come within this time: a group of the longest length, and what an encoder lags. */
const MAX_PENDING = millis(3500);

/** The source's own key frames may be further apart: 8 s by OBS's default. */
const MAX_PENDING_SOURCE = millis(12_000);

/** A rung that did not come is not tried again for so long. */
const SILENCE = millis(5000);

/** What a decision rests on. */
export type PilotInput = {
  readonly now: Millis;
  readonly estimate: number;
  readonly queueDelay: Millis;
  /** The publisher is sending. */
  readonly live: boolean;
};

/** Steers a viewer's path: by the estimate, by what the ladder offers, by what the viewer wishes. */
export class RungPilot {
  readonly #path: VideoPath;
  readonly #choice = new RungChoice();
  readonly #silentUntil = new Map<TrackName, Millis>();
  #broadcast: BroadcastId | undefined;
  #rungs: readonly Rendition[] = [];
  #wish: LayerWish = {};
  #reserved = 0;
  /** When the path was sent to the rung that is to come. */
  #pendingSince: Millis | undefined;
  #newest: { readonly end: number; readonly at: Millis } | undefined;

  constructor(path: VideoPath) {
    this.#path = path;
  }

  /** What the event `layers` says. */
  describe(now: Millis): readonly Layer[] {
    const silent = (track: TrackName): boolean => this.#isSilent(track, now);
    return describeLayers(this.#rungs, { current: this.#path.current?.track, selected: this.#wish.track, silent });
  }

  /** A rung by its track, while the ladder has it. */
  rendition(track: TrackName): Rendition | undefined {
    return this.#rungs.find((rung) => rung.track === track);
  }

  /** What the broadcast offers this viewer, best first. */
  follow(broadcast: BroadcastId, rungs: readonly Rendition[]): void {
    if (broadcast !== this.#broadcast) {
      this.#silentUntil.clear();
      this.#broadcast = broadcast;
    }
    this.#rungs = rungs;
  }

  /** Keeps so many bits per second free: the sound's. */
  reserve(bitsPerSecond: number): void {
    this.#reserved = bitsPerSecond;
  }

  /** Takes a wish; false where there is no such rung. */
  wish(wish: LayerWish, now: Millis): boolean {
    if (wish.track !== undefined && !this.#rungs.some(({ track }) => track === wish.track)) {
      return false;
    }
    this.#wish = wish;
    const rung = this.#rungs.find(({ track }) => track === wish.track);
    if (rung !== undefined && this.#path.current !== undefined) {
      this.#choice.wentUp(now);
      this.#go(rung, 'at-shared-idr', now);
    }
    return true;
  }

  /** The path gave a rung up that it was sent to. */
  abandoned(track: TrackName, now: Millis): void {
    this.#silentUntil.set(track, millis(now + SILENCE));
  }

  /** Sends the path to another rung where that is due. Gives what the path should be found to carry, in bits per second; 0 for no more than now. */
  decide({ now, estimate, queueDelay, live }: PilotInput): { readonly demand: number } {
    this.#lookAfterPending(now);
    const rungs = this.#allowed(now, live);
    if (rungs.length === 0 || this.#broadcast === undefined) {
      return { demand: 0 };
    }
    const needs = rungs.map((rung) => this.#needOf(rung));
    const sent = this.#indexOf(this.#path.current, rungs);
    const current = this.#indexOf(this.#path.pending, rungs) ?? sent;
    const input = { now, rungs: needs, current, sent, estimate, queueDelay };
    const choice = this.#choice.choose(input);
    const rung = choice && rungs[choice.index];
    if (choice !== undefined && rung !== undefined) {
      // A rung that the ladder dropped, or that has stopped, is followed by one that goes on where it ended.
      const goesOn = current === undefined && this.#path.current?.broadcast === this.#broadcast;
      this.#go(rung, goesOn ? 'at-shared-idr' : choice.manner, now);
      if (this.#path.current?.broadcast !== this.#broadcast) {
        this.#beginWithAny(rungs, rung, now);
      }
    }
    return { demand: choice === undefined && this.#choice.mayProbe(input) ? demandAbove(needs, current) : 0 };
  }

  /** The rung that was chosen has nothing yet, as one whose encoder just starts: until it has, the next one below, or else above, that has. */
  #beginWithAny(rungs: readonly Rendition[], chosen: Rendition, now: Millis): void {
    const at = rungs.indexOf(chosen);
    for (const other of [...rungs.slice(at + 1), ...rungs.slice(0, at).reverse()]) {
      this.#go(other, 'at-once', now);
      if (this.#path.current?.broadcast === this.#broadcast) {
        this.#go(chosen, 'at-shared-idr', now);
        return;
      }
    }
    this.#go(chosen, 'at-once', now);
  }

  #go(rung: Rendition, manner: SwitchManner, now: Millis): void {
    if (this.#broadcast !== undefined) {
      this.#path.go({ broadcast: this.#broadcast, track: rung.track, encoded: rung.mode === 'encoded' }, manner);
      this.#pendingSince = this.#path.pending === undefined ? undefined : now;
    }
  }

  #lookAfterPending(now: Millis): void {
    const { pending, current } = this.#path;
    if (pending === undefined) {
      this.#pendingSince = undefined;
    } else if (this.#pendingSince !== undefined && now - this.#pendingSince > (pending.encoded ? MAX_PENDING : MAX_PENDING_SOURCE) && current !== undefined) {
      this.#path.cancel();
      this.abandoned(pending.track, now);
    }
    const end = this.#path.sent;
    if (this.#newest?.end !== end) {
      this.#newest = { end, at: now };
    }
  }

  /** The rungs that may be chosen, best first: not above what was chosen by hand, within the bounds, and giving something. */
  #allowed(now: Millis, live: boolean): readonly Rendition[] {
    const { current } = this.#path;
    if (live && current !== undefined && this.#rungs.length > 1 && this.#newest !== undefined && now - this.#newest.at > STOPPED) {
      this.#silentUntil.set(current.track, millis(now + SILENCE));
    }
    const chosen = this.#rungs.findIndex(({ track }) => track === this.#wish.track);
    const bounded = withinBounds(chosen < 0 ? this.#rungs : this.#rungs.slice(chosen), this.#wish);
    const heard = bounded.filter(({ track }) => !this.#isSilent(track, now));
    return heard.length > 0 ? heard : bounded;
  }

  #isSilent(track: TrackName, now: Millis): boolean {
    return now < (this.#silentUntil.get(track) ?? 0);
  }

  #indexOf(at: PathRung | undefined, rungs: readonly Rendition[]): number | undefined {
    const index = at?.broadcast === this.#broadcast ? rungs.findIndex(({ track }) => track === at?.track) : -1;
    return index < 0 ? undefined : index;
  }

  #needOf({ track, averageBandwidth }: Rendition): RungNeed {
    const measured = this.#path.current?.track === track ? this.#path.bitrate : undefined;
    return { planned: Math.max(averageBandwidth, measured ?? 0) + this.#reserved, actual: (measured ?? averageBandwidth) + this.#reserved };
  }
}
