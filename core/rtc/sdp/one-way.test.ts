import { describe, expect, test } from 'vitest';

import { mediaToReceive, mediaToSend } from './one-way.ts';
import { parseOffer } from './parse-offer.ts';
import { OFFER_NAMES, offerText, type OfferName } from './testing/offers.ts';

function mids(chosen: ReturnType<typeof mediaToSend>): readonly (string | undefined)[] {
  return [chosen.video?.mid, chosen.audio?.mid];
}

function edited(name: OfferName, edit: (text: string) => string): ReturnType<typeof parseOffer> {
  const changed = edit(offerText(name));
  expect(changed).not.toBe(offerText(name));
  return parseOffer(changed);
}

/** A second m-line of the first one's kind. */
function doubled(text: string): string {
  const [session = '', first = '', ...rest] = text.split(/(?=m=)/);
  return [session.replace('BUNDLE 0 1', 'BUNDLE 0 1 2'), first, ...rest, first.replace('a=mid:0', 'a=mid:2')].join('');
}

describe('what a publisher offers', () => {
  const publishers = OFFER_NAMES.filter((name) => !name.endsWith('whep'));

  test.each(publishers)('%s has one of each kind at most', (name) => {
    expect(mids(mediaToReceive(parseOffer(offerText(name)))).some((mid) => mid !== undefined)).toBe(true);
  });

  test('a data channel is passed over', () => {
    expect(mids(mediaToReceive(parseOffer(offerText('chromium-156-simulcast'))))).toEqual(['0', '1']);
  });

  test.each([
    ['to receive', edited('obs-30-whip', (text) => text.replace('a=sendonly', 'a=recvonly')), /a=recvonly/],
    ['nothing', edited('obs-30-whip', (text) => text.replace('a=sendonly', 'a=inactive')), /a=inactive/],
    ['two of a kind', edited('obs-30-whip', doubled), /2 m-lines of audio/],
    ['neither video nor audio', edited('chromium-156-simulcast', (text) => text.replace(/m=video[\s\S]*(?=m=application)/, '').replace('BUNDLE 0 1 2', 'BUNDLE 2')), /neither video nor audio/],
    ['text', edited('obs-30-whip', (text) => `${text.replace('BUNDLE 0 1', 'BUNDLE 0 1 2')}m=text 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:2\r\na=rtcp-mux\r\n`), /m-line of text/],
  ])('%s cannot be published', (_, offer, message) => {
    expect(() => mediaToReceive(offer)).toThrow(expect.objectContaining({ code: 'sdp/unsupported', message: expect.stringMatching(message) as unknown }));
  });
});

describe('what a viewer offers', () => {
  test.each(['chromium-156-whep', 'firefox-140-whep', 'safari-18-whep', 'wrtc-0.10-whep'] as const)('%s', (name) => {
    expect(mids(mediaToSend(parseOffer(offerText(name)))).every((mid) => mid !== undefined)).toBe(true);
  });

  test('of two m-lines of a kind the first is used', () => {
    expect(mids(mediaToSend(edited('wrtc-0.10-whep', doubled)))).toEqual(['1', '0']);
  });

  test('an m-line that only sends is passed over', () => {
    expect(mids(mediaToSend(edited('chromium-156-whep', (text) => text.replace('a=recvonly', 'a=sendonly'))))).toEqual([undefined, '1']);
    expect(() => mediaToSend(parseOffer(offerText('obs-30-whip')))).toThrow(/a viewer offers recvonly/);
  });
});
