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
  /**
   * The peer reads what is sent here: it has answered a check of ours, or returned the cookie that this address was given. A TCP connection
   * says as much by itself; a datagram says nothing of where it came from.
   */
  isProven: boolean;
  /** When a check of ours last went here. */
  checkedAt: Millis = millis(-Infinity);
  /** The answer to the peer's last request, where there were not the bytes for it. */
  unanswered: Uint8Array | undefined;
  /** Bytes that came from here less those that went here, until it is proven. */
  #credit = 0;

  constructor(link: PeerLink, owner: Owner, now: Millis) {
    this.link = link;
    this.owner = owner;
    this.verifiedAt = now;
    this.isProven = link.protocol === 'tcp';
  }

  /** So many bytes came from here, by what their sender says. */
  earn(bytes: number): void {
    this.#credit += bytes;
  }

  /**
   * Sends a packet. To an address that is not proven no more goes than came from there, so that nobody can have a third flooded by
   * naming it as his own (RFC 9000, 8.1, which allows three times as much). @returns whether it was taken.
   */
  send(bytes: Uint8Array): boolean {
    if (!this.isProven) {
      if (bytes.length > this.#credit) {
        return false;
      }
      this.#credit -= bytes.length;
    }
    return this.link.sendOne(bytes);
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
