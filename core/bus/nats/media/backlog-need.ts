import { millis, type Millis } from '../../../media/time.ts';
import type { ConsumeOptions } from '../../bus.ts';
import { RETAINED_MILLIS, type RetainedGroup } from '../../local/track.ts';
import type { BacklogWant } from './backlog.ts';

/** Why a track's origin is asked: for the beginning, for what was missed, or for groups that are older than those here. */
export type RequestKind = 'enter' | 'resume' | 'older';

/** What a process has of a track that others write. */
export type Possession = {
  readonly groups: readonly RetainedGroup[];
  /** The origin was asked for the beginning, and answered or not. */
  readonly isEntered: boolean;
  /** From here on in media time everything is here that there was. */
  readonly reach: number;
};

/** What has to be asked for before a consumer with this backlog can begin; undefined where all is here. */
export function needOf(backlog: NonNullable<ConsumeOptions['backlog']>, { groups, isEntered, reach }: Possession): { readonly kind: RequestKind; readonly want: BacklogWant } | undefined {
  const [oldest, newest] = [groups[0], groups.at(-1)];
  if (!isEntered || oldest === undefined || newest === undefined) {
    return { kind: 'enter', want: typeof backlog === 'string' ? { want: backlog } : { want: 'span', span: spanOf(backlog) } };
  }
  if (typeof backlog === 'string' || newest.start - spanOf(backlog) >= reach) {
    return undefined;
  }
  return { kind: 'older', want: { want: 'before', span: spanOf(backlog), place: { epoch: oldest.epoch, group: oldest.group, index: 0 } } };
}

/** No origin has more than what a track keeps. */
function spanOf(backlog: Millis): Millis {
  return millis(Math.min(Math.max(0, Math.ceil(backlog)), RETAINED_MILLIS));
}
