import { MillraceError } from '../../runtime/errors.ts';
import type { Unsubscribe } from '../bus.ts';
import type { SharedState } from '../shared-state.ts';
import type { Bucket } from './kv/bucket.ts';
import type { Entry } from './kv/entry.ts';
import { decodeRecord, encodeRecord, type Session } from './kv/record.ts';
import { decodeValue, encodeValue } from './kv/values.ts';

type Listener = (key: string, value: unknown) => void;

const MAX_BYTES = 64 * 1024;
const MAX_ATTEMPTS = 50;

/** Small values in a bucket of their own. A value that was taken away under a fence leaves the fence and no body. */
export class NatsShared implements SharedState {
  readonly durable = true;
  readonly #session: Session;
  readonly #reachable: () => Promise<Bucket>;
  readonly #listeners = new Map<Listener, string>();
  /** What the watch told, as listeners know it. */
  readonly #values = new Map<string, Uint8Array>();
  /** Writings of a key wait for those before. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(session: Session, reachable: () => Promise<Bucket>) {
    this.#session = session;
    this.#reachable = reachable;
  }

  async get(key: string): Promise<unknown> {
    const bucket = await this.#reachable();
    return decodeValue(bodyOf(await asked(key, bucket.read(key))) ?? new Uint8Array());
  }

  put(key: string, value: unknown, { fence = 0 }: { readonly fence?: number } = {}): Promise<void> {
    const body = encodeValue(value);
    if (body.byteLength > MAX_BYTES || body.byteLength === 0) {
      return Promise.reject(new MillraceError('bus/too-large', `a shared value has 1 to ${MAX_BYTES} bytes as JSON, "${key}" has ${body.byteLength}`));
    }
    return this.#inTurn(key, () => this.#write(key, body, fence));
  }

  delete(key: string, { fence = 0 }: { readonly fence?: number } = {}): Promise<void> {
    return this.#inTurn(key, () => this.#write(key, undefined, fence));
  }

  watch(prefix: string, listener: Listener): Unsubscribe {
    const entry: Listener = (key, value) => listener(key, value);
    this.#listeners.set(entry, prefix);
    for (const [key, body] of [...this.#values]) {
      if (key.startsWith(prefix)) {
        listener(key, decodeValue(body));
      }
    }
    return () => this.#listeners.delete(entry);
  }

  /** From the bucket's watch. */
  arrived(key: string, entry: Entry | undefined): void {
    const body = bodyOf(entry);
    const known = this.#values.get(key);
    if (body === known || (body !== undefined && known !== undefined && Buffer.compare(body, known) === 0)) {
      return;
    }
    if (body === undefined) {
      this.#values.delete(key);
    } else {
      this.#values.set(key, body);
    }
    for (const [listener, prefix] of [...this.#listeners]) {
      if (key.startsWith(prefix)) {
        listener(key, body === undefined ? undefined : decodeValue(body));
      }
    }
  }

  close(): void {
    this.#listeners.clear();
  }

  async #inTurn(key: string, write: () => Promise<void>): Promise<void> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(write, write);
    this.#tails.set(key, mine);
    try {
      await mine;
    } finally {
      if (this.#tails.get(key) === mine) {
        this.#tails.delete(key);
      }
    }
  }

  async #write(key: string, body: Uint8Array | undefined, fence: number): Promise<void> {
    const bucket = await this.#reachable();
    let entry = bucket.get(key);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const highest = entry?.bytes === undefined ? 0 : (decodeRecord(entry.bytes)?.fence ?? 0);
      if (fence < highest) {
        throw new MillraceError('bus/fenced', `another writer has taken "${key}" over`, { details: { key, fence, highest } });
      }
      const isLeftAlone = body === undefined && fence === 0 && entry?.bytes === undefined;
      if (isLeftAlone ? attempt > 0 : await asked(key, this.#attempt(bucket, key, body, fence, entry?.revision ?? 0))) {
        return;
      }
      entry = await asked(key, bucket.read(key));
    }
    throw new MillraceError('bus/unreachable', `"${key}" could not be written: NATS does not keep up`);
  }

  /** False where another was quicker. */
  async #attempt(bucket: Bucket, key: string, body: Uint8Array | undefined, fence: number, revision: number): Promise<boolean> {
    if (body === undefined && fence === 0) {
      return bucket.remove(key, revision);
    }
    return (await bucket.put(key, encodeRecord({ fence, by: this.#session, body: body ?? new Uint8Array() }), revision)) !== undefined;
  }
}

function bodyOf(entry: Entry | undefined): Uint8Array | undefined {
  const body = entry?.bytes === undefined ? undefined : decodeRecord(entry.bytes)?.body;
  return body === undefined || body.byteLength === 0 ? undefined : body;
}

async function asked<T>(key: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof MillraceError ? error : new MillraceError('bus/unreachable', `NATS does not answer for "${key}"`, { cause: error });
  }
}
