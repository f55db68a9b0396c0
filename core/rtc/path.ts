import { millis, type Millis } from '../media/time.ts';
import type { PeerLink } from './ports/peer-link.ts';

/**
 * A path gives way to any other that is verified when this long nothing came on it. Browsers check a stable pair every 2.5 s and their spare
 * pairs now and then: with less, every spare check would take the media along.
 */
export const SILENT_MILLIS = 5500;

/** Nominations that come this close together are one aggressive nomination of several paths (RFC 5245, 8.1.1.2): the best one wins. */
const AGGRESSIVE_MILLIS = 400;

/** A remote address from which a session's peer has sent a verified request. */
export class Path<Owner> {
  readonly link: PeerLink;
  readonly owner: Owner;
  /** When the last fresh verified request came. */
  verifiedAt: Millis;
  /** When the last USE-CANDIDATE came. */
  nominatedAt: Millis = millis(-Infinity);
  /** PRIORITY of the last request. */
  priority = 0;
  /** The connection has ended: nothing reaches the peer here. */
  isGone = false;

  constructor(link: PeerLink, owner: Owner, now: Millis) {
    this.link = link;
    this.owner = owner;
    this.verifiedAt = now;
  }
}

/** Whether media should move from one path to another on which a verified request has just come. */
export function shouldMove(active: Path<unknown>, other: Path<unknown>, now: Millis): boolean {
  if (active.isGone || now - active.verifiedAt >= SILENT_MILLIS) {
    return true;
  }
  const isNominated = other.nominatedAt === now;
  const isRivalry = now - active.nominatedAt < AGGRESSIVE_MILLIS && active.priority >= other.priority;
  return isNominated && !isRivalry;
}
