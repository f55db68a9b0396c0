import { z } from 'zod';

import type { Bus } from '../bus/bus.ts';
import type { StreamName } from '../bus/catalog.ts';
import { millis, type Millis } from '../media/time.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { AccessPolicy, PublishDecision, PublishRequest } from './publish-policy.ts';
import { PUBLISH_DECIDE, PUBLISH_OPENS, type OpensRequest } from './publish-questions.ts';
import { isStreamName, parseStreamKey } from './stream-key.ts';

/** Options of {@link createRemotePolicy}. */
export type RemotePolicyOptions = {
  /** Of one question. Default 1.5 s. */
  readonly timeout?: Millis;
  /** Questions until one is answered. Default 3. */
  readonly attempts?: number;
};

/** A key has at most 192 characters; of anything longer nobody need hear more to call it malformed. */
const MAX_KEY_LENGTH = 512;

const UNAVAILABLE = 'The server cannot check stream keys at the moment. Your key may be right: try again in some seconds.';

const decisionSchema = z.union([
  z.object({ allowed: z.literal(true), stream: z.string().refine(isStreamName) }),
  z.object({ allowed: z.literal(false), code: z.enum(['publish/malformed-key', 'publish/unknown-key', 'publish/too-many-attempts', 'publish/unavailable']), message: z.string() }),
]);

/**
 * The policy of a process without keys: asks over the bus whoever has them. Where nobody answers, `decide` refuses with `publish/unavailable` and `opens` throws it.
 */
export function createRemotePolicy(bus: Pick<Bus, 'request'>, { timeout = millis(1500), attempts = 3 }: RemotePolicyOptions = {}): AccessPolicy {
  const ask = async (subject: string, payload: PublishRequest | OpensRequest): Promise<unknown> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await bus.request(subject, payload, { timeout });
      } catch (thrown) {
        // One of several may have been stopped with the question in its hands: the next is put to any of them.
        if (attempt >= attempts || !(thrown instanceof MillraceError) || thrown.code !== 'bus/timeout') {
          throw thrown;
        }
      }
    }
  };
  return {
    decide: async (request: PublishRequest): Promise<PublishDecision> => {
      const { key, address, protocol } = request;
      try {
        return decisionSchema.parse(await ask(PUBLISH_DECIDE, { key: key.slice(0, MAX_KEY_LENGTH), address, protocol }));
      } catch {
        return { allowed: false, code: 'publish/unavailable', message: UNAVAILABLE };
      }
    },
    opens: async (key: string, stream: StreamName, address: string): Promise<boolean> => {
      // What cannot be a key of this stream is no guess, and costs nobody a question.
      if (parseStreamKey(key)?.stream !== stream) {
        return false;
      }
      try {
        return z.boolean().parse(await ask(PUBLISH_OPENS, { key, stream, address }));
      } catch (cause) {
        throw new MillraceError('publish/unavailable', UNAVAILABLE, { cause });
      }
    },
  };
}
