import type { Ticks, Timescale } from '../../time.ts';
import { nutCrc } from './crc.ts';
import {
  FILE_ID,
  FLAG_CHECKSUM,
  FLAG_CODED,
  FLAG_CODED_PTS,
  FLAG_INVALID,
  FLAG_KEY,
  FLAG_SIZE_MSB,
  FLAG_STREAM_ID,
  INFO,
  MAIN,
  NUT_PIPE,
  STREAM,
  SYNCPOINT,
} from './syntax.ts';
import { NutWriter, nutPacket } from './writer.ts';

type NutStreamBase = {
  /** Four characters that name the codec: `H264`, `mp4a`. */
  readonly fourcc: string;
  /** The codec's own configuration: for H.264 the payload of `avcC`, frames then have 4-byte lengths. */
  readonly description: Uint8Array;
  readonly timescale: Timescale;
};

/** A stream to be muxed. */
export type NutStreamHeader =
  | (NutStreamBase & {
      readonly kind: 'video';
      readonly width: number;
      readonly height: number;
      /** Frames that the decoder holds back to reorder; 0 where decoding order is presentation order. */
      readonly decodeDelay: number;
      /** Nominal frames per second as a fraction, where known. */
      readonly frameRate?: readonly [number, number];
    })
  | (NutStreamBase & { readonly kind: 'audio'; readonly sampleRate: number; readonly channels: number });

/** Timestamps are coded in full: what is below 2^7 would be taken as low bits only. */
const MSB_PTS_SHIFT = 7;
const MAX_DISTANCE = 65_536;

/**
 * Everything before the first frame: file id, main header, stream headers, info, and the one syncpoint that a reader of
 * a pipe needs (version 4, `NUT_PIPE`). Without further syncpoints the reader's seek table does not grow with the stream.
 */
export function nutHeader(streams: readonly NutStreamHeader[]): Uint8Array {
  const parts = [FILE_ID, nutPacket(MAIN, mainHeader(streams)), ...streams.map((stream, id) => nutPacket(STREAM, streamHeader(stream, id)))];
  streams.forEach((stream, id) => {
    if (stream.kind === 'video' && stream.frameRate !== undefined) {
      parts.push(nutPacket(INFO, frameRateInfo(stream.frameRate, id)));
    }
  });
  parts.push(nutPacket(SYNCPOINT, new NutWriter().v(0).v(0)));
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * What stands before a frame's bytes. Every field is coded and checked, so headers depend on nothing before them.
 *
 * @param frame.pts in the stream's timescale, not below 0.
 */
export function nutFrameHeader(frame: { readonly stream: number; readonly pts: Ticks; readonly key: boolean; readonly size: number }): Uint8Array {
  const flags = FLAG_STREAM_ID | FLAG_CODED_PTS | FLAG_SIZE_MSB | FLAG_CHECKSUM | (frame.key ? FLAG_KEY : 0);
  const header = new NutWriter().raw([1]).v(flags).v(frame.stream).v(frame.pts + 2 ** MSB_PTS_SHIFT).v(frame.size);
  return header.u32(nutCrc(header.bytes())).bytes();
}

function mainHeader(streams: readonly NutStreamHeader[]): NutWriter {
  const header = new NutWriter().v(4).v(0).v(streams.length).v(MAX_DISTANCE).v(streams.length);
  streams.forEach((stream) => header.v(1).v(stream.timescale));
  // The table of frame codes: 0 and 255 stay invalid, all between say "everything is coded".
  frameCodes(header, FLAG_INVALID, 1);
  frameCodes(header, FLAG_CODED, 253);
  frameCodes(header, FLAG_INVALID, 1);
  return header.v(0).v(NUT_PIPE);
}

function frameCodes(header: NutWriter, flags: number, count: number): void {
  const [fields, ptsDelta, sizeMul, stream, sizeLsb, reserved] = [6, 0, 1, 0, 0, 0];
  header.v(flags).v(fields).s(ptsDelta).v(sizeMul).v(stream).v(sizeLsb).v(reserved).v(count);
}

function streamHeader(stream: NutStreamHeader, id: number): NutWriter {
  const header = new NutWriter().v(id).v(stream.kind === 'video' ? 0 : 1).text(stream.fourcc);
  // Time base, shift, the jump in pts above which a header must be checked (all are), delay, flags.
  header.v(id).v(MSB_PTS_SHIFT).v(stream.timescale).v(stream.kind === 'video' ? stream.decodeDelay : 0).v(0).vb(stream.description);
  return stream.kind === 'video' ? header.v(stream.width).v(stream.height).v(0).v(0).v(0) : header.v(stream.sampleRate).v(1).v(stream.channels);
}

function frameRateInfo(rate: readonly [number, number], id: number): NutWriter {
  const [chapter, start, length, count] = [0, 0, 0, 1];
  return new NutWriter().v(id + 1).s(chapter).v(start).v(length).v(count).text('r_frame_rate').s(-1).text(`${rate[0]}/${rate[1]}`);
}
