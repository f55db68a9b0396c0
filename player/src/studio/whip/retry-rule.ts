import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';
import { WhipRefusal } from './whip-refusal.ts';

/** Why there is no session just now. */
export type Trouble = {
  /** The server's code, or `studio/...`; see words.ts. */
  readonly code: string;
  readonly message: string;
};

/** What is known when an attempt has failed. */
export type Attempts = {
  /** It has been live since the start. */
  readonly wasLive: boolean;
  /** Since the start, or since it was live last. */
  readonly troubledFor: Millis;
};

/**
 * For so long a stream that is live already is asked for again. At the start: a session that was left without a word (a
 * crashed tab) keeps its stream for two seconds. Later: our own lost session does, until the server has noticed.
 */
const busyPatience = { atFirst: 5_000, later: 60_000 } as const;

/** Statuses that say "not now" (RFC 9725, 4.7; RFC 6585; a proxy whose server is being started again). */
const passing: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** An error as trouble. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof WhipRefusal) {
    return { code: error.code, message: error.message };
  }
  return { code: 'studio/unreachable', message: error instanceof Error ? error.message : String(error) };
}

/**
 * Whether an attempt that failed so is made again, and the least wait before it. Before it was live, a person sits there and
 * can mend what is wrong; once it was, the stream comes back by itself whenever it can.
 */
export function retryAfter(error: unknown, { wasLive, troubledFor }: Attempts): Millis | undefined {
  if (!(error instanceof WhipRefusal)) {
    return error instanceof TypeError ? (wasLive || troubledFor < 10_000 ? millis(0) : undefined) : undefined;
  }
  if (error.status === 409) {
    return troubledFor < (wasLive ? busyPatience.later : busyPatience.atFirst) ? (error.retryAfter ?? millis(0)) : undefined;
  }
  if (passing.has(error.status) && error.code !== 'publish/too-many-attempts') {
    return error.retryAfter ?? millis(0);
  }
  // A server that is being started again has not got all of it yet.
  const returns = error.status === 404 || error.status === 500 || error.code === 'studio/blocked';
  return wasLive && returns ? millis(0) : undefined;
}
