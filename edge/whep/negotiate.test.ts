import { describe, expect, it } from 'vitest';

import type { LadderCatalog, Rendition } from '#core/bus/catalog.ts';
import { broadcastId } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';
import type { VideoConfig } from '#core/media/track.ts';
import { parseOffer } from '#core/rtc/sdp/parse-offer.ts';
import { offerText, type OfferName } from '#core/rtc/sdp/testing/offers.ts';

import { negotiate } from './negotiate.ts';
import { highConfig, rendition, vp8Config } from './testing/broadcast.ts';

const baseline = { ...highConfig, codecString: 'avc1.42c01e' };

function ladderOf(...renditions: readonly Rendition[]): LadderCatalog {
  return { stream: 'demo', broadcast: broadcastId('testbroadcast'), epoch: 0, fence: 1, revision: 1, partTarget: millis(200), renditions, omitted: [] };
}

function negotiated(offer: string, ladder: LadderCatalog | undefined = ladderOf(rendition('video', 1))) {
  let ssrc = 1;
  return negotiate({ offer: parseOffer(offer), ladder, cname: 'demo', ssrc: () => ssrc++ });
}

const names = ({ video }: ReturnType<typeof negotiated>): string[] =>
  (video?.media.codecs ?? []).map(({ name, parameters }) => [name, parameters['profile-level-id'] ?? parameters['profile-id']].filter(Boolean).join(' '));

describe('negotiation', () => {
  it.each<{ offer: OfferName; config: VideoConfig }>([
    { offer: 'chromium-156-whep', config: baseline },
    { offer: 'firefox-140-whep', config: baseline },
    { offer: 'safari-18-whep', config: baseline },
    // It was built without H.264.
    { offer: 'wrtc-0.10-whep', config: vp8Config },
  ])('takes picture and sound of what $offer offers', ({ offer, config }) => {
    const { video, audio, media, feedback } = negotiated(offerText(offer), ladderOf(rendition('video', 1, { config })));
    expect(video?.stream).toMatchObject({ clockRate: 90_000, cname: 'demo' });
    expect(audio?.stream).toMatchObject({ clockRate: 48_000, cname: 'demo' });
    expect(media.every((line) => line.accepted && line.direction === 'sendonly')).toBe(true);
    expect(['transport-cc', 'remb']).toContain(feedback);
  });

  it('puts first what the ladder needs now, and takes what it may need later', () => {
    const taken = names(negotiated(offerText('chromium-156-whep'), ladderOf(rendition('video', 2, { config: baseline }), rendition('v360', 1))));
    expect(taken.slice(0, 2)).toEqual(['h264 42e01f', 'h264 f4001f']);
    expect(taken).toEqual(expect.arrayContaining(['vp8', 'vp9 0', 'av1', 'h264 42001f']));
    expect(taken.filter((name) => name === 'h264 42e01f').length).toBe(1);
  });

  it('says that sound may be stereo, and takes no other feedback beside the transport-wide one', () => {
    const { audio, video, extensions } = negotiated(offerText('chromium-156-whep'));
    expect(audio?.media.codecs[0]?.parameters).toMatchObject({ 'sprop-stereo': '1' });
    expect(video?.media.codecs[0]?.feedback).toEqual(expect.arrayContaining(['transport-cc', 'nack', 'nack pli']));
    expect(video?.media.codecs[0]?.feedback).not.toContain('goog-remb');
    expect(Object.keys(extensions).sort()).toEqual(['absSendTime', 'mid', 'transportCc']);
  });

  it('makes do with REMB where the extension was not offered', () => {
    const offer = offerText('chromium-156-whep').replace(/a=extmap:\d+ http:\/\/www\.ietf\.org\/id\/draft-holmer.*\r\n/g, '');
    const { feedback, extensions } = negotiated(offer);
    expect(feedback).toBe('remb');
    expect(extensions).not.toHaveProperty('transportCc');
  });

  it.each([
    { name: 'H.264 for a stream in VP8', ladder: ladderOf(rendition('video', 1, { config: vp8Config })), drop: /(VP8|VP9|AV1)\//g },
    { name: 'VP8 for a stream in H.264', ladder: ladderOf(rendition('video', 1)), drop: /H264\//g },
    { name: 'VP8 for a stream whose rung is still to be encoded', ladder: ladderOf(rendition('video', 1, { faces: ['hls'] })), drop: /H264\//g },
    { name: 'nothing that is known', ladder: undefined, drop: /(H264|VP8|VP9|AV1)\//g },
  ])('refuses an offer of $name', ({ ladder, drop }) => {
    const offer = offerText('chromium-156-whep').replace(drop, 'XXXX/');
    const refused = expect.objectContaining({ code: 'whep/no-codec', status: 422 }) as Error;
    expect(() => negotiate({ offer: parseOffer(offer), ladder, cname: 'demo', ssrc: () => 1 })).toThrow(refused);
  });

  it('gives sound alone where sound alone is there, or asked for', () => {
    const withoutVideo = offerText('chromium-156-whep').replace(/(H264|VP8|VP9|AV1)\//g, 'XXXX/');
    expect(negotiated(withoutVideo, ladderOf(rendition('opus', 1)))).toMatchObject({ video: undefined, audio: { stream: { clockRate: 48_000 } } });
  });

  it('does not send on a line that only sends', () => {
    const offer = offerText('chromium-156-whep').replace(/(m=audio[\s\S]*?)a=recvonly/, '$1a=sendonly');
    expect(() => parseOffer(offer)).not.toThrow();
    expect(negotiated(offer).audio).toBeUndefined();
  });
});
