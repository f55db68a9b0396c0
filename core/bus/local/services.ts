import type { Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { Unsubscribe } from '../bus.ts';

type Handler = (payload: unknown) => unknown;

/** Who answers what, within one process. */
export class LocalServices {
  readonly #handlers = new Map<string, Handler[]>();

  serve(subject: string, handler: Handler): Unsubscribe {
    // A handler given twice is there twice: each has its own way out.
    const own: Handler = (payload) => handler(payload);
    this.#handlers.set(subject, [...(this.#handlers.get(subject) ?? []), own]);
    return () => {
      const rest = (this.#handlers.get(subject) ?? []).filter((one) => one !== own);
      if (rest.length > 0) {
        this.#handlers.set(subject, rest);
      } else {
        this.#handlers.delete(subject);
      }
    };
  }

  async request(subject: string, payload: unknown, timeout: Millis): Promise<unknown> {
    const handler = this.#handlers.get(subject)?.[0];
    if (handler === undefined) {
      throw new MillraceError('bus/unserved', `nobody answers "${subject}"`);
    }
    const expired = Promise.withResolvers<never>();
    const timer = setTimeout(() => expired.reject(new MillraceError('bus/timeout', `"${subject}" was not answered in ${timeout} ms`)), timeout);
    try {
      // What a link over a wire would do too: nobody shares an object with who asked.
      return structuredClone(await Promise.race([Promise.resolve(structuredClone(payload)).then(handler), expired.promise]));
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#handlers.clear();
  }
}
