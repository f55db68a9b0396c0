import type { BroadcastId } from '../media/frame.ts';
import type { StreamName } from './catalog.ts';

/** Subject of the bus under which a stream's ingest takes messages for its timeline (ADR 0011): a {@link MetadataRequest}, answered with {@link MetadataAnswer}. */
export function metadataSubject(stream: StreamName): string {
  return `metadata/${stream}`;
}

/**
 * A message to be stamped. What is wrong with it, or with the moment, is told by a `MillraceError`: `metadata/malformed`, `metadata/too-large`,
 * `metadata/offline` (no publisher is sending), `metadata/too-many`, `metadata/timeout` (no frame came within 2 s).
 */
export type MetadataRequest = {
  /** `[a-z0-9][a-z0-9._-]{0,63}`. */
  readonly type: string;
  /** JSON text of at most 4 KiB. */
  readonly data: string;
};

/** Where a message went. */
export type MetadataAnswer = {
  readonly id: string;
  readonly type: string;
  readonly broadcast: BroadcastId;
  /** Presentation time of its frame on the broadcast's timeline, in seconds. */
  readonly time: number;
  /** When its frame left the camera, ISO 8601. */
  readonly wallTime: string;
};
