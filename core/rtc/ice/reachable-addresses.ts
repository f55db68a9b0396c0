import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

import { messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { isLoopback, plainAddress } from '../ports/address.ts';
import type { RtcConfig } from '../options.ts';
import { byFamily, interfaceAddresses } from './candidates.ts';

/** Looks up the addresses of a name. Rejects where it has none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** What the list of addresses stands on. */
export type ReachableAddressesOptions = {
  /** `host`: the address that the socket is bound to. */
  readonly config: Pick<RtcConfig, 'host' | 'publicHost' | 'publicUrl'>;
  /** Whether the port is open over IPv6. */
  readonly ipv6: boolean;
  readonly log: Logger;
  readonly resolve?: Resolve;
  readonly interfaces?: typeof networkInterfaces;
};

/** A start waits no longer for a name than this; the answer is used when it comes. */
const START_MILLIS = 2000;

/**
 * The addresses under which peers reach this machine: those of `publicHost`, else of `publicUrl`'s host where it is not this
 * machine's own name for itself, else those of the address listened on, or of every interface. Nobody outside is asked but the
 * resolver, for a name that was configured.
 */
export class ReachableAddresses {
  readonly #options: ReachableAddressesOptions;
  readonly #name: string | undefined;
  #resolved: readonly string[] | undefined;
  #own: readonly string[] = [];
  #refreshing: Promise<void> | undefined;

  constructor(options: ReachableAddressesOptions) {
    this.#options = options;
    this.#name = publicName(options.config);
    this.#readInterfaces();
  }

  /** What is known now, best first. Never waits. */
  get current(): readonly string[] {
    return this.#resolved ?? this.#own;
  }

  /** Waits for the first answer, for two seconds at most. */
  async start(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, START_MILLIS);
    });
    await Promise.race([this.refresh(), patience]);
    clearTimeout(timer);
  }

  /** Asks again, once at a time. What was known stays where nothing comes. Never rejects. */
  refresh(): Promise<void> {
    this.#readInterfaces();
    this.#refreshing ??= this.#lookup().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #lookup(): Promise<void> {
    const name = this.#name;
    if (name === undefined) {
      return;
    }
    try {
      const found = isIP(name) === 0 ? await (this.#options.resolve ?? resolveName)(name) : [name];
      const usable = byFamily(found.map(plainAddress)).filter((address) => this.#options.ipv6 || !address.includes(':'));
      if (usable.length > 0) {
        this.#resolved = usable;
      }
    } catch (error) {
      this.#options.log.warn({ name, reason: messageOf(error) }, 'the public host cannot be resolved: WebRTC goes on with the addresses known before');
    }
  }

  #readInterfaces(): void {
    const { host } = this.#options.config;
    const { ipv6 } = this.#options;
    const isEverywhere = host === '::' || host === '0.0.0.0';
    this.#own = isEverywhere ? interfaceAddresses((this.#options.interfaces ?? networkInterfaces)(), { ipv6 }) : [plainAddress(host)];
  }
}

/** The name or address that the configuration gives this machine, without the brackets of an IPv6 URL. */
function publicName({ publicHost, publicUrl }: Pick<RtcConfig, 'publicHost' | 'publicUrl'>): string | undefined {
  const name = (publicHost ?? hostOf(publicUrl))?.replace(/^\[(.*)\]$/, '$1');
  if (name === undefined || name === '') {
    return undefined;
  }
  // Said on purpose, loopback is meant; in a URL it is only how a trial was opened.
  return publicHost === undefined && (isLoopback(name) || name === 'localhost' || name.endsWith('.localhost')) ? undefined : name;
}

function hostOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : new URL(url).hostname;
}

async function resolveName(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => address);
}
