import { readAttribute } from './attributes.ts';
import { malformed, tooLarge, unsupported } from './errors.ts';
import { linesOf, numberOf, wordsOf } from './lines.ts';
import { isKnownKind, mediaOf, type MediaLine } from './offered-media.ts';
import { emptySection, type Section } from './section.ts';
import type { OfferedMedia, SessionOffer } from './session-offer.ts';

const MAX_MEDIA = 64;
const MAX_FORMATS = 128;

/**
 * Parses the offer of a WebRTC client (RFC 8866, RFC 9429) and checks that it grants what this server needs: one bundled
 * transport with ICE, DTLS with a fingerprint that can be checked, and RTCP beside RTP.
 *
 * Tolerant where clients differ: line ends, attributes for the session instead of the m-lines, BUNDLE groups that name
 * m-lines which are not there, unknown attributes. Linear in the length of the text, which is bounded.
 *
 * @throws {MillraceError} `sdp/malformed`; `sdp/too-large` beyond the limits; `sdp/unsupported` where it is valid but asks
 * for what the server does not do.
 */
export function parseOffer(text: string): SessionOffer {
  const { session, lines } = readSections(text);
  const media = lines.map(({ line, section }, index) => mediaOf(line, section, session, index));
  checkMids(media);
  const used = media.filter(({ rejected }) => !rejected);
  const bundle = session.bundles[0]?.filter((mid) => used.some((other) => other.mid === mid)) ?? [];
  const transport = checkBundle(used, bundle);
  return {
    media,
    bundle,
    ...checkTransport(transport, session),
    trickle: [...session.iceOptions, ...lines.flatMap(({ section }) => section.iceOptions)].includes('trickle'),
    extmapAllowMixed: session.extmapAllowMixed,
  };
}

type Sections = { readonly session: Section; readonly lines: readonly { readonly line: MediaLine; readonly section: Section }[] };

function readSections(text: string): Sections {
  const session = emptySection();
  const lines: { line: MediaLine; section: Section }[] = [];
  let current = session;
  let isFirst = true;
  for (const { type, value } of linesOf(text)) {
    // RFC 8866, 5.1: the version comes first, and is 0.
    if (isFirst && (type !== 'v' || value.trim() !== '0')) {
      throw malformed('A description begins with v=0.');
    }
    isFirst = false;
    if (type === 'm') {
      if (lines.length >= MAX_MEDIA) {
        throw tooLarge(`An offer may have ${MAX_MEDIA} m-lines.`);
      }
      current = emptySection();
      lines.push({ line: readMediaLine(value), section: current });
    } else if (type === 'a') {
      readAttribute(current, value);
    }
  }
  if (isFirst) {
    throw malformed('The description is empty.');
  }
  if (lines.length === 0) {
    throw malformed('The offer has no m-line.');
  }
  return { session, lines };
}

/** RFC 8866, 5.14: `m=<media> <port>[/<number of ports>] <proto> <fmt> ...`. */
function readMediaLine(value: string): MediaLine {
  const [mediaType, portText, protocol, ...formats] = wordsOf(value);
  const port = numberOf(portText?.split('/')[0], 65_535);
  if (mediaType === undefined || port === undefined || protocol === undefined || formats.length === 0) {
    throw malformed('An m-line must be <media> <port> <protocol> <format> ....');
  }
  if (formats.length > MAX_FORMATS) {
    throw tooLarge(`An m-line may have ${MAX_FORMATS} formats.`);
  }
  return { mediaType, port, protocol, formats };
}

/** RFC 9143, 7.1: "each 'mid' value MUST be unique" within a description. */
function checkMids(media: readonly OfferedMedia[]): void {
  if (new Set(media.map(({ mid }) => mid)).size !== media.length) {
    throw malformed('Two m-lines have the same a=mid.');
  }
}

/** The m-line whose transport all the others use: the first of the BUNDLE group (RFC 9143, 7.2). */
function checkBundle(used: readonly OfferedMedia[], bundle: readonly string[]): OfferedMedia {
  const [only] = used;
  if (only === undefined) {
    throw unsupported('Every m-line of the offer has port 0.');
  }
  const tagged = used.find(({ mid }) => mid === bundle[0]);
  if (tagged === undefined) {
    // Without a group there is one transport all the same where there is one m-line.
    if (used.length === 1) {
      return only;
    }
    throw unsupported('The offer must bundle its m-lines (a=group:BUNDLE, RFC 9143): the server has one transport for all.');
  }
  for (const { mid, mediaType, rtcpMux } of used.filter(isKnownKind)) {
    if (!bundle.includes(mid)) {
      throw unsupported(`The m-line of ${mediaType} (mid ${mid}) is not in the BUNDLE group: the server has one transport for all.`);
    }
    // RFC 9143, 9.3: "the 'rtcp-mux' attribute [...] in each bundled RTP-based 'm=' section".
    if (!rtcpMux) {
      throw unsupported(`The m-line of ${mediaType} (mid ${mid}) lacks a=rtcp-mux: the server takes RTCP beside RTP only.`);
    }
  }
  return tagged;
}

function checkTransport(media: OfferedMedia, session: Section): Pick<SessionOffer, 'ice' | 'fingerprints' | 'setup'> {
  const { ice, fingerprints, setup } = media;
  if (session.iceLite) {
    // RFC 8445, 6.1.1: of two lite agents neither sends checks.
    throw unsupported('The offer says a=ice-lite, and so does this server: one side has to be a full ICE agent.');
  }
  if (ice === undefined) {
    throw malformed('The offer lacks a=ice-ufrag or a=ice-pwd.');
  }
  if (fingerprints.length === 0) {
    throw unsupported('The offer lacks an a=fingerprint of sha-256, sha-384 or sha-512.');
  }
  switch (setup) {
    case 'actpass':
    case 'active':
    case 'passive':
      return { ice, fingerprints, setup };
    case undefined:
      // RFC 4145, 4.1: "The default value of the setup attribute in an offer/answer exchange is 'active' in the offer".
      return { ice, fingerprints, setup: 'active' };
    default:
      throw unsupported(`The offer says a=setup:${setup.slice(0, 16)}: offer actpass, active or passive.`);
  }
}
