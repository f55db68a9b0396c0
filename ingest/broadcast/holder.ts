import { z } from 'zod';

import type { Bus, Lease, Unsubscribe } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type Millis } from '#core/media/time.ts';

import { isCoded, isUnreachable } from './coded.ts';
import { pause } from './pause.ts';
import type { Candidate, Present } from './takeover.ts';

/** How long the process that looks after a stream may think about it. */
const PATIENCE = millis(700);
/** Between two attempts to get a stream whose holder says nothing. */
const AGAIN = millis(100);

/** The lease under which a stream is looked after. */
export const streamLease = (stream: StreamName): string => `stream/${stream}`;

const questionSchema = z.object({ take: z.object({ backup: z.boolean(), steady: z.boolean() }).exactOptional() });

const answerSchema = z.object({
  publisher: z.boolean(),
  backup: z.boolean(),
  heardAgo: z.number().min(0).transform(millis),
  yielded: z.boolean().exactOptional(),
});

/** What the holder of a stream answers. `yielded`: it has given the stream up for who asked. */
export type HolderAnswer = Present & { readonly yielded?: boolean };

/**
 * Answers under `ingest/<stream>` and, for who knows the fence, under `ingest/<stream>/<fence>`: a process that was paused goes on standing
 * among those who serve the first.
 *
 * @param answer Is told who would like to take the stream, if anybody.
 */
export function serveHolder(bus: Bus, stream: StreamName, fence: number, answer: (taker: Candidate | undefined) => HolderAnswer | Promise<HolderAnswer>): Unsubscribe {
  const handler = (payload: unknown): HolderAnswer | Promise<HolderAnswer> => answer(questionSchema.safeParse(payload).data?.take);
  const subjects = [`ingest/${stream}`, `ingest/${stream}/${fence}`].map((subject) => bus.serve(subject, handler));
  return () => subjects.forEach((unserve) => unserve());
}

/**
 * Asks the process that looks after a stream. Undefined where it does not answer.
 *
 * @param fence Of its lease, where known.
 * @throws {MillraceError} `bus/unreachable`.
 */
export async function askHolder(bus: Bus, stream: StreamName, fence: number | undefined, taker?: Candidate, timeout: Millis = PATIENCE): Promise<HolderAnswer | undefined> {
  try {
    const subject = fence === undefined ? `ingest/${stream}` : `ingest/${stream}/${fence}`;
    const question = taker === undefined ? {} : { take: { backup: taker.backup, steady: taker.steady } };
    return answerSchema.safeParse(await bus.request(subject, question, { timeout })).data;
  } catch (error) {
    if (isUnreachable(error)) {
      throw error;
    }
    // Somebody else may have taken the stream since.
    return fence !== undefined && isCoded(error, 'bus/unserved') ? await askHolder(bus, stream, undefined, taker, timeout) : undefined;
  }
}

/** What {@link takeStream} works with. */
export type TakeOptions = {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly stream: StreamName;
  readonly taker: Candidate;
  /** Fence of the holder's lease as it is known at this moment. */
  readonly fence: () => number | undefined;
  /** A lease of the stream that was got in another way meanwhile. */
  readonly offered: () => Lease | undefined;
  /** How long a holder that does not answer is waited for before its lease is taken from it, from now on. */
  readonly patience: Millis;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Gets the lease of a stream: it is free, or its holder hands it over, or its holder says nothing for too long.
 *
 * @returns the lease, or what the holder said where it keeps the stream; undefined where `signal` was aborted.
 * @throws {MillraceError} `bus/unreachable`.
 */
export async function takeStream({ bus, clock, stream, taker, fence, offered, patience, signal }: TakeOptions): Promise<Lease | Present | undefined> {
  const began = clock();
  while (signal?.aborted !== true) {
    const lease = offered() ?? (await bus.tryLease(streamLease(stream)));
    if (lease) {
      return lease;
    }
    const left = patience - Math.abs(elapsed(began, clock()));
    // At the end whoever may hold it now is asked: another stand-by may have been quicker.
    const answer = left > 0 ? await askHolder(bus, stream, fence(), taker, millis(Math.min(PATIENCE, left))) : await askHolder(bus, stream, undefined, taker, AGAIN);
    if (answer && answer.yielded !== true) {
      return answer;
    }
    if (!answer && left <= 0) {
      return await bus.lease(streamLease(stream));
    }
    if (!answer) {
      await pause(millis(Math.min(AGAIN, left)));
    }
  }
  return undefined;
}
