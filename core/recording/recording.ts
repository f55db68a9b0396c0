import type { StreamName } from '../bus/catalog.ts';
import type { BroadcastId } from '../media/frame.ts';

/** Subject of the bus under which recordings are listed, told of and removed ({@link RecordingsRequest}). */
export const RECORDINGS_SUBJECT = 'recordings';

/** What is known of a recording. */
export type Recording = {
  /** The broadcast's id. */
  readonly id: BroadcastId;
  readonly stream: StreamName;
  /** `recording`: the broadcast goes on; `finished`; `damaged`: nothing of it can be played. */
  readonly state: 'recording' | 'finished' | 'damaged';
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** Absent while it goes on. */
  readonly endedAt?: number;
  /** Of what can be played, in milliseconds. */
  readonly duration: number;
  /** On disk. */
  readonly bytes: number;
  /** Bytes of `download.mp4`; absent while the recording goes on, and in lists until somebody asked for the recording or its download. */
  readonly downloadBytes?: number;
  /** Of the best picture; absent where there is only sound. */
  readonly width?: number;
  readonly height?: number;
  /** Groups that are missing: the disk was slow or full. */
  readonly lostGroups: number;
};

/** What is asked under {@link RECORDINGS_SUBJECT}. */
export type RecordingsRequest =
  /** Answered with `{ recordings: Recording[] }`, newest first. */
  | { readonly do: 'list'; readonly stream?: StreamName }
  /** Answered with a {@link Recording}; throws `recording/unknown`. */
  | { readonly do: 'get'; readonly id: string }
  /** Answered with `{}` once it is gone; throws `recording/unknown`, `recording/in-progress`. */
  | { readonly do: 'remove'; readonly id: string };
