import { randomBytes } from 'node:crypto';

import type { Millis } from '../../media/time.ts';
import { millis } from '../../media/time.ts';
import type { SessionPath, Session } from '../session.ts';
import { verifyIntegrity, type StunMessage } from './stun-message.ts';
import { writeBindingRequest } from './stun-writer.ts';

/** A check is repeated with the peer's next requests, and forgotten after this. */
const CHECK_MILLIS = 3000;
/** To one address checks go no faster than a full agent's do ("Ta", RFC 8445, 14.2). */
const PACE_MILLIS = 50;
/** PRIORITY of our checks: that of a peer-reflexive candidate, RFC 8445, 7.1.1. */
const PRIORITY = 110 * 2 ** 24 + 0xffff * 256 + 255;
/** "Lite implementations ... controlled": the tie-breaker never matters. */
const TIE_BREAKER = Buffer.alloc(8);

/** One check of ours that is under way. */
type Check = { readonly session: Session; readonly path: SessionPath; readonly transaction: Buffer; readonly startedAt: Millis; sentAt: Millis };

/**
 * Checks of our own. A lite agent need send none, but a request proves only that its sender knows, or has recorded, what the peer
 * once said: not that the peer is at the address it came from. So before media move they go through the same test that the
 * peer puts us to, as QUIC does with a path (RFC 9000, 8.2): every full agent answers it ("MUST be prepared to receive" checks, RFC
 * 8445, 7.3). Sent only in answer to what came from the address, and of no more bytes, so that nobody can make us talk to a third.
 */
export class PathChecks {
  readonly #number: number;
  readonly #byTransaction = new Map<string, Check>();
  readonly #bySession = new Map<Session, Check>();

  /** `number` begins the transaction ids, so that answers find the thread that asked. */
  constructor(number = 0) {
    this.#number = number;
  }

  /** Sends a check to the path, or repeats the one that is under way there. @returns whether there were the bytes for it. */
  send(session: Session, path: SessionPath, now: Millis): boolean {
    if (now - path.checkedAt < PACE_MILLIS) {
      return false;
    }
    const before = this.#bySession.get(session);
    const isUnderWay = before?.path.link.key === path.link.key && now - before.startedAt < CHECK_MILLIS;
    const check = isUnderWay ? before : { session, path, transaction: this.#transaction(), startedAt: now, sentAt: now };
    const { username, remote } = session.ice;
    // Who sends no PRIORITY (ffmpeg 8.0) looks for none, and has not paid for it.
    const isBare = path.priority === 0 && !path.isProven;
    if (!path.send(writeBindingRequest({ transaction: check.transaction, username, password: remote.pwd, priority: PRIORITY, role: 'controlled', tieBreaker: TIE_BREAKER, isBare }))) {
      return false;
    }
    path.checkedAt = now;
    check.sentAt = now;
    if (!isUnderWay) {
      this.forget(session);
      this.#bySession.set(session, check);
      this.#byTransaction.set(check.transaction.toString('latin1'), check);
    }
    return true;
  }

  /** Where the session's check under way goes, where that is this address. */
  pathTo(session: Session, key: string): SessionPath | undefined {
    const path = this.#bySession.get(session)?.path;
    return path?.link.key === key ? path : undefined;
  }

  /** Takes a response. @returns the path that it proves, with the round trip; undefined where it proves nothing. */
  answer(response: StunMessage, key: string, now: Millis): { readonly session: Session; readonly path: SessionPath; readonly rtt: Millis } | undefined {
    const check = this.#byTransaction.get(response.transaction.toString('latin1'));
    if (check?.path.link.key !== key || response.class !== 'success' || !verifyIntegrity(response, check.session.ice.remote.pwd)) {
      return undefined;
    }
    this.forget(check.session);
    return { session: check.session, path: check.path, rtt: millis(now - check.sentAt) };
  }

  #transaction(): Buffer {
    const transaction = randomBytes(12);
    transaction[0] = this.#number;
    return transaction;
  }

  /** The session has no check under way any more. */
  forget(session: Session): void {
    const check = this.#bySession.get(session);
    if (check !== undefined) {
      this.#bySession.delete(session);
      this.#byTransaction.delete(check.transaction.toString('latin1'));
    }
  }
}
