import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';

import { addressGroup } from '#core/access/address-group.ts';

import { plainAddress } from './client-address.ts';

/** The address that a request is counted by. */
export type RequestAddress = (request: IncomingMessage) => string;

/** Bounds of {@link Shares}. */
export type SharesLimits = {
  readonly inAll: number;
  readonly perAddress: number;
  /** Default: the address of the connection. */
  readonly addressOf?: RequestAddress | undefined;
};

/**
 * Shares out among answers what there is not enough of for everybody: so much in all, so much to one address (all of an IPv6 subscriber's as one). An answer gives back
 * what it took when it is sent, or its client has gone: who does not read, or sends requests faster than it reads their answers, has its share and no more.
 */
export class Shares {
  readonly #limits: SharesLimits;
  readonly #perGroup = new Map<string, number>();
  #taken = 0;

  constructor(limits: SharesLimits) {
    this.#limits = limits;
  }

  /** What is taken now. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes so much for an answer until it closes; false where there is none left, or nobody to answer any more. */
  take(request: IncomingMessage, response: ServerResponse, amount: number): boolean {
    const { inAll, perAddress, addressOf = addressOfConnection } = this.#limits;
    if (isClosed(response)) {
      return false;
    }
    const group = addressGroup(addressOf(request));
    const ofGroup = (this.#perGroup.get(group) ?? 0) + amount;
    if (this.#taken + amount > inAll || ofGroup > perAddress) {
      return false;
    }
    this.#taken += amount;
    this.#perGroup.set(group, ofGroup);
    response.once('close', () => this.#giveBack(group, amount));
    return true;
  }

  #giveBack(group: string, amount: number): void {
    this.#taken -= amount;
    const left = (this.#perGroup.get(group) ?? amount) - amount;
    if (left > 0) {
      this.#perGroup.set(group, left);
    } else {
      this.#perGroup.delete(group);
    }
  }
}

function addressOfConnection({ socket }: IncomingMessage): string {
  return plainAddress(socket.remoteAddress);
}

/** Closed already: no event will tell of it. */
function isClosed(response: ServerResponse): boolean {
  const { stream } = response as unknown as { readonly stream?: ServerHttp2Stream };
  return response.destroyed || response.closed || stream?.destroyed === true;
}
