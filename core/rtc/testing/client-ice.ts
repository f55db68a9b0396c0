import { randomBytes } from 'node:crypto';

import { parseStun, verifyIntegrity } from '../ice/stun-message.ts';
import { writeBindingRequest, writeBindingSuccess } from '../ice/stun-writer.ts';
import type { IceCredentials } from '../transport.ts';
import type { ClientLink } from './client-link.ts';

/** Time between checks, and between repetitions of one that is not answered. */
const REPEAT_MILLIS = 200;
const CHECK_MILLIS = 10_000;
const PRIORITY = 0x7e0000ff;

/** The controlling full agent of one client, RFC 8445, on whatever link it is given. */
export class ClientIce {
  readonly #tieBreaker = randomBytes(8);
  readonly #waiting = new Map<string, () => void>();
  local: IceCredentials;
  remote: IceCredentials;
  /** Whether the server's checks are answered. */
  answers = true;
  /** Whether the peer sends checks of its own accord. */
  asks = true;
  /** Verified checks of the server that came. */
  checked = 0;

  constructor(local: IceCredentials, remote: IceCredentials) {
    this.local = local;
    this.remote = remote;
  }

  /** A check as this client sends it. */
  request(useCandidate = true, transaction = randomBytes(12)): Buffer {
    const { local, remote } = this;
    return writeBindingRequest({ transaction, username: `${remote.ufrag}:${local.ufrag}`, password: remote.pwd, priority: PRIORITY, role: 'controlling', tieBreaker: this.#tieBreaker, useCandidate });
  }

  /** Sends a check until it is answered. Rejects after ten seconds. */
  check(link: ClientLink, useCandidate = true): Promise<void> {
    const transaction = randomBytes(12);
    const id = transaction.toString('latin1');
    const request = this.request(useCandidate, transaction);
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearInterval(again);
        clearTimeout(limit);
        this.#waiting.delete(id);
        settle();
      };
      const again = setInterval(() => link.send(request), REPEAT_MILLIS);
      const limit = setTimeout(() => finish(() => reject(new Error('no check was answered'))), CHECK_MILLIS);
      this.#waiting.set(id, () => finish(resolve));
      link.send(request);
    });
  }

  /** Takes a STUN message that came over the link. */
  receive(bytes: Buffer, link: ClientLink, from: { readonly address: string; readonly port: number }): void {
    const message = parseStun(bytes);
    if (message?.class === 'success' && verifyIntegrity(message, this.remote.pwd)) {
      this.#waiting.get(message.transaction.toString('latin1'))?.();
    } else if (message?.class === 'request' && message.username?.startsWith(`${this.local.ufrag}:`) === true && verifyIntegrity(message, this.local.pwd)) {
      this.checked += 1;
      if (this.answers) {
        link.send(writeBindingSuccess(message.transaction, from, this.local.pwd));
      }
    }
  }
}
