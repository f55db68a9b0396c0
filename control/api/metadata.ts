import { z } from 'zod';

import type { Bus } from '#core/bus/bus.ts';
import { metadataSubject, type MetadataAnswer, type MetadataRequest } from '#core/bus/metadata.ts';
import { isEventType, MAX_EVENT_BYTES } from '#core/media/timed-event.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import type { StreamView } from '../streams-view.ts';
import { ApiError } from './api-error.ts';
import { asAnswer, BUS_AWAY, type Translation } from './bus-errors.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { readJson } from './read-json.ts';
import type { Route } from './route.ts';

/** What the route of timed metadata works with. */
export type MetadataOptions = {
  readonly bus: Bus;
  /** The stream that a request names; throws what to answer where there is none. */
  readonly find: (exchange: Exchange) => StreamView;
};

/** A body may have: the message four times over, for white space and escapes that are gone once it is read. */
const MAX_BODY_BYTES = 4 * MAX_EVENT_BYTES;

const ERRORS: Readonly<Record<string, Translation>> = {
  ...BUS_AWAY,
  'metadata/malformed': [400, 'malformed'],
  'metadata/offline': [409, 'offline'],
  'metadata/too-large': [413, 'too-large'],
  'metadata/too-many': [429, 'too-many-messages', 1],
  'metadata/timeout': [503, 'no-frame', 1],
  // Ingest serves a stream's messages while it has a publisher.
  'bus/unserved': [409, 'offline'],
  'bus/timeout': [503, 'no-frame', 1],
};

/** The endpoint that puts a message on a stream's timeline (ADR 0011). */
export function metadataRoute(options: MetadataOptions): Route {
  return {
    method: 'post', path: '/api/v1/streams/{stream}/metadata', operationId: 'sendMessage', access: 'token-or-key',
    summary: 'A message on the media timeline',
    description: 'Stamps a message on the next frame. It reaches every viewer with that frame, over every protocol, and the player raises it when the frame is shown. With the token, or with a key of the stream in its place.',
    body: 'Message',
    answers: {
      201: { description: 'The message is on its way.', schema: 'StampedMessage' },
      400: { description: 'The stream\'s name or the message is malformed (`malformed`).', schema: 'Error' },
      401: { description: 'The token or key is missing or wrong (`unauthorized`).', schema: 'Error' },
      404: { description: 'No such stream (`unknown-stream`).', schema: 'Error' },
      409: { description: 'Nobody is broadcasting (`offline`).', schema: 'Error' },
      413: { description: 'The message is too large (`too-large`).', schema: 'Error' },
      429: { description: 'Too many messages (`too-many-messages`).', schema: 'Error' },
      503: { description: 'It was not sent: no frame came that could carry it (`no-frame`), or whoever takes it cannot be reached (`unavailable`).', schema: 'Error' },
    },
    handle: (exchange) => send(options, exchange),
  };
}

const bodySchema = z.strictObject({ type: z.string().refine(isEventType), data: z.unknown() });

function isAway(thrown: unknown): boolean {
  return thrown instanceof MillraceError && Object.hasOwn(BUS_AWAY, thrown.code);
}

/** As it comes over the bus. */
const answerSchema = z.object({ id: z.string(), type: z.string(), broadcast: z.string(), time: z.number(), wallTime: z.string() }) satisfies z.ZodObject<Record<keyof MetadataAnswer, z.ZodType>>;

async function send({ bus, find }: MetadataOptions, exchange: Exchange): Promise<void> {
  const { stream } = find(exchange);
  const body = await readJson(exchange, MAX_BODY_BYTES);
  const message = bodySchema.safeParse(body);
  if (!message.success || message.data.data === undefined) {
    throw new ApiError(400, 'malformed', 'The body is {"type": ..., "data": ...} and no more: `type` has 1 to 64 of a-z, 0-9, ".", "_" and "-" and begins with a letter or digit, `data` is any JSON.');
  }
  const request: MetadataRequest = { type: message.data.type, data: JSON.stringify(message.data.data) };
  const answer = await bus.request(metadataSubject(stream), request).catch((thrown: unknown) => {
    throw asAnswer(thrown, ERRORS, isAway(thrown) ? 'The process that takes the broadcast cannot be reached now. The message was not sent.' : `Nobody is broadcasting on stream "${stream}" now.`);
  });
  answerJson(exchange, 201, answerSchema.parse(answer));
}
