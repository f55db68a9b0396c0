import { describe, expect, test } from 'vitest';

import { VIDEO_TIMESCALE, timescale } from '../../media/time.ts';
import type { AudioConfig, VideoConfig } from '../../media/track.ts';
import { EXTENSIONS, extensionId, takeExtensions } from './header-extensions.ts';
import { formatFor, limitFeedback } from './match.ts';
import { parseOffer } from './parse-offer.ts';
import type { OfferedMedia } from './session-offer.ts';
import { offerText, type OfferName } from './testing/offers.ts';

function video(codec: VideoConfig['codec'], codecString: string): VideoConfig {
  return { kind: 'video', codec, codecString, description: new Uint8Array(), width: 640, height: 360, timescale: VIDEO_TIMESCALE, frameDuration: 3000, reordered: false };
}

function audio(codec: AudioConfig['codec'], channels: number): AudioConfig {
  return { kind: 'audio', codec, codecString: codec, description: new Uint8Array(), sampleRate: 48_000, channels, timescale: timescale(48_000), frameDuration: 960 };
}

function media(name: OfferName, kind: 'video' | 'audio'): OfferedMedia {
  return parseOffer(offerText(name)).media.find((line) => line.kind === kind)!;
}

const cases: readonly (readonly [client: OfferName, track: VideoConfig, payloadType: number | undefined])[] = [
  ['chromium-156-whep', video('h264', 'avc1.42c01e'), 108],
  ['chromium-156-whep', video('h264', 'avc1.42001e'), 102],
  ['chromium-156-whep', video('h264', 'avc1.4d401f'), 116],
  ['chromium-156-whep', video('h264', 'avc1.640028'), 41],
  ['chromium-156-whep', video('h264', 'avc1.6e0028'), 41],
  ['chromium-156-whep', video('vp8', 'vp8'), 96],
  ['chromium-156-whep', video('vp9', 'vp09.00.10.08'), 98],
  ['chromium-156-whep', video('vp9', 'vp09.02.10.10'), 100],
  ['chromium-156-whep', video('av1', 'av01.0.04M.08'), 45],
  ['chromium-156-whep', video('av1', 'av01.1.04M.08'), 47],
  ['chromium-156-whep', video('av1', 'av01.2.04M.08'), undefined],
  ['chromium-156-whep', video('hevc', 'hvc1.1.6.L93.B0'), undefined],
  ['firefox-140-whep', video('h264', 'avc1.42c01e'), 126],
  ['firefox-140-whep', video('h264', 'avc1.640028'), undefined],
  ['safari-18-whep', video('h264', 'avc1.640c1f'), 96],
  ['safari-18-whep', video('h264', 'avc1.42c01f'), 98],
  ['safari-18-whep', video('h264', 'avc1.64001f'), undefined],
  ['wrtc-0.10-whep', video('h264', 'avc1.42c01f'), undefined],
];

describe('formatFor', () => {
  test.each(cases)('%s of $codecString', (client, track, payloadType) => {
    expect(formatFor(media(client, 'video'), track)?.payloadType).toBe(payloadType);
  });

  test('Opus of one or two channels', () => {
    const line = media('chromium-156-whep', 'audio');
    expect([1, 2, 6].map((channels) => formatFor(line, audio('opus', channels))?.payloadType)).toEqual([111, 111, undefined]);
    expect(formatFor(line, audio('aac', 2))).toBeUndefined();
  });
});

describe('what an answer takes of an offer', () => {
  test('kinds of feedback that the server knows', () => {
    const codec = media('chromium-156-whep', 'video').codecs[0]!;
    expect(limitFeedback(codec, ['nack', 'nack pli', 'transport-cc']).feedback).toEqual(['transport-cc', 'nack', 'nack pli']);
  });

  test('header extensions by URI, but for ids that need two-byte headers', () => {
    const line = media('chromium-156-whep', 'video');
    expect(extensionId(line, EXTENSIONS.transportCc)).toBe(4);
    expect(takeExtensions(line, [EXTENSIONS.mid, EXTENSIONS.absSendTime, EXTENSIONS.audioLevel]).map(({ id }) => id)).toEqual([9, 2]);
    expect(takeExtensions({ extensions: [{ id: 15, uri: EXTENSIONS.mid }] }, [EXTENSIONS.mid])).toEqual([]);
  });
});
