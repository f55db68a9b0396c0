import type { StreamFacts } from '../api/streams.ts';
import type { MetadataListener } from '../events/metadata.ts';
import type { Snapshot } from './snapshot.ts';

/** What is published of a visit on `window.millrace`. */
export interface PublishedSession {
  /** The state at this instant. */
  snapshot(): Snapshot;
  play(): void;
  pause(): void;
  /** Goes to the live edge and stays there; in a recording, to its end. */
  goLive(): void;
  /** Chooses a rendition, or leaves the choice to the network. */
  choose(choice: number | 'auto'): void;
  /** Calls back with each message when its frame is shown; returns what takes the listener away. */
  onMetadata(listener: MetadataListener): () => void;
}

/** What the player's state needs of a visit, to a live stream or to a recording. */
export interface Visit extends PublishedSession {
  start(): void;
  /** Why nothing can be played, in words for the viewer. */
  readonly refusal: string | undefined;
  /** Goes so many seconds forward, or back where it is negative. */
  seekBy(seconds: number): void;
  /** Goes to a place of the seek bar: seconds from the recording's beginning; in a live stream seconds from the live edge, negative. */
  seekTo(place: number): void;
  /** Takes in what the API tells of the stream. */
  tell?(facts: StreamFacts | undefined): void;
  /** How fast a recording is played, 1 as it was. */
  speed?: number;
  /** Ends it. Idempotent. */
  close(): void;
}
