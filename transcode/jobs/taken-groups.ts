import { z } from 'zod';

import type { NodeId } from '#core/bus/node.ts';
import type { BroadcastId } from '#core/media/frame.ts';

/** What a broadcast's transcoder leaves for its successor under {@link jobKey} in the shared values (ADR 0014). */
export type TakenGroups = {
  readonly epoch: number;
  /** Highest group of the epoch that any rung or encoded sound may have begun; -1 where there is none. */
  readonly group: number;
  /** Present where the broadcast is handed over: whoever follows goes on with the next group. */
  readonly handover?: {
    /** Who is asked to follow. */
    readonly to: NodeId;
    /** All of the groups up to `group` was given out; until then the one before still writes. */
    readonly done: boolean;
  };
};

const schema = z.object({
  epoch: z.number().int(),
  group: z.number().int(),
  handover: z.object({ to: z.string(), done: z.boolean() }).optional(),
});

/** Prefix of the leases and of the shared values of broadcasts. */
export const JOB_PREFIX = 'transcode/';

/** Name of the lease of a broadcast, and of what is shared about it. */
export function jobKey(broadcast: BroadcastId): string {
  return `${JOB_PREFIX}${broadcast}`;
}

/** Reads a shared value; what cannot be understood counts as nothing. */
export function takenGroups(value: unknown): TakenGroups | undefined {
  const { data } = schema.safeParse(value);
  return data === undefined ? undefined : { epoch: data.epoch, group: data.group, ...(data.handover === undefined ? {} : { handover: data.handover }) };
}

/** The one of two records that tells of later groups; of equal ones the first. */
export function laterOf(a: TakenGroups | undefined, b: TakenGroups | undefined): TakenGroups | undefined {
  if (a === undefined || b === undefined) {
    return a ?? b;
  }
  return b.epoch > a.epoch || (b.epoch === a.epoch && b.group > a.group) ? b : a;
}

/** The place of a group in a broadcast. */
export type GroupPlace = { readonly epoch: number; readonly group: number };

/** Where a successor begins in an epoch. */
export type Beginning = {
  /** Groups up to this one are another's. */
  readonly after: number;
  /** Messages on the frames of groups up to this one were given out. */
  readonly told: number;
};

/** Rungs that are behind are so by less than so many groups; what their messages were told of twice, their ids tell. */
const BEHIND_GROUPS = 2;

/** Where to begin in an epoch after what another left; undefined where it left nothing of this epoch. */
export function beginningOf(before: TakenGroups | undefined, epoch: number): Beginning | undefined {
  if (before === undefined || before.epoch < epoch || before.group < 0) {
    return undefined;
  }
  if (before.epoch > epoch) {
    return { after: Infinity, told: Infinity };
  }
  return { after: before.group, told: before.handover === undefined ? before.group - BEHIND_GROUPS : before.group };
}
