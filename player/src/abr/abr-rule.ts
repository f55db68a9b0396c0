import type { Millis } from '#core/media/time.ts';

/** A download in progress. */
export type InFlight = {
  /** Since it was asked for. */
  readonly elapsed: Millis;
  readonly loadedBytes: number;
  /** As the part's duration and the rung's bit rate suggest. */
  readonly expectedBytes: number;
};

/** What the rule looks at. */
export type AbrInput = {
  /** Monotonic time. */
  readonly now: Millis;
  /** Media buffered ahead of the playhead. */
  readonly buffer: Millis;
  /** Duration of a part. */
  readonly part: Millis;
  /** Bits per second of each rung on average, sound included, rising. */
  readonly rungs: readonly number[];
  /** The rung now loaded. */
  readonly current: number;
  /** Throughput in bits per second, or undefined while unknown. */
  readonly estimate: number | undefined;
  readonly inFlight?: InFlight | undefined;
};

/** What to do. */
export type AbrDecision = {
  /** The rung to load next, from the next segment on. */
  readonly rung: number;
  /** Do not wait for the next segment: what is being loaded comes too late. */
  readonly urgent: boolean;
  /** Before climbing, find out what the link really carries, and tell {@link AbrRule.probed}. */
  readonly probe: boolean;
};

/** Share of a guess that the first rung may take. */
const startShare = 0.7;

/** Share of the estimate that makes a climb look possible; whether it is, the probe says. */
const hopeShare = 0.9;

/** Share of the probe's throughput that a rung to climb to may take; the rest is for its peaks and for catching up. */
const climbShare = 0.75;

/** And of a rung to fall to: it has to load a segment again from its start while the buffer is low. */
const fallShare = 0.7;

/** A climb has to look possible for this long on end. */
const climbPatience = 1_500;

/** Quiet time after a fall, a climb and a stall before the next climb. */
const calmAfterFall = 6_000;
const calmAfterClimb = 6_000;
const calmAfterStall = 5_000;

/**
 * A download is not given up before it has taken this many parts' time: one late part is no trend. In the first moments
 * of a rung, when a whole segment is loaded at once and nothing is in the buffer yet, it takes more.
 */
const patienceInParts = 1.2;
const patienceAtFirst = 3;
const firstMoments = 1_500;

/** And not while it comes at this share of the rung's bit rate or more: what else is loaded just now takes from it. */
const enoughRate = 0.85;

/** Too little throughput has to last this long while the buffer holds. */
const fallPatience = 700;

/** A probe's answer is good for this long. */
const probeValid = 5_000;

/** The estimate agrees with a probe, or the link has changed since, by this factor. */
const change = 1.5;

/** After a probe that found too little: the next one, each time this much later, up to the limit. */
const firstProbeRest = 9_000;
const probeRestGrowth = 1.2;
const longestProbeRest = 60_000;

/**
 * Chooses the rung from throughput, buffer and the download in progress. With a buffer of two parts it must fall at once when
 * parts come too late, and must not climb on a hunch: parts are small, and a link that lets small bursts pass (a token
 * bucket, an idle radio) looks fast until it is filled. So a climb is confirmed by a probe that fills the link for a moment.
 */
export class AbrRule {
  #climbPossibleSince: number | undefined;
  #tooSlowSince: number | undefined;
  #rungSince: number | undefined;
  #climbsFrom = 0;
  #probesFrom = 0;
  #estimate = 0;
  /** What the last probe found, if the estimate of that time agreed: then the estimate can be believed when it rises. */
  #agreed: number | undefined;
  #probeRest = firstProbeRest;
  #probed: { readonly at: number; readonly throughput: number } | undefined;

  /** The rung to begin with: the highest that a guess of the throughput carries. */
  start(rungs: readonly number[], guess: number): number {
    return highestWithin(rungs, guess * startShare);
  }

  /** Decides; call it whenever a download makes progress or ends, and at least every 100 ms. */
  decide(input: AbrInput): AbrDecision {
    this.#estimate = input.estimate ?? 0;
    const late = this.#comesTooLate(input);
    if (late !== undefined) {
      return { rung: late, urgent: true, probe: false };
    }
    const fall = this.#shouldFall(input);
    if (fall !== undefined) {
      return { rung: fall, urgent: false, probe: false };
    }
    if (!this.#mayClimb(input)) {
      return { rung: input.current, urgent: false, probe: false };
    }
    const confirmed = this.#confirmed(input);
    return { rung: confirmed ?? input.current, urgent: false, probe: confirmed === undefined && this.#mayProbe(input) };
  }

  /** A probe has ended: the throughput of the filled link in bits per second, or undefined when it could not be found. */
  probed(now: Millis, throughput: number | undefined): void {
    this.#probesFrom = now + this.#probeRest;
    if (throughput !== undefined) {
      this.#probed = { at: now, throughput };
      this.#agreed = this.#estimate < throughput * change ? throughput : undefined;
    }
    this.#probeRest = Math.min(this.#probeRest * probeRestGrowth, longestProbeRest);
  }

  /** A decision was carried out. */
  switched(now: Millis, from: number, to: number): void {
    this.#climbPossibleSince = undefined;
    this.#tooSlowSince = undefined;
    this.#probed = undefined;
    this.#rungSince = now;
    this.#climbsFrom = now + (to > from ? calmAfterClimb : calmAfterFall);
    if (to > from) {
      this.#probeRest = firstProbeRest;
      this.#probesFrom = now;
    }
  }

  /** The picture stood still. */
  stalled(now: Millis): void {
    this.#climbPossibleSince = undefined;
    this.#climbsFrom = Math.max(this.#climbsFrom, now + calmAfterStall);
  }

  /** The download in progress will not be there in time, and a lower rung may be. */
  #comesTooLate({ inFlight, current, rungs, buffer, part, estimate, now }: AbrInput): number | undefined {
    this.#rungSince ??= now;
    const patience = now - this.#rungSince < firstMoments ? patienceAtFirst : patienceInParts;
    if (inFlight === undefined || current === 0 || inFlight.elapsed < part * patience) {
      return undefined;
    }
    const rate = (inFlight.loadedBytes * 8_000) / inFlight.elapsed;
    const rest = Math.max(inFlight.expectedBytes - inFlight.loadedBytes, 0);
    const needs = rate > 0 ? (rest * 8_000) / rate : Infinity;
    if (needs <= buffer || rate >= (rungs[current] ?? 0) * enoughRate) {
      return undefined;
    }
    // A download without a byte says nothing of the rate: then a quarter of what was known.
    const carries = Math.max(rate, (estimate ?? 0) / 4);
    return Math.min(highestWithin(rungs, carries * fallShare), current - 1);
  }

  #shouldFall({ estimate, current, rungs, now, buffer, part }: AbrInput): number | undefined {
    if (estimate === undefined || current === 0 || estimate >= (rungs[current] ?? 0)) {
      this.#tooSlowSince = undefined;
      return undefined;
    }
    this.#tooSlowSince ??= now;
    if (now - this.#tooSlowSince < fallPatience && buffer > part) {
      return undefined;
    }
    return Math.min(highestWithin(rungs, estimate * fallShare), current - 1);
  }

  /** A higher rung has looked possible for long enough. */
  #mayClimb({ estimate, current, rungs, now }: AbrInput): boolean {
    if (estimate === undefined || highestWithin(rungs, estimate * hopeShare) <= current) {
      this.#climbPossibleSince = undefined;
      return false;
    }
    this.#climbPossibleSince ??= now;
    return now >= this.#climbsFrom && now - this.#climbPossibleSince >= climbPatience;
  }

  /** Probes rest after one that found too little, unless the link has visibly changed. */
  #mayProbe({ now, estimate = 0 }: AbrInput): boolean {
    return now >= this.#probesFrom || (this.#agreed !== undefined && estimate >= this.#agreed * change);
  }

  /** What a fresh probe allows; undefined when there is none that allows a climb. */
  #confirmed({ now, rungs, current }: AbrInput): number | undefined {
    if (this.#probed === undefined || now - this.#probed.at > probeValid) {
      return undefined;
    }
    const allowed = highestWithin(rungs, this.#probed.throughput * climbShare);
    return allowed > current ? allowed : undefined;
  }
}

/** The highest rung within a bit rate; the lowest when none is. */
function highestWithin(rungs: readonly number[], bitrate: number): number {
  let best = 0;
  for (let i = 1; i < rungs.length; i += 1) {
    if ((rungs[i] ?? Infinity) <= bitrate) {
      best = i;
    }
  }
  return best;
}
