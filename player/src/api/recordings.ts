import type { Routes } from '../address/address.ts';
import { ask, isRecord, number, text } from './answer.ts';

/** What the API tells of a recording, as far as the pages need it. */
export type RecordingFacts = {
  readonly id: string;
  readonly stream: string;
  /** `recording`: the broadcast goes on; `damaged`: nothing of it can be played. */
  readonly state: 'recording' | 'finished' | 'damaged';
  /** ISO 8601. */
  readonly startedAt: string;
  /** Seconds. */
  readonly duration: number;
  /** Of the whole download; undefined while the recording goes on. */
  readonly downloadBytes: number | undefined;
  /** Of the best picture, pixels. */
  readonly height: number | undefined;
  /** Root of the server that keeps it, with a closing slash; undefined where that is the one that was asked. */
  readonly keeper: string | undefined;
};

/**
 * Recordings, the newest first, of one stream or of all.
 *
 * @throws TypeError, DOMException - the server cannot be reached
 * @throws Error - it answers something else
 */
export async function fetchRecordings(routes: Routes, stream?: string, signal?: AbortSignal): Promise<RecordingFacts[]> {
  const query = stream === undefined ? '' : `?stream=${encodeURIComponent(stream)}`;
  const body = await ask(`${routes.recordings}${query}`, signal);
  const list = isRecord(body) && Array.isArray(body['recordings']) ? body['recordings'] : [];
  return list.map(readRecording).filter((recording) => recording !== undefined);
}

/**
 * One recording; undefined when the server does not have it.
 *
 * @throws TypeError, DOMException - the server cannot be reached
 * @throws Error - it answers something else
 */
export async function fetchRecording(routes: Routes, id: string, signal?: AbortSignal): Promise<RecordingFacts | undefined> {
  const body = await ask(`${routes.recordings}/${encodeURIComponent(id)}`, signal);
  return body === undefined ? undefined : readRecording(body);
}

/** Reads a recording out of an answer; undefined for what is none. Tolerates additions and what is missing. */
export function readRecording(value: unknown): RecordingFacts | undefined {
  if (!isRecord(value)) {
    return undefined;
  }
  const [id, stream, startedAt] = [text(value['id']), text(value['stream']), text(value['startedAt'])];
  const { state } = value;
  if (id === undefined || stream === undefined || startedAt === undefined || (state !== 'recording' && state !== 'finished' && state !== 'damaged')) {
    return undefined;
  }
  return {
    ...{ id, stream, state, startedAt },
    duration: number(value['duration']) ?? 0,
    downloadBytes: number(value['downloadBytes']),
    height: number(value['height']),
    keeper: keeperOf(text(value['hls']), id),
  };
}

/** URLs are whole where another server keeps the recording. */
function keeperOf(hls: string | undefined, id: string): string | undefined {
  const root = hls?.split(`recordings/${encodeURIComponent(id)}/`)[0];
  return root !== undefined && /^https?:\/\/.*\/$/.test(root) ? root : undefined;
}
