import type { BroadcastInfo, LadderCatalog } from '#core/bus/catalog.ts';

import { MillraceError } from '#core/runtime/errors.ts';

import type { Archive, BroadcastKeeper } from './archive.ts';

/** The keeper of a broadcast of which nothing is kept. */
export class NothingKept implements BroadcastKeeper {
  set info(_info: BroadcastInfo) {
    // Nothing depends on it.
  }

  set ladder(_ladder: LadderCatalog) {
    // Nothing depends on it.
  }

  onKeeping(): void {
    // It never does.
  }

  track(): ReturnType<BroadcastKeeper['track']> {
    return { init: () => undefined, part: () => undefined, segment: () => undefined, gap: () => undefined };
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}

/** The archive of an edge that keeps nothing. */
export const noArchive: Archive = {
  keep: () => new NothingKept(),
  find: () => Promise.resolve(undefined),
  open: () => undefined,
  recordings: () => [],
  remove: () => Promise.reject(new MillraceError('recording/unknown', 'There is no such recording.')),
  close: () => Promise.resolve(),
};
