/**
 * Constants of the NUT container (NUT Open Container Format, draft 20130327).
 * Start codes are 64 bits: `N`, a letter, and 48 fixed bits; kept here as two halves.
 */

/** Begins every file, its terminating zero included. */
export const FILE_ID = new TextEncoder().encode('nut/multimedia container\0');

/** A start code as its upper and lower 32 bits. */
export type StartCode = readonly [number, number];

/** Start code of the main header. */
export const MAIN: StartCode = [0x4e4d7a56, 0x1f5f04ad];
/** Start code of a stream header. */
export const STREAM: StartCode = [0x4e531140, 0x5bf2f9db];
/** Start code of a syncpoint. */
export const SYNCPOINT: StartCode = [0x4e4be4ad, 0xeeca4569];
/** Start code of an index. */
export const INDEX: StartCode = [0x4e58dd67, 0x2f23e64e];
/** Start code of an info packet. */
export const INFO: StartCode = [0x4e49ab68, 0xb596ba78];

/** First byte of every start code; a frame code of this value is not allowed. */
export const STARTCODE_BYTE = 0x4e;

/** Frame flag: decoding may start here. */
export const FLAG_KEY = 1;
/** Frame flag: `coded_pts` follows; otherwise the pts is predicted. */
export const FLAG_CODED_PTS = 8;
/** Frame flag: the stream's id follows. */
export const FLAG_STREAM_ID = 16;
/** Frame flag: `data_size_msb` follows. */
export const FLAG_SIZE_MSB = 32;
/** Frame flag: a checksum ends the header. */
export const FLAG_CHECKSUM = 64;
/** Frame flag: a count of reserved fields, and these, follow. */
export const FLAG_RESERVED = 128;
/** Frame flag of version 4: side data and metadata stand before the frame's bytes. */
export const FLAG_SM_DATA = 256;
/** Frame flag: the index of an elided header follows. */
export const FLAG_HEADER_IDX = 1024;
/** Frame flag: `match_time_delta` follows. */
export const FLAG_MATCH_TIME = 2048;
/** Frame flag: flags that differ from the table's follow. */
export const FLAG_CODED = 4096;
/** The frame code is not in use. */
export const FLAG_INVALID = 8192;

/** Main header flag of version 4: one syncpoint at the start is enough, nobody seeks. */
export const NUT_PIPE = 2;

/** Packets above this length carry a checksum of their header. */
export const HEADER_CHECKSUM_ABOVE = 4096;

/** One entry of the main header's table: what a frame's first byte stands for. */
export type FrameCode = {
  readonly flags: number;
  readonly ptsDelta: number;
  readonly sizeMul: number;
  readonly sizeLsb: number;
  readonly stream: number;
  readonly reserved: number;
  readonly headerIndex: number;
};
