import type { AnnouncedSource, ReceivedFormat, ReceivedMedia, ReceivePlan } from '#core/rtc/receiver/receive-plan.ts';
import { EXTENSIONS, takeExtensions } from '#core/rtc/sdp/header-extensions.ts';
import { limitFeedback, receivableFormats } from '#core/rtc/sdp/match.ts';
import { mediaToReceive } from '#core/rtc/sdp/one-way.ts';
import type { AnsweredMedia } from '#core/rtc/sdp/session-answer.ts';
import type { OfferedCodec, OfferedMedia, SessionOffer } from '#core/rtc/sdp/session-offer.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** What an offer leads to. */
export type Negotiated = {
  /** One for each m-line of the offer. */
  readonly media: readonly AnsweredMedia[];
  readonly plan: ReceivePlan;
  /** Kinds that were offered but in no codec that is taken, with the codecs' names. */
  readonly unusable: readonly { readonly kind: 'video' | 'audio'; readonly codecs: readonly string[] }[];
  /** The peer adapts rate and size to the network: who estimates bandwidth does. */
  readonly adaptive: boolean;
};

/**
 * Extensions that are taken. Not video-orientation: a browser that is not offered it turns the picture itself, and then every
 * face shows it upright.
 */
const TAKEN = [EXTENSIONS.mid, EXTENSIONS.rid, EXTENSIONS.repairedRid, EXTENSIONS.transportCc];
const CODECS: ReadonlySet<string> = new Set(['h264', 'vp8', 'vp9', 'av1', 'opus']);
/** Simulcast has three layers everywhere; more would be more epochs and more encoders' work for nobody. */
const MAX_LAYERS = 4;
/** Sound of 20 ms frames in stereo, with what is lost repeated in the next packet (RFC 7587, 6.1). */
const OPUS_PARAMETERS = { minptime: '10', useinbandfec: '1', stereo: '1', maxaveragebitrate: '128000' };

/**
 * Decides what of a publisher's offer is received.
 *
 * @throws {MillraceError} `sdp/unsupported` for m-lines that cannot be (RFC 9725, 4.4.2), `sdp/no-common-codec` where nothing of
 *   it is in a codec that is taken.
 */
export function negotiate(offer: SessionOffer): Negotiated {
  const chosen = mediaToReceive(offer);
  const unusable: { readonly kind: 'video' | 'audio'; readonly codecs: readonly string[] }[] = [];
  const received: ReceivedMedia[] = [];
  const media = offer.media.map((offered): AnsweredMedia => {
    const kind = offered === chosen.video ? 'video' : offered === chosen.audio ? 'audio' : undefined;
    const codecs = kind ? preferred(offered) : [];
    if (!kind || codecs.length === 0) {
      if (kind) {
        unusable.push({ kind, codecs: [...new Set(offered.codecs.map(({ name }) => name))] });
      }
      return { offered, accepted: false };
    }
    const rids = kind === 'video' ? ridsOf(offered, codecs) : [];
    received.push(receivedMedia(offered, kind, codecs, rids));
    return {
      offered,
      accepted: true,
      direction: 'recvonly',
      codecs,
      extensions: takeExtensions(offered, TAKEN),
      ...(rids.length > 0 ? { rids } : {}),
    };
  });
  if (received.length === 0) {
    const names = unusable.flatMap(({ codecs }) => codecs);
    throw new MillraceError('sdp/no-common-codec', `Of the codecs offered (${names.join(', ') || 'none'}) none is taken here: choose H.264, VP8, VP9 or AV1, and Opus.`);
  }
  const taken = media.filter((one) => one.accepted);
  const video = taken.find(({ offered }) => offered === chosen.video);
  const id = (uri: string): number | undefined => taken.flatMap(({ extensions }) => extensions).find((extension) => extension.uri === uri)?.id;
  const feedback = feedbackOf(taken.flatMap(({ codecs }) => codecs), id(EXTENSIONS.transportCc));
  return {
    media,
    plan: {
      media: received,
      extensions: extensionIds(id),
      feedback,
      reducedSize: taken.every(({ offered }) => offered.rtcpRsize),
    },
    unusable,
    adaptive: video?.codecs.some((codec) => codec.feedback.includes('transport-cc')) ?? false,
  };
}

/**
 * Chromium begins at 300 kbit/s with a small picture that grows in steps of four seconds, each of which is a new epoch. Told to begin
 * here, it has its full size (1280x720) after 8 s instead of 13. Others do not know the parameter.
 */
const START_BITRATE = { 'x-google-start-bitrate': '1200' };

/** Formats that are taken, H.264 first: it alone can be passed on to every viewer, and to HLS. */
function preferred(offered: OfferedMedia): OfferedCodec[] {
  const transport = offered.extensions.some(({ uri }) => uri === EXTENSIONS.transportCc);
  const congestion = transport && offered.codecs.some(({ feedback }) => feedback.includes('transport-cc')) ? 'transport-cc' : 'goog-remb';
  const begins = congestion === 'transport-cc' ? START_BITRATE : {};
  return receivableFormats(offered)
    .map((codec) =>
      codec.name === 'opus'
        ? { ...limitFeedback(codec, ['transport-cc']), parameters: OPUS_PARAMETERS }
        : { ...limitFeedback(codec, ['nack', 'nack pli', congestion]), parameters: { ...codec.parameters, ...begins } },
    )
    .toSorted((a, b) => Number(b.name === 'h264') - Number(a.name === 'h264'));
}

/** Layers that may come in a format that is taken. */
function ridsOf(offered: OfferedMedia, codecs: readonly OfferedCodec[]): readonly string[] {
  const usable = (rid: string): boolean => {
    const stated = offered.rids.find(({ id, direction }) => id === rid && direction === 'send');
    return stated !== undefined && (stated.payloadTypes?.some((type) => codecs.some(({ payloadType }) => payloadType === type)) ?? true);
  };
  return (offered.simulcast?.send ?? []).filter(usable).slice(0, MAX_LAYERS);
}

function receivedMedia(offered: OfferedMedia, kind: 'video' | 'audio', codecs: readonly OfferedCodec[], rids: readonly string[]): ReceivedMedia {
  const sources = sourcesOf(offered, rids.length > 0);
  return { mid: offered.mid, kind, formats: codecs.flatMap((codec) => formatOf(codec) ?? []), rids: rids.length > 0 ? rids : sources.flatMap(({ rid }) => rid ?? []), sources };
}

function formatOf(codec: OfferedCodec): ReceivedFormat | undefined {
  const { payloadType, name, clockRate, feedback, rtxPayloadType } = codec;
  if (!CODECS.has(name)) {
    return undefined;
  }
  return {
    payloadType,
    codec: name as ReceivedFormat['codec'],
    clockRate,
    ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
    nack: feedback.includes('nack'),
    pli: feedback.includes('nack pli'),
  };
}

/** Sources of `a=ssrc`, each with its RTX (`FID`). Where `SIM` groups them and no rid names them, they are layers by their place. */
function sourcesOf({ ssrcs, ssrcGroups }: OfferedMedia, named: boolean): readonly AnnouncedSource[] {
  const pairs = ssrcGroups.filter(({ semantics, ssrcs: members }) => semantics === 'FID' && members.length === 2);
  const repairs = new Set(pairs.map(({ ssrcs: members }) => members[1]));
  const layers = named ? [] : (ssrcGroups.find(({ semantics }) => semantics === 'SIM')?.ssrcs ?? []).slice(0, MAX_LAYERS);
  return ssrcs
    .filter(({ ssrc }) => !repairs.has(ssrc) && (layers.length === 0 || layers.includes(ssrc)))
    .map(({ ssrc }) => {
      const rtxSsrc = pairs.find(({ ssrcs: members }) => members[0] === ssrc)?.ssrcs[1];
      return { ssrc, ...(rtxSsrc === undefined ? {} : { rtxSsrc }), ...(layers.length > 0 ? { rid: String(layers.indexOf(ssrc)) } : {}) };
    });
}

function feedbackOf(codecs: readonly OfferedCodec[], transportCc: number | undefined): ReceivePlan['feedback'] {
  const has = (type: string): boolean => codecs.some(({ feedback }) => feedback.includes(type));
  return transportCc !== undefined && has('transport-cc') ? 'transport-cc' : has('goog-remb') ? 'remb' : 'none';
}

function extensionIds(id: (uri: string) => number | undefined): ReceivePlan['extensions'] {
  const mid = id(EXTENSIONS.mid);
  const rid = id(EXTENSIONS.rid);
  const repairedRid = id(EXTENSIONS.repairedRid);
  const transportCc = id(EXTENSIONS.transportCc);
  return {
    ...(mid === undefined ? {} : { mid }),
    ...(rid === undefined ? {} : { rid }),
    ...(repairedRid === undefined ? {} : { repairedRid }),
    ...(transportCc === undefined ? {} : { transportCc }),
  };
}
