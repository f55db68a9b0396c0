import type { Millis } from '../media/time.ts';
import { PathChecks } from './ice/path-checks.ts';
import type { Judgement } from './ice/ice-lite.ts';
import { parseStun, type StunMessage } from './ice/stun-message.ts';
import { BARE_ERROR_BYTES, writeBindingError, writeBindingSuccess } from './ice/stun-writer.ts';
import type { RtcCounters } from './metrics.ts';
import { Path } from './path.ts';
import { datagramKind } from './ports/demultiplex.ts';
import type { PeerLink } from './ports/peer-link.ts';
import type { Session, SessionPath } from './session.ts';
import type { SessionTable } from './session-table.ts';

/** Answers to requests that were not verified, in a second, to all addresses together. */
const MAX_BARE_ERRORS = 100;
/** An address belongs to its session for this long after the last verified request; within it another session must prove that its peer is there. */
const OWNED_MILLIS = 10_000;

/** Where a packet came from: known addresses are found by `key`; a link is made only for those that a verified request came from. */
export type Origin = {
  readonly key: string;
  readonly link: () => PeerLink;
  /** The address is in use by a session of another thread. */
  readonly isForeign?: boolean;
};

/** What the router works on. */
export type PeerRouterOptions = {
  readonly table: SessionTable;
  readonly counters: RtcCounters;
  /** A verified request came over this address. */
  readonly trusted: (link: PeerLink) => void;
  /** The address has become a session's. */
  readonly adopted: (link: PeerLink) => void;
  /** Begins the transaction ids of checks of our own. Default 0. */
  readonly number?: number;
};

/** Gives each packet of the port to its session, and answers checks. What is not proven ends here. */
export class PeerRouter {
  readonly #options: PeerRouterOptions;
  readonly #checks: PathChecks;
  #second = 0;
  #bareErrors = 0;

  constructor(options: PeerRouterOptions) {
    this.#options = options;
    this.#checks = new PathChecks(options.number);
  }

  /** Takes a packet. `now` is the time of deadlines, `arrival` that of the media. */
  receive(bytes: Buffer, origin: Origin, now: Millis, arrival: Millis): void {
    const { table, counters } = this.#options;
    const kind = datagramKind(bytes);
    if (kind === 'stun') {
      this.#stun(bytes, origin, now);
      return;
    }
    const path = table.path(origin.key);
    if (kind === 'unknown' || path === undefined) {
      counters.dropped[kind === 'unknown' ? 'unknown-protocol' : 'unknown-address'] += 1;
      return;
    }
    path.owner.receive(path, kind, bytes, now, arrival);
  }

  /** Asks the session's peer whether it is at this address, if that has not just been done and came with enough bytes. */
  check(session: Session, path: SessionPath, now: Millis): void {
    if (this.#checks.send(session, path, now)) {
      this.#options.counters.pathChecks += 1;
    }
  }

  forget(session: Session): void {
    this.#checks.forget(session);
  }

  #stun(bytes: Buffer, origin: Origin, now: Millis): void {
    const { counters } = this.#options;
    const message = parseStun(bytes);
    if (message === undefined) {
      counters.dropped['malformed-stun'] += 1;
      return;
    }
    switch (message.class) {
      case 'request':
        this.#request(message, origin, now);
        break;
      case 'success':
      case 'error':
        this.#response(message, origin, now);
        break;
      case 'indication':
        // "No response is generated"; it keeps a NAT's binding and proves nothing.
        break;
    }
  }

  #request(request: StunMessage, origin: Origin, now: Millis): void {
    const { table, counters } = this.#options;
    const known = table.path(origin.key);
    const session = request.username === undefined ? undefined : table.byUsername(request.username);
    if (session === undefined) {
      counters.dropped[request.integrityAt === 0 ? 'unsigned-stun' : 'unknown-ufrag'] += 1;
      this.#refuse(request, known, request.username === undefined ? 400 : 401, now);
      return;
    }
    const judgement = session.ice.judge(request, origin.key);
    switch (judgement.verdict) {
      case 'unsigned':
        counters.dropped['unsigned-stun'] += 1;
        this.#refuse(request, known, 400, now);
        break;
      case 'forged':
        counters.dropped['forged-stun'] += 1;
        this.#refuse(request, known, 401, now);
        break;
      case 'replayed':
        counters.dropped['replayed-stun'] += 1;
        break;
      case 'role-conflict':
        this.#reject(request, writeBindingError(request.transaction, 487, { password: judgement.pwd }), origin);
        break;
      case 'unknown-attributes':
        this.#reject(request, writeBindingError(request.transaction, 420, { password: judgement.pwd, unknown: request.unknown }), origin);
        break;
      case 'accepted':
        this.#accept(request, session, judgement, origin, now);
        break;
    }
  }

  #accept(request: StunMessage, session: Session, { pwd, fresh, retired }: Extract<Judgement, { verdict: 'accepted' }>, origin: Origin, now: Millis): void {
    const { table, trusted } = this.#options;
    const known = table.path(origin.key);
    const link = known?.link ?? origin.link();
    trusted(link);
    if (retired !== undefined) {
      table.removeUfrag(retired);
      session.renewed();
    }
    const isOthers = known === undefined ? origin.isForeign === true : known.owner !== session && now - known.verifiedAt < OWNED_MILLIS;
    const path = isOthers ? (this.#checks.pathTo(session, link.key) ?? new Path(link, session, now)) : known?.owner === session ? known : this.#adopt(session, link, now);
    path.earn(request.bytes.length);
    path.priority = request.priority;
    const answer = writeBindingSuccess(request.transaction, link, pwd);
    // A request may pay for only one, its answer or a check of ours where that is wanted: they take turns. The check has the first, because
    // the answer to it settles everything, this request's too.
    const isAnswered = path.unanswered !== undefined && this.#answer(path, answer);
    if (isOthers) {
      // The address is in use: whoever is there must say that it has become this session's.
      this.check(session, path, now);
    } else {
      if (fresh) {
        path.verifiedAt = now;
      }
      if (request.useCandidate) {
        path.nominatedAt = now;
      }
      session.heard(path, now);
    }
    if (!isAnswered) {
      this.#answer(path, answer);
    }
  }

  /** Answers a request as soon as that is paid for. */
  #answer(path: SessionPath, answer: Uint8Array): boolean {
    const isSent = path.send(answer);
    path.unanswered = isSent ? undefined : answer;
    this.#options.counters.checksAnswered += isSent ? 1 : 0;
    return isSent;
  }

  #response(response: StunMessage, { key }: Origin, now: Millis): void {
    const { table, counters } = this.#options;
    const proven = this.#checks.answer(response, key, now);
    if (proven === undefined) {
      counters.dropped['unexpected-stun'] += 1;
      return;
    }
    const { session, rtt } = proven;
    const known = table.path(key);
    const path = known?.owner === session ? known : this.#adopt(session, proven.path.link, now);
    path.verifiedAt = now;
    path.isProven = true;
    const unanswered = path.unanswered ?? proven.path.unanswered;
    if (unanswered !== undefined) {
      this.#answer(path, unanswered);
    }
    session.moveTo(path, rtt);
  }

  /** Makes an address the session's own, and nobody else's. */
  #adopt(session: Session, link: PeerLink, now: Millis): SessionPath {
    const { table } = this.#options;
    const before = table.path(link.key);
    if (before !== undefined) {
      table.removePath(before);
      before.owner.dropPath(before);
    }
    const path = session.addPath(link, now);
    table.addPath(path);
    this.#options.adopted(link);
    return path;
  }

  /** Answers a verified request that cannot be granted, with no more than it. */
  #reject(request: StunMessage, error: Buffer, origin: Origin): void {
    if (error.length <= request.bytes.length) {
      this.#options.counters.checksRefused += 1;
      origin.link().sendOne(error);
    }
  }

  /**
   * Tells a known address that its request was not verified: perhaps its session ended here. Strangers hear nothing. Never longer
   * than the request, and at a bounded rate.
   */
  #refuse(request: StunMessage, known: SessionPath | undefined, code: 400 | 401, now: Millis): void {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#bareErrors = 0;
    }
    if (known === undefined || request.bytes.length < BARE_ERROR_BYTES || this.#bareErrors >= MAX_BARE_ERRORS) {
      return;
    }
    this.#bareErrors += 1;
    this.#options.counters.checksRefused += 1;
    known.link.sendOne(writeBindingError(request.transaction, code));
  }
}
