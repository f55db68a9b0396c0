import { writeCandidate } from './candidate.ts';
import { ICE_LINES } from './fragment.ts';
import type { AnsweredMedia, SessionAnswer } from './session-answer.ts';
import type { OfferedCodec } from './session-offer.ts';

type AcceptedMedia = Extract<AnsweredMedia, { accepted: true }>;

/** Encoding names as their registrations spell them; they are compared without case, but not by every client. */
const spellings: ReadonlyMap<string, string> = new Map([
  ['h264', 'H264'],
  ['vp8', 'VP8'],
  ['vp9', 'VP9'],
  ['av1', 'AV1'],
]);

/**
 * Writes the answer of an ICE-lite server (RFC 9429, 5.3; RFC 8839; RFC 9143): every accepted m-line is
 * bundled, and carries the transport's attributes so that clients which read only the first one, or only their own, find
 * them. M-lines that are not accepted have port 0.
 */
export function writeAnswer(answer: SessionAnswer): string {
  const accepted = answer.media.filter((media) => media.accepted);
  // RFC 9143, 7.3.1: of the offered group those that are accepted; where none was offered there is none.
  const bundle = accepted.map(({ offered }) => offered.mid).filter((mid) => answer.offer.bundle.includes(mid));
  const lines = [
    'v=0',
    // RFC 8866, 5.2: a number of 64 bits that nobody else uses; the server changes nothing, so the version stays.
    `o=- ${sessionId(answer)} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    ...(bundle.length > 0 ? [`a=group:BUNDLE ${bundle.join(' ')}`] : []),
    ...(answer.offer.extmapAllowMixed ? ['a=extmap-allow-mixed'] : []),
    ...ICE_LINES,
    ...streamsOf(accepted).map((stream) => `a=msid-semantic: WMS ${stream}`),
  ];
  for (const media of answer.media) {
    lines.push(...(media.accepted ? acceptedLines(media, answer, media === accepted[0]) : rejectedLines(media)));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** RFC 3264, 6: "To reject an offered stream, the port number in the corresponding stream in the answer MUST be set to zero." */
function rejectedLines({ offered }: AnsweredMedia): string[] {
  return [
    `m=${offered.mediaType} 0 ${offered.protocol} ${offered.formats.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${offered.mid}`,
    'a=inactive',
  ];
}

function acceptedLines(media: AcceptedMedia, answer: SessionAnswer, isTagged: boolean): string[] {
  const { offered, codecs, sender, rids = [], maxBitrate } = media;
  const formats = codecs.flatMap(({ payloadType, rtxPayloadType }) => (rtxPayloadType === undefined ? [payloadType] : [payloadType, rtxPayloadType]));
  return [
    `m=${offered.mediaType} 9 ${offered.protocol} ${formats.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    ...(maxBitrate === undefined ? [] : [`b=AS:${Math.ceil(maxBitrate / 1000)}`, `b=TIAS:${Math.round(maxBitrate)}`]),
    'a=rtcp:9 IN IP4 0.0.0.0',
    ...transportLines(answer, isTagged),
    `a=mid:${offered.mid}`,
    ...media.extensions.map(({ id, uri }) => `a=extmap:${id} ${uri}`),
    `a=${media.direction}`,
    ...(sender === undefined ? [] : [`a=msid:${sender.stream} ${sender.track}`]),
    'a=rtcp-mux',
    // RFC 9725, 4.4.1: both sides "MUST include the 'rtcp-mux-only' attribute in each bundled 'm=' sections".
    'a=rtcp-mux-only',
    ...(offered.rtcpRsize ? ['a=rtcp-rsize'] : []),
    ...codecs.flatMap(codecLines),
    // RFC 8851, 6.2 and RFC 8853, 5.3.2: what was offered to be sent is answered as received.
    ...rids.map((id) => `a=rid:${id} recv`),
    ...(rids.length > 0 ? [`a=simulcast:recv ${rids.join(';')}`] : []),
    ...sourceLines(media),
  ];
}

function transportLines({ offer, ice, fingerprint, candidates }: SessionAnswer, isTagged: boolean): string[] {
  return [
    // RFC 9143, 7.3: candidates stand at the tagged m-line, for all.
    ...(isTagged ? [...candidates.map((candidate) => `a=candidate:${writeCandidate(candidate)}`), 'a=end-of-candidates'] : []),
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.pwd}`,
    `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`,
    // RFC 8842, 5.3: who begins DTLS. The client does, but where it offered to be waited for.
    `a=setup:${offer.setup === 'passive' ? 'active' : 'passive'}`,
  ];
}

function codecLines({ payloadType, name, clockRate, channels, parameters, feedback, rtxPayloadType }: OfferedCodec): string[] {
  const fmtp = Object.entries(parameters).map(([key, value]) => (value === '' ? key : `${key}=${value}`));
  return [
    `a=rtpmap:${payloadType} ${spellings.get(name) ?? name}/${clockRate}${channels > 1 ? `/${channels}` : ''}`,
    ...feedback.map((type) => `a=rtcp-fb:${payloadType} ${type}`),
    ...(fmtp.length > 0 ? [`a=fmtp:${payloadType} ${fmtp.join(';')}`] : []),
    ...(rtxPayloadType === undefined ? [] : [`a=rtpmap:${rtxPayloadType} rtx/${clockRate}`, `a=fmtp:${rtxPayloadType} apt=${payloadType}`]),
  ];
}

function sourceLines({ sender }: AcceptedMedia): string[] {
  if (sender === undefined) {
    return [];
  }
  const { ssrc, rtxSsrc, cname, stream, track } = sender;
  const all = rtxSsrc === undefined ? [ssrc] : [ssrc, rtxSsrc];
  return [
    ...(rtxSsrc === undefined ? [] : [`a=ssrc-group:FID ${ssrc} ${rtxSsrc}`]),
    ...all.flatMap((source) => [`a=ssrc:${source} cname:${cname}`, `a=ssrc:${source} msid:${stream} ${track}`]),
  ];
}

function streamsOf(accepted: readonly AcceptedMedia[]): readonly string[] {
  return [...new Set(accepted.flatMap(({ sender }) => (sender === undefined ? [] : [sender.stream])))];
}

/** A number below 2^63 that is as unique as the user fragment: the same answer is always the same text. */
function sessionId({ ice }: SessionAnswer): string {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const character of ice.ufrag) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100_0000_01b3n);
  }
  return String(hash >> 1n);
}
