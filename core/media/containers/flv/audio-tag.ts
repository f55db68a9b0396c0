import { MillraceError } from '../../../runtime/errors.ts';
import { byteAt, fourCcAt, from, printable } from './video-tag.ts';

/**
 * The body of an audio tag (FLV 10.1, E.4.2.1; Enhanced RTMP v2, "Enhanced Audio"), which is also the payload of an RTMP
 * audio message.
 *
 *      legacy   | sound format 4 | rate 2 | size 1 | type 1 | AAC packet type 8 | data
 *      enhanced | 9 in 4 bits | packet type 4 | FourCC 32 | data
 */
export type AudioTag =
  /** An AudioSpecificConfig. */
  | { readonly type: 'sequence-start'; readonly data: Uint8Array }
  /** One raw_data_block. */
  | { readonly type: 'frame'; readonly data: Uint8Array }
  | { readonly type: 'sequence-end' }
  | { readonly type: 'other' }
  /** Audio that is not AAC of one track; `what` names it. */
  | { readonly type: 'unsupported'; readonly what: string };

const FORMAT_EX_HEADER = 9;
const FORMAT_AAC = 10;
const FORMAT_NAMES: Readonly<Record<number, string>> = {
  0: 'PCM', 1: 'ADPCM', 2: 'MP3', 3: 'PCM', 4: 'Nellymoser', 5: 'Nellymoser', 6: 'Nellymoser', 7: 'G.711', 8: 'G.711', 11: 'Speex', 13: 'Opus', 14: 'MP3',
};

const AAC_SEQUENCE_HEADER = 0;
const AAC_RAW = 1;

const PACKET_SEQUENCE_START = 0;
const PACKET_CODED_FRAMES = 1;
const PACKET_SEQUENCE_END = 2;
const PACKET_MULTICHANNEL_CONFIG = 4;
const PACKET_MULTITRACK = 5;
const PACKET_MOD_EX = 7;

const FOURCC_NAMES: Readonly<Record<string, string>> = { Opus: 'Opus', '.mp3': 'MP3', fLaC: 'FLAC', 'ac-3': 'AC-3', 'ec-3': 'E-AC-3' };

/**
 * Parses the body of an audio tag. `data` fields are views of `body`.
 *
 * @throws {MillraceError} `media/truncated` or `media/malformed`.
 */
export function parseAudioTag(body: Uint8Array): AudioTag {
  const first = byteAt(body, 0);
  const format = first >> 4;
  if (format === FORMAT_EX_HEADER) {
    return parseEnhanced(body, first & 0x0f);
  }
  if (format !== FORMAT_AAC) {
    return { type: 'unsupported', what: FORMAT_NAMES[format] ?? `audio format ${format}` };
  }
  switch (byteAt(body, 1)) {
    case AAC_SEQUENCE_HEADER:
      return { type: 'sequence-start', data: from(body, 2) };
    case AAC_RAW:
      return { type: 'frame', data: from(body, 2) };
    default:
      throw new MillraceError('media/malformed', `AAC packet type ${body[1]}`);
  }
}

function parseEnhanced(body: Uint8Array, packetType: number): AudioTag {
  if (packetType === PACKET_MOD_EX) {
    return { type: 'unsupported', what: 'modifier extensions (ModEx)' };
  }
  if (packetType === PACKET_MULTITRACK) {
    return { type: 'unsupported', what: 'several audio tracks (multitrack)' };
  }
  const fourCc = fourCcAt(body, 1);
  if (fourCc !== 'mp4a') {
    return { type: 'unsupported', what: FOURCC_NAMES[fourCc] ?? `audio codec ${printable(fourCc)}` };
  }
  switch (packetType) {
    case PACKET_SEQUENCE_START:
      return { type: 'sequence-start', data: from(body, 5) };
    case PACKET_CODED_FRAMES:
      return { type: 'frame', data: from(body, 5) };
    case PACKET_SEQUENCE_END:
      return { type: 'sequence-end' };
    case PACKET_MULTICHANNEL_CONFIG:
      return { type: 'other' };
    default:
      throw new MillraceError('media/malformed', `audio packet type ${packetType}`);
  }
}
