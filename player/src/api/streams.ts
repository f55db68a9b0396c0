import type { Routes } from '../address/address.ts';
import { ask, isRecord, number, text } from './answer.ts';
import type { Reader } from './answer.ts';

/** `interrupted`: the broadcaster is gone and may return into the same broadcast for some seconds. */
export type AirState = 'live' | 'interrupted' | 'offline';

/** What the API tells of a stream, as far as the pages need it. */
export type StreamFacts = {
  readonly name: string;
  readonly state: AirState;
  /** Id of the broadcast on air. */
  readonly broadcast: string | undefined;
  /** ISO 8601. */
  readonly startedAt: string | undefined;
  readonly viewers: number;
  /** As people call the best rendition: `1080p60`. */
  readonly best: string | undefined;
  /** Length of the rewind window as set, seconds; a broadcast that began a minute ago has a minute. Undefined where there is none. */
  readonly rewind: number | undefined;
  /** The broadcast is being recorded. */
  readonly recorded: boolean;
  /** There are pictures of it to be asked for. */
  readonly pictured: boolean;
};

/**
 * All streams.
 *
 * @throws TypeError, DOMException - the server cannot be reached
 * @throws Error - it answers something else
 */
export async function fetchStreams(routes: Routes, signal?: AbortSignal): Promise<StreamFacts[]> {
  const body = await ask(routes.streams, signal);
  const list = isRecord(body) && Array.isArray(body['streams']) ? body['streams'] : [];
  return list.map(readStream).filter((stream) => stream !== undefined);
}

/**
 * One stream; undefined when the server does not know it.
 *
 * @throws TypeError, DOMException - the server cannot be reached
 * @throws Error - it answers something else
 */
export async function fetchStream(routes: Routes, stream: string, signal?: AbortSignal, reader?: Reader): Promise<StreamFacts | undefined> {
  const body = await ask(routes.stream(stream), signal, reader);
  return body === undefined ? undefined : readStream(body);
}

/** Reads a stream out of an answer; undefined for what is none. Tolerates additions and what is missing. */
export function readStream(value: unknown): StreamFacts | undefined {
  if (!isRecord(value) || typeof value['stream'] !== 'string' || !isAirState(value['state'])) {
    return undefined;
  }
  const viewers = isRecord(value['viewers']) ? value['viewers']['total'] : undefined;
  const rungs = Array.isArray(value['rungs']) ? value['rungs'] : [];
  const seconds = isRecord(value['rewind']) ? number(value['rewind']['seconds']) : undefined;
  const best: unknown = rungs.find((rung: unknown) => isRecord(rung) && rung['kind'] === 'video');
  return {
    name: value['stream'],
    state: value['state'],
    broadcast: text(value['broadcast']),
    startedAt: text(value['startedAt']),
    viewers: typeof viewers === 'number' ? viewers : 0,
    best: isRecord(best) ? text(best['label']) : undefined,
    rewind: seconds !== undefined && seconds > 0 ? seconds : undefined,
    recorded: value['recording'] === true,
    pictured: text(value['thumbnail']) !== undefined,
  };
}

/** Reads the data of the event `state`; undefined for what is none. */
export function readStateEvent(data: string): AirState | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isRecord(value) && isAirState(value['state']) ? value['state'] : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the data of the event `move`, the base URL of another server; undefined for what is none. */
export function readMoveEvent(data: string): string | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isRecord(value) ? text(value['url']) : undefined;
  } catch {
    return undefined;
  }
}

function isAirState(value: unknown): value is AirState {
  return value === 'live' || value === 'interrupted' || value === 'offline';
}
