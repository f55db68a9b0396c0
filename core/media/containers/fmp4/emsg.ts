import { MillraceError } from '../../../runtime/errors.ts';
import { rescale, VIDEO_TIMESCALE, type Ticks, type Timescale } from '../../time.ts';
import { EVENT_SCHEME, eventNumber, eventText, type TimedEvent } from '../../timed-event.ts';
import { fullBox, u32, u8 } from './box.ts';
import type { Box } from './read-boxes.ts';

/**
 * The DASH event message box, version 1 (ISO/IEC 23009-1, 5.10.3.3):
 *
 * ```
 *  0                                                           12
 * +---------------+---------------+---------+-----------------+
 * | size (32)     | "emsg"        | 1 (8)   | flags: 0 (24)   |
 * +---------------+---------------+---------+-----------------+
 *  12                 16                                  24
 * +------------------+-------------------------------------+
 * | timescale (32)   | presentation_time (64)              |
 * +------------------+------------------+------------------+
 *  24                 28                 32
 * +------------------+------------------+-----------------------------------------------------+
 * | event_duration   | id (32)          | scheme_id_uri, 0, value, 0, message_data to the end |
 * +------------------+------------------+-----------------------------------------------------+
 * ```
 */
export type EventMessage = {
  readonly schemeIdUri: string;
  readonly value: string;
  /** Of `presentationTime` and `duration`. */
  readonly timescale: Timescale;
  /** On the track's timeline, as `tfdt` counts it. */
  readonly presentationTime: Ticks;
  /** 0xffffffff where it is not known. */
  readonly duration: number;
  /** Messages of one scheme and value with one id are the same message. */
  readonly id: number;
  readonly data: Uint8Array;
};

const FIELDS = 4 + 4 + 8 + 4 + 4;

/** Writes an `emsg` box of version 1. */
export function emsg({ schemeIdUri, value, timescale, presentationTime, duration, id, data }: EventMessage): Uint8Array {
  const time = u32(Math.floor(presentationTime / 0x1_0000_0000), presentationTime >>> 0);
  const text = new TextEncoder();
  return fullBox('emsg', 1, 0, u32(timescale), time, u32(duration, id), text.encode(schemeIdUri), u8(0), text.encode(value), u8(0), data);
}

/** A message of ours as an `emsg` in a track of the given timescale (ADR 0011). */
export function eventBox(event: TimedEvent, timescale: Timescale): Uint8Array {
  return emsg({
    schemeIdUri: EVENT_SCHEME,
    value: '',
    timescale,
    presentationTime: rescale(event.pts, VIDEO_TIMESCALE, timescale),
    duration: 0,
    id: eventNumber(event),
    data: new TextEncoder().encode(eventText(event)),
  });
}

/**
 * Reads an `emsg` box of version 1. `data` is a view of the box.
 *
 * @throws {MillraceError} `media/malformed` where it is cut off, `media/unsupported` where it has another version.
 */
export function readEmsg({ payload }: Pick<Box, 'payload'>): EventMessage {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (payload.length < FIELDS + 2) {
    throw new MillraceError('media/malformed', 'An emsg is too short.');
  }
  if (view.getUint32(0) !== 0x0100_0000) {
    throw new MillraceError('media/unsupported', `An emsg has version ${payload[0]}; only version 1 is read.`);
  }
  const schemeEnd = payload.indexOf(0, FIELDS);
  const valueEnd = schemeEnd < 0 ? -1 : payload.indexOf(0, schemeEnd + 1);
  if (valueEnd < 0) {
    throw new MillraceError('media/malformed', 'A string of an emsg does not end.');
  }
  const text = new TextDecoder();
  return {
    schemeIdUri: text.decode(payload.subarray(FIELDS, schemeEnd)),
    value: text.decode(payload.subarray(schemeEnd + 1, valueEnd)),
    timescale: view.getUint32(4) as Timescale,
    presentationTime: (view.getUint32(8) * 0x1_0000_0000 + view.getUint32(12)) as Ticks,
    duration: view.getUint32(16),
    id: view.getUint32(20),
    data: payload.subarray(valueEnd + 1),
  };
}
