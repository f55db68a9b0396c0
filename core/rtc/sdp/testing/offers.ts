import { readFileSync } from 'node:fs';

/** Offers that clients really send, by file name without ending. */
export const OFFER_NAMES = [
  'chromium-156-whep',
  'chromium-156-whip',
  'chromium-156-simulcast',
  'ffmpeg-8-whip',
  'ffmpeg-8-whip-active',
  'ffmpeg-8.1-whip',
  'firefox-140-simulcast',
  'firefox-140-whep',
  'gstreamer-1.26-whipclientsink',
  'obs-30-whip',
  'obs-32-simulcast',
  'safari-18-whep',
  'wrtc-0.10-whep',
  'wrtc-0.10-whip',
] as const;

/** One of {@link OFFER_NAMES}. */
export type OfferName = (typeof OFFER_NAMES)[number];

/** The text of an offer. */
export function offerText(name: OfferName): string {
  return readFileSync(new URL(`./offers/${name}.sdp`, import.meta.url), 'utf8');
}
