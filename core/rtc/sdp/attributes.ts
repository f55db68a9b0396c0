import { parseCandidate } from './candidate.ts';
import { malformed, tooLarge } from './errors.ts';
import { attributeOf, numberOf, wordsOf } from './lines.ts';
import { readFingerprint, readPwd, readUfrag } from './transport-attributes.ts';
import { readFeedback, readFmtp, readRtpmap } from './format-attributes.ts';
import type { Section } from './section.ts';
import { readGroup, readRid, readSimulcast, readSource } from './source-attributes.ts';

/** Of each kind a section may hold so many; what may be ignored beyond it is, the rest is an error. */
const MAX_CANDIDATES = 64;
const MAX_EXTENSIONS = 64;
const MAX_FINGERPRINTS = 16;
const MAX_BUNDLES = 16;

/** Tokens of RFC 8866, 9 (`token-char`). */
const tokenPattern = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,64}$/;

type Reader = (section: Section, value: string) => void;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['mid', readMid],
  ['sendrecv', (section) => void (section.direction = 'sendrecv')],
  ['sendonly', (section) => void (section.direction = 'sendonly')],
  ['recvonly', (section) => void (section.direction = 'recvonly')],
  ['inactive', (section) => void (section.direction = 'inactive')],
  ['group', readBundle],
  ['setup', (section, value) => void (section.setup = value.trim().toLowerCase())],
  ['ice-ufrag', (section, value) => void (section.ufrag = readUfrag(value))],
  ['ice-pwd', (section, value) => void (section.pwd = readPwd(value))],
  // Spaces lie between them (RFC 8839, 5.6), but libdatachannel writes commas.
  ['ice-options', (section, value) => void (section.iceOptions = value.split(/[ ,]+/))],
  ['ice-lite', (section) => void (section.iceLite = true)],
  ['fingerprint', (section, value) => addFingerprint(section, value)],
  ['candidate', readCandidate],
  ['end-of-candidates', (section) => void (section.endOfCandidates = true)],
  ['rtcp-mux', (section) => void (section.rtcpMux = true)],
  ['rtcp-mux-only', (section) => void (section.rtcpMux = true)],
  ['rtcp-rsize', (section) => void (section.rtcpRsize = true)],
  ['bundle-only', (section) => void (section.bundleOnly = true)],
  ['extmap-allow-mixed', (section) => void (section.extmapAllowMixed = true)],
  ['extmap', readExtmap],
  ['msid', readMsid],
  ['rtpmap', readRtpmap],
  ['fmtp', readFmtp],
  ['rtcp-fb', readFeedback],
  ['rid', readRid],
  ['simulcast', readSimulcast],
  ['ssrc', readSource],
  ['ssrc-group', readGroup],
]);

/**
 * Takes an `a=` line into its section. Attributes that nobody here reads are passed over.
 *
 * @throws {MillraceError} `sdp/malformed`, `sdp/too-large`.
 */
export function readAttribute(section: Section, line: string): void {
  const [name, value] = attributeOf(line);
  readers.get(name)?.(section, value);
}

function readMid(section: Section, value: string): void {
  const mid = value.trim();
  if (!tokenPattern.test(mid)) {
    throw malformed('a=mid must be a token of at most 64 characters.');
  }
  section.mid = mid;
}

/** RFC 9143, 7: `a=group:BUNDLE <mid> ...`. Other kinds of group do not matter here. */
function readBundle(section: Section, value: string): void {
  const [semantics, ...mids] = wordsOf(value);
  if (semantics === 'BUNDLE') {
    if (section.bundles.length >= MAX_BUNDLES) {
      throw tooLarge(`There may be ${MAX_BUNDLES} a=group lines.`);
    }
    section.bundles.push(mids);
  }
}

function addFingerprint(section: Section, value: string): void {
  const fingerprint = readFingerprint(value);
  if (fingerprint !== undefined) {
    if (section.fingerprints.length >= MAX_FINGERPRINTS) {
      throw tooLarge(`A section may have ${MAX_FINGERPRINTS} a=fingerprint lines.`);
    }
    section.fingerprints.push(fingerprint);
  }
}

/** An ICE-lite server needs no candidates of its peer: those it cannot read, and those too many, it does without. */
function readCandidate(section: Section, value: string): void {
  const candidate = section.candidates.length < MAX_CANDIDATES ? parseCandidate(value) : undefined;
  if (candidate !== undefined) {
    section.candidates.push(candidate);
  }
}

/** RFC 8285, 8: `a=extmap:<value>["/"<direction>] <URI> <extensionattributes>`. */
function readExtmap(section: Section, value: string): void {
  const [map = '', uri] = wordsOf(value);
  const [digits, direction] = map.split('/');
  const id = numberOf(digits, 255);
  if (id === undefined || id === 0 || uri === undefined) {
    throw malformed('a=extmap must be <1-255> <URI>.');
  }
  if (section.extensions.length >= MAX_EXTENSIONS) {
    throw tooLarge(`An m-line may have ${MAX_EXTENSIONS} a=extmap lines.`);
  }
  const isDirection = direction === 'sendrecv' || direction === 'sendonly' || direction === 'recvonly' || direction === 'inactive';
  section.extensions.push(isDirection ? { id, uri, direction } : { id, uri });
}

/** RFC 8830, 2: `a=msid:<stream> [<track>]`. The first one counts. */
function readMsid(section: Section, value: string): void {
  const [stream, track] = wordsOf(value);
  if (stream !== undefined) {
    section.msid ??= { stream, track };
  }
}
