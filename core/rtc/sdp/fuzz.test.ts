import { describe, expect, test } from 'vitest';

import { seededRandom } from '#test/fuzz/mutate.ts';

import { MillraceError } from '../../runtime/errors.ts';
import { parseSdpFragment } from './fragment.ts';
import { receivableFormats } from './match.ts';
import { mediaToReceive, mediaToSend } from './one-way.ts';
import { parseOffer } from './parse-offer.ts';
import type { AnsweredMedia } from './session-answer.ts';
import type { SessionOffer } from './session-offer.ts';
import { mutateSdp } from './testing/mutate-sdp.ts';
import { OFFER_NAMES, offerText } from './testing/offers.ts';
import { writeAnswer } from './write-answer.ts';

const STEPS = 3_000;
/** For machines that have other things to do: the steps are what is bounded. */
const PATIENCE = 30_000;
const CODES = new Set(['sdp/malformed', 'sdp/too-large', 'sdp/unsupported']);

const offers = OFFER_NAMES.map(offerText);

/** What a parser says of a text: its result, or that it refused in its own words. Anything else is a fault. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof MillraceError && CODES.has(error.code) && error.message.length < 400) {
      return undefined;
    }
    throw error;
  }
}

function expectSound(offer: SessionOffer): void {
  expect(offer.media.length).toBeLessThanOrEqual(64);
  expect(offer.ice.ufrag).toMatch(/^[A-Za-z0-9+/]{4,256}$/);
  expect(offer.fingerprints.length).toBeGreaterThan(0);
  for (const media of offer.media) {
    expect(media.codecs.length).toBeLessThanOrEqual(128);
    expect(media.candidates.length).toBeLessThanOrEqual(64);
    expect(media.codecs.every(({ payloadType, clockRate }) => payloadType >= 0 && payloadType <= 127 && clockRate > 0)).toBe(true);
  }
}

/** An answer that takes all it can of an offer: nothing of the offer may break out of its line. */
function answerTo(offer: SessionOffer): string {
  const media = offer.media.map((offered): AnsweredMedia => {
    const codecs = receivableFormats(offered);
    return codecs.length > 0 && !offered.rejected ? { offered, accepted: true, direction: 'recvonly', codecs, extensions: offered.extensions, rids: offered.simulcast?.send ?? [] } : { offered, accepted: false };
  });
  return writeAnswer({ offer, media, ice: { ufrag: 'srvUfrag', pwd: 'srvPasswordOf24Character' }, fingerprint: { algorithm: 'sha-256', value: 'AB' }, candidates: [] });
}

test('broken offers are refused in our own words, and what passes can be answered', () => {
  const random = seededRandom(20_261);
  let passed = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const text = mutateSdp(random.pick(offers), random);
    const offer = attempt(() => parseOffer(text));
    if (offer !== undefined) {
      passed += 1;
      expectSound(offer);
      attempt(() => mediaToReceive(offer));
      attempt(() => mediaToSend(offer));
      const answer = answerTo(offer);
      expect(answer.split('\r\n').every((line) => line === '' || /^[a-z]=[^\r\n]*$/.test(line)), answer).toBe(true);
      expect(answer.match(/^m=/gm)).toHaveLength(offer.media.length);
    }
  }
  // Else the mutations prove nothing.
  expect(passed).toBeGreaterThan(STEPS / 10);
  expect(passed).toBeLessThan(STEPS * 0.9);
}, PATIENCE);

test('broken fragments are refused in our own words', () => {
  const random = seededRandom(7);
  const fragments = offers.map((text) => text.split('\r\n').filter((line) => /^(m=|a=(mid|ice-|candidate|end-of))/.test(line)).join('\r\n'));
  let passed = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const text = mutateSdp(random.pick(fragments), random);
    const fragment = attempt(() => parseSdpFragment(text));
    passed += fragment === undefined ? 0 : 1;
    expect(fragment?.candidates.length ?? 0).toBeLessThanOrEqual(64);
  }
  expect(passed).toBeGreaterThan(STEPS / 10);
}, PATIENCE);

describe('bombs are refused, or read, in one pass', () => {
  const [whole = ''] = offers;
  const session = whole.slice(0, whole.indexOf('m='));
  const bombs: readonly (readonly [what: string, text: string])[] = [
    ['10,000 m-lines', session + 'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n'.repeat(10_000)],
    ['a line of 60 KB', `v=0\r\ns=${'x'.repeat(60_000)}\r\n`],
    ['a line without an end', 'v=0\r\na=' + 'fmtp:96 '.repeat(8_000)],
    ['64 KB of line ends', '\r\n'.repeat(32_000)],
    ['64 KB of bare line feeds', 'v=0' + '\n'.repeat(65_000)],
    ['simulcast as deep as a line', `${whole}a=simulcast:send ${'a,'.repeat(2_000)}\r\n`],
    ['parameters to the end of a line', `${whole}a=fmtp:111 ${'a=b;'.repeat(1_000)}\r\n`.repeat(10)],
    ['spaces', `${whole}a=candidate:${' '.repeat(4_000)}\r\n`.repeat(10)],
    ['spaces in an m-line', `${session}m=audio${' '.repeat(4_000)}9 UDP/TLS/RTP/SAVPF 0\r\n`],
    ['a fingerprint of a line', whole.replace(/sha-256 .*/, `sha-256 ${'AA:'.repeat(1_300)}AA`)],
    ['an ICE password of a line', whole.replace(/a=ice-pwd:.*/g, `a=ice-pwd:${'a'.repeat(4_000)}`)],
    ['feedback for every payload type', whole + Array.from({ length: 1_500 }, (_, index) => `a=rtcp-fb:${index % 128} nack x${index}\r\n`).join('')],
    ['retransmissions of retransmissions', `${session}m=video 9 UDP/TLS/RTP/SAVPF ${Array.from({ length: 128 }, (_, index) => index).join(' ')}\r\n${Array.from({ length: 128 }, (_, index) => `a=rtpmap:${index} rtx/90000\r\na=fmtp:${index} apt=${(index + 1) % 128}\r\n`).join('')}`],
    ['groups of groups', session.replace('s=-', `s=-\r\na=group:BUNDLE ${'a '.repeat(2_000)}`) + whole.slice(session.length)],
    ['a million characters', 'v=0\r\n' + 'a=x\r\n'.repeat(200_000)],
  ];

  test.each(bombs)('%s', (_, text) => {
    // Fifty times is nothing where the work grows with the length, and minutes where it grows with its square.
    for (let times = 0; times < 50; times += 1) {
      attempt(() => parseOffer(text));
      attempt(() => parseSdpFragment(text));
    }
  }, PATIENCE);
});
