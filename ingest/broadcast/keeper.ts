import type { PublisherSession } from './session.ts';
import type { IngestStream } from './stream.ts';

/** Who has a stream: its place among those of this process. */
export interface StreamKeeper {
  /** A session is over. True where another publisher's follows at once. */
  vacated(session: PublisherSession): boolean;
  /** The stream has neither publisher nor broadcast any more. */
  idle(stream: IngestStream): void;
  /** False where this process was paused, and may not have heard yet that it was overtaken. */
  readonly isAwake: boolean;
}
