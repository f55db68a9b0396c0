import type { Millis } from '../../media/time.ts';

/** Consent, RFC 7675, 5.1, cut from its 30 s: that is eight checks of a browser. */
const CONSENT_MILLIS = 20_000;
/**
 * A path that is silent for longer than two checks of a browser is checked from here, and again so often until something comes. Some
 * publishers send no checks once they are connected (libnice's keepalives are indications), but all answer.
 */
const CHECK_AFTER_MILLIS = 5500;
const CHECK_MILLIS = 2500;

/** One peer's consent to be sent media. */
export class Consent {
  #checkedAt = -Infinity;

  /** What to do at this moment about a path on which the last verified request or answer came at that one: nothing, a check, or to end. */
  judge(verifiedAt: Millis, now: Millis): 'fresh' | 'check' | 'lost' {
    const silence = now - verifiedAt;
    if (silence >= CONSENT_MILLIS) {
      return 'lost';
    }
    if (silence < CHECK_AFTER_MILLIS || now - this.#checkedAt < CHECK_MILLIS) {
      return 'fresh';
    }
    this.#checkedAt = now;
    return 'check';
  }
}
