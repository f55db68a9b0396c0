import type { IceCredentials } from '../transport.ts';
import { createCredentials } from './credentials.ts';
import { verifyIntegrity, type StunMessage } from './stun-message.ts';
import { TransactionMemory } from './transaction-memory.ts';

/** Credentials of both sides that belong together: between two restarts there is one such pair. */
type Generation = { readonly local: IceCredentials; readonly remote: IceCredentials; used: boolean };

/** What is to be done with a request. `pwd` signs the answer. */
export type Judgement =
  /** Verified. `fresh`: never seen before. `retired`: the credentials that this request, made with newer ones, ended. */
  | { readonly verdict: 'accepted'; readonly pwd: string; readonly fresh: boolean; readonly retired: IceCredentials | undefined }
  /** The peer believes to be controlled, RFC 8445, 7.3.1.1. */
  | { readonly verdict: 'role-conflict' | 'unknown-attributes'; readonly pwd: string }
  /** Recorded somewhere and sent again from another address. */
  | { readonly verdict: 'replayed' }
  /** MESSAGE-INTEGRITY is missing, or wrong, or the user name is not this peer's. */
  | { readonly verdict: 'unsigned' | 'forged' };

/** One session's lite agent, RFC 8445, 2.5: it answers checks and believes none that it has not verified. Without sockets or clocks. */
export class IceLite {
  readonly #memory = new TransactionMemory();
  readonly #prefix: string;
  #current: Generation;
  #previous: Generation | undefined;

  /** `prefix` begins every user fragment of this side. */
  constructor(remote: IceCredentials, prefix = '') {
    this.#prefix = prefix;
    this.#current = { local: createCredentials(prefix), remote, used: false };
  }

  /** The newest credentials of this side. */
  get local(): IceCredentials {
    return this.#current.local;
  }

  /** User fragments of this side that are valid. */
  get ufrags(): readonly string[] {
    return [this.#current, ...(this.#previous === undefined ? [] : [this.#previous])].map(({ local }) => local.ufrag);
  }

  /** The peer's credentials as last used, to sign checks of our own with. */
  get remote(): IceCredentials {
    return this.#generation().remote;
  }

  /** `<peer's ufrag>:<our ufrag>`, the user name of checks of our own. */
  get username(): string {
    const { local, remote } = this.#generation();
    return `${remote.ufrag}:${local.ufrag}`;
  }

  /**
   * ICE restart, RFC 8445, 9: the old credentials hold until the new ones are used.
   *
   * @returns credentials that hold no longer: given out by an earlier restart and never used.
   */
  restart(remote: IceCredentials): IceCredentials | undefined {
    const unused = this.#current.used || this.#previous === undefined ? undefined : this.#current.local;
    this.#previous = unused === undefined ? this.#current : this.#previous;
    this.#current = { local: createCredentials(this.#prefix), remote, used: false };
    return unused;
  }

  /** Judges a request whose user name begins with one of this session's user fragments. `origin` names the address it came from. */
  judge(request: StunMessage, origin: string): Judgement {
    if (request.integrityAt === 0) {
      return { verdict: 'unsigned' };
    }
    const generation = [this.#current, this.#previous].find((one) => one !== undefined && request.username === `${one.local.ufrag}:${one.remote.ufrag}`);
    if (generation === undefined || !verifyIntegrity(request, generation.local.pwd)) {
      return { verdict: 'forged' };
    }
    const { pwd } = generation.local;
    const meeting = this.#memory.meet(request.transaction, origin);
    if (meeting === 'replayed') {
      return { verdict: 'replayed' };
    }
    if (request.unknown.length > 0) {
      return { verdict: 'unknown-attributes', pwd };
    }
    if (request.controlled) {
      // A lite agent is always controlled: whatever the tie-breakers say, it is the peer that must change.
      return { verdict: 'role-conflict', pwd };
    }
    generation.used = true;
    let retired: IceCredentials | undefined;
    if (generation === this.#current && this.#previous !== undefined) {
      retired = this.#previous.local;
      this.#previous = undefined;
    }
    return { verdict: 'accepted', pwd, fresh: meeting === 'new', retired };
  }

  /** The generation in use: the new one of a restart only when the peer has used it. */
  #generation(): Generation {
    return this.#current.used || this.#previous === undefined ? this.#current : this.#previous;
  }
}
