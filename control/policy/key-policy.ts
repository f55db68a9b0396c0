import type { Counter } from 'prom-client';

import { addressGroup } from '#core/access/address-group.ts';
import type { AccessPolicy, PublishDecision, PublishRequest } from '#core/access/publish-policy.ts';
import { parseStreamKey } from '#core/access/stream-key.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { AttemptLimiter } from './attempt-limiter.ts';
import { KEY_FORM, whyMalformed } from './configured-keys.ts';
import { KeyRing } from './key-ring.ts';

/** What a {@link KeyPolicy} works with. */
export type KeyPolicyOptions = {
  readonly limiter: AttemptLimiter;
  readonly log: Logger;
  /** Counts decisions by `result`. */
  readonly decisions: Pick<Counter<'result'>, 'inc'>;
  /** Told of each stream that gets its first key. */
  readonly onStream?: (stream: StreamName) => void;
};

const MESSAGES = {
  'publish/unknown-key': 'The server does not know this stream key. Check it, or ask whoever runs the server for the right one.',
  'publish/too-many-attempts': 'Too many attempts with wrong stream keys came from your address. Wait a minute, then try the right one.',
} as const;

/** Lets publish who presents a key that the server was given. */
export class KeyPolicy implements AccessPolicy {
  readonly #keys = new KeyRing();
  readonly #options: KeyPolicyOptions;

  constructor(options: KeyPolicyOptions) {
    this.#options = options;
  }

  /**
   * Lets a further key publish; the same key twice is one.
   *
   * @returns the key's stream.
   * @throws {MillraceError} `publish/malformed-key`.
   */
  addKey(key: string): StreamName {
    const parsed = parseStreamKey(key);
    if (parsed === undefined) {
      throw new MillraceError('publish/malformed-key', `${whyMalformed(key)} ${KEY_FORM}`);
    }
    const isNew = !this.#keys.has(parsed.stream);
    this.#keys.add(parsed.stream, key);
    if (isNew) {
      this.#options.onStream?.(parsed.stream);
    }
    return parsed.stream;
  }

  /** Streams that somebody may publish, in the order in which their first keys came. */
  knownStreams(): readonly StreamName[] {
    return this.#keys.streams;
  }

  /** Tells whether a stream has a key. */
  isKnown(stream: StreamName): boolean {
    return this.#keys.has(stream);
  }

  /** Decides at once; asynchronous because other policies ask elsewhere. */
  decide(request: PublishRequest): Promise<PublishDecision> {
    return Promise.resolve(this.#decide(request));
  }

  /** Tells whether a key is one of this stream. Wrong ones count as failed attempts to publish it: they are guesses all the same. */
  opens(key: string, stream: StreamName, address: string): Promise<boolean> {
    return Promise.resolve(this.#opens(key, stream, address));
  }

  #opens(key: string, stream: StreamName, address: string): boolean {
    const { limiter } = this.#options;
    if (parseStreamKey(key)?.stream !== stream) {
      return false;
    }
    const source = this.#source(address, this.#keys.has(stream) ? stream : undefined);
    if (limiter.isExhausted(source)) {
      return false;
    }
    const isRight = this.#keys.streamOf(key) === stream;
    if (!isRight) {
      limiter.fail(source);
    }
    return isRight;
  }

  #decide(request: PublishRequest): PublishDecision {
    const { limiter, decisions } = this.#options;
    const named = parseStreamKey(request.key)?.stream;
    const known = named !== undefined && this.#keys.has(named) ? named : undefined;
    const source = this.#source(request.address, known);
    if (limiter.isExhausted(source)) {
      decisions.inc({ result: 'too-many-attempts' });
      return { allowed: false, code: 'publish/too-many-attempts', message: MESSAGES['publish/too-many-attempts'] };
    }
    const stream = this.#keys.streamOf(request.key);
    if (stream !== undefined) {
      decisions.inc({ result: 'allowed' });
      return { allowed: true, stream };
    }
    return this.#refuse(request, source, named === undefined, known);
  }

  /** Failures count for each stream apart: a neighbour behind the same address with a wrong key locks out nobody else. */
  #source(address: string, known: StreamName | undefined): string {
    return `${addressGroup(address)} ${known ?? ''}`;
  }

  #refuse(request: PublishRequest, source: string, malformed: boolean, known: StreamName | undefined): PublishDecision {
    const { limiter, log, decisions } = this.#options;
    limiter.fail(source);
    const code = malformed ? 'publish/malformed-key' : 'publish/unknown-key';
    decisions.inc({ result: malformed ? 'malformed-key' : 'unknown-key' });
    // Only a stream's name that we know is logged: what stands in its place may be part of somebody's secret.
    const facts = { address: request.address, protocol: request.protocol, code, ...(known === undefined ? {} : { stream: known }) };
    log.info(facts, 'refused a publisher');
    if (limiter.isExhausted(source)) {
      log.warn(facts, 'an address made too many attempts to publish and is refused unheard for a while');
    }
    return { allowed: false, code, message: malformed ? `${whyMalformed(request.key)} ${KEY_FORM}` : MESSAGES['publish/unknown-key'] };
  }
}
