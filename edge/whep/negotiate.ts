import type { LadderCatalog } from '#core/bus/catalog.ts';
import { formatFor } from '#core/rtc/sdp/match.ts';
import type { AnsweredMedia, AnsweredSender } from '#core/rtc/sdp/session-answer.ts';
import type { OfferedCodec, OfferedExtension, OfferedMedia, SessionOffer } from '#core/rtc/sdp/session-offer.ts';
import type { ExtensionIds, MediaSenderOptions, SendStream } from '#core/rtc/sender/media-sender.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';

import { fittingRenditions, webrtcRenditions } from './rungs.ts';

const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const ABS_SEND_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';
const TRANSPORT_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';

/** One-byte header extensions have these ids (RFC 8285, 4.2). */
const MAX_ONE_BYTE_ID = 14;

/** Codecs that a source or an encoder here can bring to WebRTC. */
const VIDEO_CODECS: ReadonlySet<string> = new Set(['h264', 'vp8', 'vp9', 'av1']);

/** A stream that will be sent: what was offered for it, what is answered, and what the sender is told. */
export type NegotiatedStream = {
  /** The offer's m-line with the answered formats alone: what frames may be sent in. */
  readonly media: OfferedMedia;
  /** Index of the m-line. */
  readonly index: number;
  readonly stream: SendStream;
};

/** What offer and server have in common. */
export type Negotiated = {
  readonly media: readonly AnsweredMedia[];
  readonly video: NegotiatedStream | undefined;
  readonly audio: NegotiatedStream | undefined;
  readonly extensions: ExtensionIds;
  readonly feedback: MediaSenderOptions['feedback'];
};

/** What the server brings into a negotiation. */
export type NegotiateInput = {
  readonly offer: SessionOffer;
  /** Undefined while the broadcast's is not known. */
  readonly ladder: LadderCatalog | undefined;
  /** Shared by picture and sound, which are played in step. */
  readonly cname: string;
  /** Makes an SSRC: 32 bits, not 0. */
  readonly ssrc: () => number;
};

/**
 * Answers an offer: every format is taken that a rung may come to need, those that the ladder needs now first, so that a viewer can go
 * from rung to rung, also to one that is not encoded yet.
 *
 * @throws {Refusal} 422 `whep/no-codec` where neither picture nor sound of the stream can be sent.
 */
export function negotiate(input: NegotiateInput): Negotiated {
  const { offer, ladder } = input;
  const video = takeFirst(offer, 'video', (media) => videoFormats(media, ladder));
  const audio = takeFirst(offer, 'audio', (media) => opusFormats(media));
  const wantsVideo = ladder === undefined || ladder.renditions.some(({ config }) => config.kind === 'video');
  const withoutPicture = audio !== undefined && !(wantsVideo && offersVideo(offer));
  if (video === undefined ? !withoutPicture : wantsVideo && !hasFitting(ladder, video.media)) {
    throw new Refusal(422, 'whep/no-codec', 'None of the codecs offered is one that this stream is sent in.');
  }
  const taken = [video, audio].filter((stream) => stream !== undefined);
  const streams = new Map(taken.map((one) => [one.index, { ...one, stream: sendStream(one.media, input) }]));
  return {
    media: offer.media.map((media, index) => answered(media, streams.get(index), input.cname)),
    video: video && streams.get(video.index),
    audio: audio && streams.get(audio.index),
    extensions: extensionIds(taken.flatMap(({ media }) => media.extensions)),
    feedback: feedbackOf(video?.media),
  };
}

type Taken = Omit<NegotiatedStream, 'stream'>;

/** The first m-line of a kind that the peer wants to receive, with the formats and extensions that are taken of it. */
function takeFirst(offer: SessionOffer, kind: 'video' | 'audio', formats: (media: OfferedMedia) => readonly OfferedCodec[]): Taken | undefined {
  const index = offer.media.findIndex((media) => media.kind === kind && receives(media));
  const offered = offer.media[index];
  const codecs = offered === undefined ? [] : formats(offered);
  if (offered === undefined || codecs.length === 0) {
    return undefined;
  }
  const extensions = offered.extensions.filter(({ uri, id }) => [MID, ABS_SEND_TIME, TRANSPORT_CC].includes(uri) && id <= MAX_ONE_BYTE_ID);
  return { index, media: { ...offered, codecs: codecs.map((codec) => limited(codec, extensions)), extensions } };
}

function receives({ direction, rejected }: OfferedMedia): boolean {
  return !rejected && (direction === 'recvonly' || direction === 'sendrecv');
}

function offersVideo({ media }: SessionOffer): boolean {
  return media.some((one) => one.kind === 'video' && receives(one));
}

/** Those that the ladder's rungs go out in, best rung first, then those that a rung to come may need. */
function videoFormats(media: OfferedMedia, ladder: LadderCatalog | undefined): readonly OfferedCodec[] {
  const needed = webrtcRenditions(ladder, 'video').flatMap(({ config }) => formatFor(media, config) ?? []);
  const possible = media.codecs.filter(({ name, parameters }) => VIDEO_CODECS.has(name) && (name !== 'h264' || parameters['packetization-mode'] === '1'));
  return [...new Set([...needed, ...possible])];
}

function opusFormats(media: OfferedMedia): readonly OfferedCodec[] {
  const opus = media.codecs.find(({ name, clockRate }) => name === 'opus' && clockRate === 48_000);
  // RFC 7587, 6.1: what is sent may be stereo.
  return opus === undefined ? [] : [{ ...opus, parameters: { ...opus.parameters, 'sprop-stereo': '1' } }];
}

/** Where the ladder names no picture for WebRTC yet, an encoded one may follow, and that is H.264. */
function hasFitting(ladder: LadderCatalog | undefined, media: OfferedMedia): boolean {
  return webrtcRenditions(ladder, 'video').length > 0 ? fittingRenditions(ladder, media).length > 0 : media.codecs.some(({ name }) => name === 'h264');
}

/** One kind of congestion feedback is enough: where the transport-wide one is there, REMB would only be more to send. */
function limited(codec: OfferedCodec, extensions: readonly OfferedExtension[]): OfferedCodec {
  const wide = codec.feedback.includes('transport-cc') && extensions.some(({ uri }) => uri === TRANSPORT_CC);
  const wanted = ['nack', 'nack pli', 'ccm fir', wide ? 'transport-cc' : 'goog-remb'];
  return { ...codec, feedback: codec.feedback.filter((kind) => wanted.includes(kind)) };
}

function feedbackOf(media: OfferedMedia | undefined): Negotiated['feedback'] {
  const kinds = media?.codecs[0]?.feedback ?? [];
  return kinds.includes('transport-cc') ? 'transport-cc' : kinds.includes('goog-remb') ? 'remb' : 'none';
}

function sendStream(media: OfferedMedia, { cname, ssrc }: NegotiateInput): SendStream {
  const repeats = media.codecs.some(({ rtxPayloadType }) => rtxPayloadType !== undefined);
  return { mid: media.mid, ssrc: ssrc(), ...(repeats ? { rtxSsrc: ssrc() } : {}), clockRate: media.kind === 'video' ? 90_000 : 48_000, cname };
}

function answered(offered: OfferedMedia, taken: NegotiatedStream | undefined, cname: string): AnsweredMedia {
  if (taken === undefined) {
    return { offered, accepted: false };
  }
  const { ssrc, rtxSsrc } = taken.stream;
  const sender: AnsweredSender = { ssrc, ...(rtxSsrc === undefined ? {} : { rtxSsrc }), cname, stream: cname, track: offered.kind };
  return { offered, accepted: true, direction: 'sendonly', codecs: taken.media.codecs, extensions: taken.media.extensions, sender };
}

/** RFC 9143, 10.1: an id means the same in every bundled m-line. */
function extensionIds(extensions: readonly OfferedExtension[]): ExtensionIds {
  const idOf = (uri: string): number | undefined => extensions.find((extension) => extension.uri === uri)?.id;
  const [mid, absSendTime, transportCc] = [idOf(MID), idOf(ABS_SEND_TIME), idOf(TRANSPORT_CC)];
  return {
    ...(mid === undefined ? {} : { mid }),
    ...(absSendTime === undefined ? {} : { absSendTime }),
    ...(transportCc === undefined ? {} : { transportCc }),
  };
}
