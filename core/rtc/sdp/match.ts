import type { TrackConfig } from '../../media/track.ts';
import { h264ProfileDistance, offeredProfile, parseProfileLevelId, profileName, type ProfileName } from './h264-profile.ts';
import type { OfferedCodec, OfferedMedia } from './session-offer.ts';

/** H.264 profiles that are not 8 bits, 4:2:0: no browser would play what is made of them. */
const REFUSED_PROFILES: ReadonlySet<ProfileName | undefined> = new Set(['high-10', 'high-422', 'high-444']);

/**
 * The offered format in which a track can be sent to this peer as it is: the same profile where it was offered, else the
 * nearest whose decoders must decode it. Of equals the first.
 */
export function formatFor({ codecs }: Pick<OfferedMedia, 'codecs'>, config: TrackConfig): OfferedCodec | undefined {
  let best: { codec: OfferedCodec; distance: number } | undefined;
  for (const codec of codecs) {
    const distance = distanceOf(codec, config);
    if (distance !== undefined && (best === undefined || distance < best.distance)) {
      best = { codec, distance };
    }
  }
  return best?.codec;
}

/** Formats that the server can receive, of those offered, in the offerer's order: H.264 (packetization mode 1), VP8, VP9, AV1, Opus. */
export function receivableFormats({ codecs }: Pick<OfferedMedia, 'codecs'>): readonly OfferedCodec[] {
  return codecs.filter((codec) => {
    const { name, parameters } = codec;
    switch (name) {
      case 'h264': {
        // What cannot be read passes: ffmpeg 8 writes seven digits for Constrained Baseline, and the stream itself tells.
        const profile = offeredProfile(codec);
        return isVideoClock(codec) && parameters['packetization-mode'] === '1' && (profile === undefined || !REFUSED_PROFILES.has(profileName(profile)));
      }
      case 'vp8':
        return isVideoClock(codec);
      case 'vp9':
        return isVideoClock(codec) && numberIn(parameters['profile-id']) === 0;
      case 'av1':
        return isVideoClock(codec) && numberIn(parameters['profile']) === 0;
      case 'opus':
        return isOpus(codec);
      default:
        return false;
    }
  });
}

/** The format with those kinds of feedback left that `wanted` names. */
export function limitFeedback(codec: OfferedCodec, wanted: readonly string[]): OfferedCodec {
  return { ...codec, feedback: codec.feedback.filter((type) => wanted.includes(type)) };
}

function distanceOf(codec: OfferedCodec, { codec: name, codecString, ...config }: TrackConfig): number | undefined {
  if (codec.name !== name) {
    return undefined;
  }
  switch (name) {
    case 'h264': {
      const needed = parseProfileLevelId(codecString.slice('avc1.'.length));
      return needed === undefined || !isVideoClock(codec) ? undefined : h264ProfileDistance(codec, needed);
    }
    case 'vp8':
      return isVideoClock(codec) ? 0 : undefined;
    case 'vp9':
      // RFC 9628, 6: without `profile-id` profile 0. A decoder of one profile need not know another.
      return isVideoClock(codec) && numberIn(codec.parameters['profile-id']) === numberIn(codecString.split('.')[1]) ? 0 : undefined;
    case 'av1': {
      // AV1, A.2: decoders of a profile decode the profiles below it.
      const above = (numberIn(codec.parameters['profile']) ?? -1) - (numberIn(codecString.split('.')[1]) ?? 0);
      return isVideoClock(codec) && above >= 0 ? above : undefined;
    }
    case 'opus':
      // RFC 7587: two channels at most; what has more is another format.
      return isOpus(codec) && 'channels' in config && config.channels <= 2 ? 0 : undefined;
    default:
      return undefined;
  }
}

function isVideoClock({ clockRate }: OfferedCodec): boolean {
  return clockRate === 90_000;
}

/** RFC 7587, 7: "the number of channels MUST be 2" whatever is sent. */
function isOpus({ name, clockRate, channels }: OfferedCodec): boolean {
  return name === 'opus' && clockRate === 48_000 && channels === 2;
}

/** A profile's number, 0 where it is not stated; undefined where it is no number. */
function numberIn(text: string | undefined): number | undefined {
  return text === undefined ? 0 : /^\d{1,2}$/.test(text) ? Number(text) : undefined;
}
