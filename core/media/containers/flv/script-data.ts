import { decodeAmf0, isAmfObject, type AmfObject } from './amf0.ts';

/** What an encoder says of itself in `onMetaData` (FLV 10.1, E.5): claims, bounded and of the right type, not more. */
export type MetadataClaims = {
  /** At most 100 printable characters. */
  readonly encoder?: string;
  readonly hasAudio?: boolean;
  readonly hasVideo?: boolean;
  /** Above 0 and at most 1,000. */
  readonly frameRate?: number;
};

/**
 * Reads the payload of an RTMP data message: `onMetaData`, with or without `@setDataFrame` before it. Undefined for
 * every other script.
 *
 * @throws {MillraceError} `media/truncated` or `media/malformed` as `decodeAmf0`.
 */
export function parseOnMetaData(payload: Uint8Array): MetadataClaims | undefined {
  const values = decodeAmf0(payload);
  const at = values[0] === '@setDataFrame' ? 1 : 0;
  const object = values[at + 1];
  return values[at] === 'onMetaData' && object !== undefined && isAmfObject(object) ? claimsOf(object) : undefined;
}

/** A script that speaks of the moment at which it is sent: text over the picture, a cue point. */
export type TimedScript = {
  readonly name: 'onTextData' | 'onCuePoint';
  /** What it says, as JSON. */
  readonly data: string;
};

/**
 * Reads the payload of an RTMP data message: `onTextData` or `onCuePoint` (FLV, E.5 and E.6). Undefined for every other script.
 *
 * @throws {MillraceError} `media/truncated` or `media/malformed` as `decodeAmf0`.
 */
export function parseTimedScript(payload: Uint8Array): TimedScript | undefined {
  const [name, value] = decodeAmf0(payload);
  return name === 'onTextData' || name === 'onCuePoint' ? { name, data: JSON.stringify(value ?? null) } : undefined;
}

/** Longest name of an encoder that is shown, and what of a longer text is looked at for printable characters. */
const MAX_ENCODER = 100;
const MAX_LOOKED_AT = 400;

function claimsOf(object: AmfObject): MetadataClaims {
  const { encoder, framerate } = object;
  const hasAudio = presence(object, 'hasAudio', 'audiocodecid');
  const hasVideo = presence(object, 'hasVideo', 'videocodecid');
  return {
    ...(typeof encoder === 'string' && encoder !== '' ? { encoder: encoder.slice(0, MAX_LOOKED_AT).replace(/[^\x20-\x7e\u00a0-\uffff]/g, '').slice(0, MAX_ENCODER) } : {}),
    ...(hasAudio === undefined ? {} : { hasAudio }),
    ...(hasVideo === undefined ? {} : { hasVideo }),
    ...(typeof framerate === 'number' && framerate > 0 && framerate <= 1000 ? { frameRate: framerate } : {}),
  };
}

/** A flag where there is one; else whether a codec is named, where the encoder names codecs at all. */
function presence(object: AmfObject, flag: string, codec: string): boolean | undefined {
  const said = object[flag];
  if (typeof said === 'boolean') {
    return said;
  }
  if (object[codec] !== undefined && object[codec] !== null) {
    return true;
  }
  return object['audiocodecid'] !== undefined || object['videocodecid'] !== undefined ? false : undefined;
}
