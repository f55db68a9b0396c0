import { broadcastId, type Frame } from './frame.ts';
import { ticks, timescale, wallTime } from './time.ts';
import { isEventId, isEventType, type TimedEvent } from './timed-event.ts';
import { trackName, type ConfigId, type TrackConfig } from './track.ts';

/** Bound of a record's `meta` and of its `data`, so that a damaged length cannot ask for all memory. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/**
 * A frame's fields in the order of `Meta`. The two of the head only on a group's first frame, or as null before messages; the last only where there are
 * messages.
 */
type Meta = [
  broadcast: string,
  epoch: number,
  fence: number,
  track: string,
  group: number,
  index: number,
  pts: number,
  dts: number,
  duration: number,
  key: 0 | 1,
  config: string,
  headConfig?: StoredConfig | null,
  headWallTime?: number | null,
  events?: readonly TimedEvent[],
];

/** A track's configuration with its description as an array of numbers. */
type StoredConfig = { readonly [K in keyof TrackConfig]: unknown } & { readonly description: readonly number[] };

/** Bytes before a record's meta: the length of the meta and of the data, 32 bits each. */
export const RECORD_HEADER_BYTES = 8;

/** Serialises a frame as one record of a frame log. */
export function writeRecord(frame: Frame): Uint8Array {
  const text = new TextEncoder().encode(writeMeta(frame));
  const record = new Uint8Array(RECORD_HEADER_BYTES + text.length + frame.data.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, text.length);
  view.setUint32(4, frame.data.length);
  record.set(text, RECORD_HEADER_BYTES);
  record.set(frame.data, RECORD_HEADER_BYTES + text.length);
  return record;
}

/** A record's meta, for who lays a record out himself. */
export function writeMeta(frame: Frame): string {
  const meta: Meta = [
    frame.broadcast,
    frame.epoch,
    frame.fence,
    frame.track,
    frame.group,
    frame.index,
    frame.pts,
    frame.dts,
    frame.duration,
    frame.key ? 1 : 0,
    frame.config,
  ];
  if (frame.head) {
    meta.push({ ...frame.head.config, description: [...frame.head.config.description] }, frame.head.wallTime);
  }
  if (frame.events !== undefined && frame.events.length > 0) {
    meta.push(...(frame.head === undefined ? [null, null] : []), frame.events);
  }
  return JSON.stringify(meta);
}

/**
 * Reads a record's meta; `data` becomes the frame's own.
 *
 * @throws {RangeError} where the meta is not what {@link writeRecord} writes.
 */
export function readRecord(meta: Uint8Array, data: Uint8Array): Frame {
  const fields = parseMeta(meta);
  const [broadcast, epoch, fence, track, group, index, pts, dts, duration, key, config, headConfig, headWallTime, events] = fields;
  const frame: Frame = {
    broadcast: broadcastId(broadcast),
    epoch,
    fence,
    track: trackName(track),
    group,
    index,
    pts: ticks(pts),
    dts: ticks(dts),
    duration: ticks(duration),
    key: key === 1,
    config: config as ConfigId,
    data,
    ...(events === undefined ? {} : { events: readEvents(events) }),
  };
  if (typeof headConfig !== 'object' || headConfig === null || typeof headWallTime !== 'number') {
    return frame;
  }
  return { ...frame, head: { config: readConfig(headConfig), wallTime: wallTime(headWallTime) } };
}

function parseMeta(meta: Uint8Array): Meta {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(meta));
  } catch (cause) {
    throw new RangeError('frame log: a record is not JSON', { cause });
  }
  const strings = [0, 3, 10];
  if (
    !Array.isArray(value) ||
    ![11, 13, 14].includes(value.length) ||
    !value.slice(0, 11).every((field, at) => typeof field === (strings.includes(at) ? 'string' : 'number'))
  ) {
    throw new RangeError('frame log: a record has the wrong fields');
  }
  return value as Meta;
}

function readConfig(stored: StoredConfig): TrackConfig {
  if (!Array.isArray(stored.description) || (stored.kind !== 'video' && stored.kind !== 'audio') || typeof stored.timescale !== 'number') {
    throw new RangeError('frame log: a head has no configuration');
  }
  return { ...stored, timescale: timescale(stored.timescale), description: Uint8Array.from(stored.description) } as TrackConfig;
}

function readEvents(stored: unknown): readonly TimedEvent[] {
  if (!Array.isArray(stored) || !stored.every(isStoredEvent)) {
    throw new RangeError('frame log: a record has messages that are none');
  }
  return stored;
}

function isStoredEvent(value: unknown): value is TimedEvent {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { id, type, pts, data } = value as Partial<Record<keyof TimedEvent, unknown>>;
  const named = typeof id === 'string' && isEventId(id) && typeof type === 'string' && isEventType(type);
  return named && typeof pts === 'number' && Number.isSafeInteger(pts) && typeof data === 'string';
}
