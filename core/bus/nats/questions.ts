import { TimeoutError, RequestError, type Msg, type NatsConnection } from '@nats-io/transport-node';

import type { Millis } from '../../media/time.ts';
import { MillraceError, messageOf } from '../../runtime/errors.ts';
import type { Unsubscribe } from '../bus.ts';
import { escapeKey } from './kv/keys.ts';
import { decodeValue, encodeValue } from './kv/values.ts';

type Handler = (payload: unknown) => unknown;
type Outcome = { readonly answer?: unknown } | { readonly code: string; readonly message: string };

/** Questions of others that this process works on at a time; more are refused. */
const MAX_OPEN = 1000;

/** Said by who was asked while he left: others may serve it still. */
const GONE = 'bus/gone';

/** Questions and answers over core NATS: one queue group a subject, so any one of those who serve it answers. Who serves it in this process is asked first. */
export class NatsQuestions {
  readonly #connection: NatsConnection;
  readonly #isReachable: () => boolean;
  readonly #local = new Map<string, Handler[]>();
  readonly #stops = new Set<Unsubscribe>();
  #open = 0;

  constructor(connection: NatsConnection, isReachable: () => boolean) {
    this.#connection = connection;
    this.#isReachable = isReachable;
  }

  serve(subject: string, handler: Handler): Unsubscribe {
    // A handler given twice is there twice: each has its own way out.
    const own: Handler = (payload) => handler(payload);
    this.#local.set(subject, [...(this.#local.get(subject) ?? []), own]);
    const subscription = this.#connection.subscribe(subjectOf(subject), {
      queue: 'millrace',
      callback: (error, message) => {
        if (error === null) {
          void this.#answer(message, this.#stops.has(stop) ? own : gone);
        }
      },
    });
    const stop = (): void => {
      this.#stops.delete(stop);
      const rest = (this.#local.get(subject) ?? []).filter((one) => one !== own);
      if (rest.length > 0) {
        this.#local.set(subject, rest);
      } else {
        this.#local.delete(subject);
      }
      if (!subscription.isClosed()) {
        // What the server had sent already is told to ask again.
        subscription.drain().catch(() => undefined);
      }
    };
    this.#stops.add(stop);
    return stop;
  }

  /** @throws {MillraceError} as `Bus.request`, and `bus/unreachable` while NATS is away and nobody in this process serves the subject. */
  async request(subject: string, payload: unknown, timeout: Millis): Promise<unknown> {
    const local = this.#local.get(subject)?.[0];
    const question = encodeValue(payload);
    for (let attempt = 0; ; attempt += 1) {
      // In this process through the same form as over the wire: nobody shares an object with who asked.
      const answer = local === undefined ? await this.#ask(subject, question, timeout) : await withTimeout(subject, timeout, outcomeOf(local, question));
      const outcome = decodeValue(answer) as Outcome;
      if (!('code' in outcome)) {
        return outcome.answer;
      }
      if (outcome.code !== GONE || attempt === 2) {
        throw new MillraceError(outcome.code === GONE ? 'bus/unserved' : outcome.code, outcome.message);
      }
    }
  }

  close(): void {
    [...this.#stops].forEach((stop) => stop());
  }

  async #ask(subject: string, question: Uint8Array, timeout: Millis): Promise<Uint8Array> {
    if (!this.#isReachable()) {
      throw new MillraceError('bus/unreachable', `"${subject}" cannot be asked: NATS is away`);
    }
    const limit = this.#connection.info?.max_payload ?? Infinity;
    if (question.byteLength > limit) {
      throw new MillraceError('bus/too-large', `the question to "${subject}" has ${question.byteLength} bytes, NATS takes ${limit}`);
    }
    try {
      return (await this.#connection.request(subjectOf(subject), question, { timeout })).data;
    } catch (error) {
      if (error instanceof TimeoutError) {
        throw timedOut(subject, timeout);
      }
      if (error instanceof RequestError && error.isNoResponders()) {
        throw new MillraceError('bus/unserved', `nobody answers "${subject}"`);
      }
      throw new MillraceError('bus/unreachable', `"${subject}" could not be asked`, { cause: error });
    }
  }

  async #answer(message: Msg, handler: Handler): Promise<void> {
    let answer: Uint8Array;
    if (this.#open >= MAX_OPEN) {
      answer = encodeValue({ code: 'bus/busy', message: 'too many questions at a time' });
    } else {
      this.#open += 1;
      answer = await outcomeOf(handler, message.data);
      this.#open -= 1;
    }
    const limit = this.#connection.info?.max_payload ?? Infinity;
    if (answer.byteLength > limit) {
      answer = encodeValue({ code: 'bus/too-large', message: `the answer has ${answer.byteLength} bytes, NATS takes ${limit}` });
    }
    // Who asked does not wait any longer once NATS was away.
    if (this.#isReachable() && !this.#connection.isClosed()) {
      message.respond(answer);
    }
  }
}

function gone(): never {
  throw new MillraceError(GONE, 'who was asked serves this no longer');
}

function subjectOf(subject: string): string {
  return `millrace.q.${escapeKey(subject)}`;
}

async function outcomeOf(handler: Handler, question: Uint8Array): Promise<Uint8Array> {
  try {
    return encodeValue({ answer: await handler(decodeValue(question)) });
  } catch (error) {
    return encodeValue({ code: error instanceof MillraceError ? error.code : 'bus/failed', message: messageOf(error) });
  }
}

async function withTimeout<T>(subject: string, timeout: Millis, answer: Promise<T>): Promise<T> {
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(() => expired.reject(timedOut(subject, timeout)), timeout);
  try {
    return await Promise.race([answer, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function timedOut(subject: string, timeout: Millis): MillraceError {
  return new MillraceError('bus/timeout', `"${subject}" was not answered in ${timeout} ms`);
}
