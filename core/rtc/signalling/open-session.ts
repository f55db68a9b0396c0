import type { StreamName } from '../../bus/catalog.ts';
import { malformed } from '../sdp/errors.ts';
import { writeSdpFragment, type SdpFragment } from '../sdp/fragment.ts';
import type { SessionOffer } from '../sdp/session-offer.ts';
import type { IceCredentials } from '../transport.ts';
import { matches, newEntityTag } from './entity-tag.ts';
import { Refusal } from './refusal.ts';
import type { SignalledSession } from './session-factory.ts';

/** What a PATCH has led to. */
export type PatchResult = { readonly kind: 'trickled' } | { readonly kind: 'restarted'; readonly body: string; readonly entityTag: string };

/** Overlapping PATCH requests of one session: no client needs as many. */
const MAX_WAITING = 8;
const MAX_REMEMBERED = 16;

/** A session that was answered, with its ICE generation: requests that change it are taken one after the other. */
export class OpenSession {
  readonly session: SignalledSession;
  readonly stream: StreamName;
  readonly #media: { readonly kind: string; readonly mid: string };
  /** User fragments of generations before this one. */
  readonly #former: string[] = [];
  #ice: IceCredentials;
  #entityTag = newEntityTag();
  /** The answer to the restart that began this generation. */
  #restarted: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isOver = false;

  constructor(session: SignalledSession, stream: StreamName, offer: SessionOffer) {
    this.session = session;
    this.stream = stream;
    this.#ice = offer.ice;
    const tagged = offer.media.find(({ mid }) => mid === offer.bundle[0]) ?? offer.media.find(({ rejected }) => !rejected);
    this.#media = { kind: tagged?.mediaType ?? 'audio', mid: tagged?.mid ?? '0' };
    void session.closed.then(() => (this.#isOver = true));
  }

  /** Strong, and of this ICE generation (RFC 9725, 4.3.1). */
  get entityTag(): string {
    return this.#entityTag;
  }

  /**
   * Takes a PATCH after those that came before it.
   *
   * @throws {Refusal} 412 where `ifMatch` does not hold, 404 where the session has ended meanwhile, 429 where too many wait.
   * @throws whatever the session's `iceRestart` throws; the session goes on as it was.
   */
  patch(ifMatch: string, fragment: SdpFragment): Promise<PatchResult> {
    if (this.#waiting >= MAX_WAITING) {
      return Promise.reject(new Refusal(429, 'signalling/too-many-requests', `There may be ${MAX_WAITING} PATCH requests at once.`, { retryAfter: 1 }));
    }
    this.#waiting += 1;
    const result = this.#last.then(() => this.#patch(ifMatch, fragment)).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = result.catch(() => {});
    return result;
  }

  async #patch(ifMatch: string, fragment: SdpFragment): Promise<PatchResult> {
    if (this.#isOver) {
      throw new Refusal(404, 'signalling/unknown-session', 'The session has ended.');
    }
    const { ice } = fragment;
    if (!matches(ifMatch, this.#entityTag) || (ice !== undefined && this.#former.includes(ice.ufrag))) {
      throw new Refusal(412, 'signalling/stale', 'The ICE session that this is about has been replaced by a restart.');
    }
    if (ice !== undefined && ice.ufrag !== this.#ice.ufrag) {
      return this.#restart(fragment, ice);
    }
    if (ice !== undefined && ice.pwd !== this.#ice.pwd) {
      throw malformed('An ICE restart changes both a=ice-ufrag and a=ice-pwd.');
    }
    // The same restart again: its answer was lost on the way. With the new tag it would be trickling.
    if (ice !== undefined && ifMatch.trim() === '*' && this.#restarted !== undefined) {
      return { kind: 'restarted', body: this.#restarted, entityTag: this.#entityTag };
    }
    this.session.trickle(fragment);
    return { kind: 'trickled' };
  }

  /** RFC 9725, 4.3.3: new credentials "MUST" be considered an ICE restart. */
  async #restart(fragment: SdpFragment, ice: IceCredentials): Promise<PatchResult> {
    const body = writeSdpFragment(await this.session.iceRestart(fragment), this.#media);
    this.#former.push(this.#ice.ufrag);
    if (this.#former.length > MAX_REMEMBERED) {
      this.#former.shift();
    }
    this.#ice = ice;
    this.#entityTag = newEntityTag();
    this.#restarted = body;
    return { kind: 'restarted', body, entityTag: this.#entityTag };
  }
}
