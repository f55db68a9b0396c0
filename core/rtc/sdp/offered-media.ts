import { malformed, tooLarge } from './errors.ts';
import { numberOf } from './lines.ts';
import type { RtpMap, Section } from './section.ts';
import type { OfferedCodec, OfferedMedia } from './session-offer.ts';

/** An m-line as it stands (RFC 8866, 5.14). */
export type MediaLine = { readonly mediaType: string; readonly port: number; readonly protocol: string; readonly formats: readonly string[] };

/** RTP over DTLS: what WebRTC media use (RFC 9429, 5.1.2, with the variants it says to accept). */
const RTP_PROTOCOLS: ReadonlySet<string> = new Set(['UDP/TLS/RTP/SAVPF', 'TCP/TLS/RTP/SAVPF', 'UDP/TLS/RTP/SAVP', 'TCP/TLS/RTP/SAVP', 'RTP/SAVPF', 'RTP/SAVP']);

/** Static payload types that clients leave without `a=rtpmap` (RFC 3551, 6). */
const staticMaps: ReadonlyMap<number, RtpMap> = new Map([
  [0, { name: 'pcmu', clockRate: 8000, channels: 1 }],
  [8, { name: 'pcma', clockRate: 8000, channels: 1 }],
  [9, { name: 'g722', clockRate: 8000, channels: 1 }],
]);

const MAX_TOKEN = 64;

/** Whether an m-line is of sound or picture. */
export function isKnownKind({ kind }: Pick<OfferedMedia, 'kind'>): boolean {
  return kind === 'video' || kind === 'audio';
}

/**
 * Puts an m-line together with its attributes and those of the session that stand for all.
 *
 * @throws {MillraceError} `sdp/malformed`, `sdp/too-large`.
 */
export function mediaOf(line: MediaLine, own: Section, session: Section, index: number): OfferedMedia {
  const ufrag = own.ufrag ?? session.ufrag;
  const pwd = own.pwd ?? session.pwd;
  const kind = kindOf(line);
  // Repeated in the answer, and in messages.
  if (line.mediaType.length > MAX_TOKEN || line.protocol.length > MAX_TOKEN || line.formats.some(({ length }) => length > MAX_TOKEN)) {
    throw tooLarge(`A word of an m-line may have ${MAX_TOKEN} characters.`);
  }
  return {
    kind,
    mid: own.mid ?? String(index),
    direction: own.direction ?? session.direction ?? 'sendrecv',
    // RFC 9143, 6: with `bundle-only` port 0 does not mean that it is disabled.
    rejected: line.port === 0 && !own.bundleOnly,
    mediaType: line.mediaType,
    protocol: line.protocol,
    formats: line.formats,
    codecs: kind === 'video' || kind === 'audio' ? codecsOf(line.formats, own) : [],
    extensions: extensionsOf(own, session),
    ice: ufrag === undefined || pwd === undefined ? undefined : { ufrag, pwd },
    fingerprints: own.fingerprints.length > 0 ? own.fingerprints : session.fingerprints,
    setup: own.setup ?? session.setup,
    rtcpMux: own.rtcpMux || session.rtcpMux,
    rtcpRsize: own.rtcpRsize || session.rtcpRsize,
    rids: own.rids,
    simulcast: own.simulcast,
    ssrcs: [...own.sources].map(([ssrc, source]) => ({ ssrc, ...source })),
    ssrcGroups: own.groups,
    msid: own.msid,
    candidates: own.candidates,
  };
}

function kindOf({ mediaType, protocol }: MediaLine): OfferedMedia['kind'] {
  if (mediaType === 'application') {
    return 'application';
  }
  return (mediaType === 'video' || mediaType === 'audio') && RTP_PROTOCOLS.has(protocol.toUpperCase()) ? mediaType : 'other';
}

/** RFC 8285, 6: an id stands for one extension alone within a media description; session-level ones count for all. */
function extensionsOf(own: Section, session: Section): OfferedMedia['extensions'] {
  const all = [...session.extensions, ...own.extensions];
  const ids = new Map<number, string>();
  for (const { id, uri } of all) {
    if ((ids.get(id) ?? uri) !== uri) {
      throw malformed(`a=extmap:${id} stands for two header extensions.`);
    }
    ids.set(id, uri);
  }
  return all;
}

function codecsOf(formats: readonly string[], section: Section): readonly OfferedCodec[] {
  const payloadTypes = new Set<number>();
  for (const format of formats) {
    const payloadType = numberOf(format, 127);
    if (payloadType === undefined) {
      throw malformed(`${JSON.stringify(format)} is not an RTP payload type.`);
    }
    payloadTypes.add(payloadType);
  }
  const maps = [...payloadTypes].flatMap((payloadType) => {
    const map = section.rtpmaps.get(payloadType) ?? staticMaps.get(payloadType);
    return map === undefined ? [] : [{ payloadType, ...map }];
  });
  const rtx = new Map<number, number>();
  for (const { payloadType } of maps.filter(({ name }) => name === 'rtx')) {
    // RFC 4588, 8.6: `apt` is the payload type whose packets are repeated.
    const original = numberOf(section.fmtps.get(payloadType)?.['apt'], 127);
    if (original !== undefined && original !== payloadType && !rtx.has(original)) {
      rtx.set(original, payloadType);
    }
  }
  const forAll = section.feedback.get('*') ?? [];
  return maps.filter(({ name }) => name !== 'rtx').map((map) => {
    const rtxPayloadType = rtx.get(map.payloadType);
    return {
      ...map,
      parameters: section.fmtps.get(map.payloadType) ?? {},
      feedback: [...new Set([...(section.feedback.get(map.payloadType) ?? []), ...forAll])],
      ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
    };
  });
}
