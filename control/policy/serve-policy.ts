import { z } from 'zod';

import type { AccessPolicy, PublishRequest } from '#core/access/publish-policy.ts';
import { PUBLISH_DECIDE, PUBLISH_OPENS, type OpensRequest } from '#core/access/publish-questions.ts';
import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import { MillraceError } from '#core/runtime/errors.ts';

const key = z.string().max(1_024);
/** A zone may stand behind an IPv6 address. */
const address = z.string().max(128);

const decideSchema = z.object({ key, address, protocol: z.enum(['rtmp', 'rtmps', 'whip', 'srt']) }) satisfies z.ZodObject<Record<keyof PublishRequest, z.ZodType>>;
const opensSchema = z.object({ key, stream: z.string().max(64), address }) satisfies z.ZodObject<Record<keyof OpensRequest, z.ZodType>>;

/** Answers over the bus for processes without keys of their own. Whoever asks tells the publisher's address, by which failed attempts are counted. */
export function servePolicy(bus: Pick<Bus, 'serve'>, policy: AccessPolicy): Unsubscribe {
  const unsubscribes = [
    bus.serve(PUBLISH_DECIDE, (payload) => policy.decide(read(decideSchema, payload))),
    bus.serve(PUBLISH_OPENS, (payload) => {
      const request = read(opensSchema, payload);
      return policy.opens(request.key, request.stream, request.address);
    }),
  ];
  return () => unsubscribes.forEach((unsubscribe) => unsubscribe());
}

function read<T>(schema: z.ZodType<T>, payload: unknown): T {
  const { success, data } = schema.safeParse(payload);
  if (!success) {
    // Nothing of what came is quoted: a key may be in it.
    throw new MillraceError('publish/malformed-question', 'The question is not of the form that is answered here.');
  }
  return data;
}
