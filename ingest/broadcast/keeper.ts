import type { Lease } from '#core/bus/bus.ts';

import type { PublisherSession } from './session.ts';

/** Who has a stream: its place among those of this process. */
export interface StreamKeeper {
  /** A session is over. True where another publisher's follows at once. */
  vacated(session: PublisherSession): boolean;
  /** The stream that is looked after under a lease has neither publisher nor broadcast any more. */
  idle(lease: Lease): void;
  /** False where this process was paused, and may not have heard yet that it was overtaken. */
  readonly isAwake: boolean;
}
