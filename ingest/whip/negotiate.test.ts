import { describe, expect, it } from 'vitest';

import { parseOffer } from '#core/rtc/sdp/parse-offer.ts';
import { offerText, type OfferName } from '#core/rtc/sdp/testing/offers.ts';
import type { AnsweredMedia } from '#core/rtc/sdp/session-answer.ts';

import { negotiate } from './negotiate.ts';

const of = (name: OfferName) => negotiate(parseOffer(offerText(name)));
const video = (name: OfferName) => of(name).plan.media.find(({ kind }) => kind === 'video');
const codecsOf = (media: readonly AnsweredMedia[]): string[][] => media.map((one) => (one.accepted ? one.codecs.map((codec) => codec.name) : []));

describe('what publishers offer', () => {
  it.each([
    ['chromium-156-whip', { feedback: 'transport-cc', reducedSize: true, adaptive: true, rids: [], first: 'h264', nack: true, rtx: true }],
    ['chromium-156-simulcast', { feedback: 'transport-cc', reducedSize: true, adaptive: true, rids: ['q', 'h', 'f'], first: 'h264', nack: true, rtx: true }],
    ['firefox-140-simulcast', { feedback: 'transport-cc', reducedSize: false, adaptive: true, first: 'h264', nack: true, rtx: true }],
    ['wrtc-0.10-whip', { feedback: 'transport-cc', reducedSize: false, adaptive: true, rids: [], first: 'vp8', nack: true, rtx: true }],
    ['obs-30-whip', { feedback: 'remb', reducedSize: false, adaptive: false, rids: [], first: 'h264', nack: true, rtx: false }],
    ['obs-32-simulcast', { feedback: 'remb', reducedSize: false, adaptive: false, rids: ['0', '1', '2'], first: 'h264', nack: true, rtx: false }],
    ['ffmpeg-8.1-whip', { feedback: 'none', adaptive: false, rids: [], first: 'h264', nack: true, rtx: true }],
    ['ffmpeg-8-whip-active', { adaptive: false, rids: [], first: 'h264', rtx: false }],
    ['gstreamer-1.26-whipclientsink', { feedback: 'transport-cc', adaptive: true, rids: [], rtx: true }],
  ] as const)('%s', (name, expected) => {
    const { plan, adaptive } = of(name);
    const media = video(name);
    const [format] = media?.formats ?? [];
    const seen = { ...plan, adaptive, rids: media?.rids, first: format?.codec, nack: format?.nack, rtx: format?.rtxPayloadType !== undefined };
    expect(seen).toMatchObject(expected);
    const sound = plan.media.find(({ kind }) => kind === 'audio');
    expect(sound?.formats ?? []).toMatchObject(name === 'ffmpeg-8-whip-active' ? [] : [{ codec: 'opus', clockRate: 48_000 }]);
  });

  it('H.264 goes before what else is offered, and the rest keeps its order', () => {
    const names = codecsOf(of('chromium-156-whip').media).find((codecs) => codecs.includes('h264')) ?? [];
    expect(names[0]).toBe('h264');
    expect(names.lastIndexOf('h264')).toBeLessThan(names.findIndex((name) => name !== 'h264'));
    expect([...new Set(names)]).toEqual(expect.arrayContaining(['vp8', 'vp9', 'av1']));
  });

  it('of header extensions those are taken that are read; not the orientation, so that browsers turn the picture themselves', () => {
    const taken = of('chromium-156-simulcast').media.flatMap((media) => (media.accepted ? media.extensions.map(({ uri }) => uri.split(/[:/]/).at(-1)) : []));
    expect([...new Set(taken)].sort()).toEqual(['draft-holmer-rmcat-transport-wide-cc-extensions-01', 'mid', 'repaired-rtp-stream-id', 'rtp-stream-id']);
  });

  it('sources are known with their retransmissions (FID)', () => {
    expect(video('gstreamer-1.26-whipclientsink')?.sources).toEqual([{ ssrc: 2402911215, rtxSsrc: 3025113742 }]);
    expect(video('obs-32-simulcast')?.sources.map(({ ssrc }) => ssrc)).toEqual([78, 79, 80]);
  });

  it('sources that are layers by a SIM group alone are layers by their place in it', () => {
    const text = offerText('obs-32-simulcast')
      .replace(/a=rid:.*\r?\n/g, '')
      .replace(/a=simulcast:.*\r?\n/, 'a=ssrc-group:SIM 80 79 78\r\n');
    const media = negotiate(parseOffer(text)).plan.media.find(({ kind }) => kind === 'video');
    expect(media?.rids).toEqual(['2', '1', '0']);
    expect(media?.sources).toEqual([{ ssrc: 78, rid: '2' }, { ssrc: 79, rid: '1' }, { ssrc: 80, rid: '0' }]);
  });

  it('sound alone is taken where the picture comes in no codec that is known, and the broadcaster is to be told', () => {
    const text = offerText('obs-30-whip').replace('H264/90000', 'H265/90000');
    const { plan, media, unusable } = negotiate(parseOffer(text));
    expect(plan.media.map(({ kind }) => kind)).toEqual(['audio']);
    expect(media.map(({ accepted }) => accepted).sort()).toEqual([false, true]);
    expect(unusable).toEqual([{ kind: 'video', codecs: ['h265'] }]);
  });

  it('nothing that is known at all is an error that says what to choose', () => {
    const text = offerText('obs-30-whip').replace('H264/90000', 'H265/90000').replace('opus/48000/2', 'PCMU/8000');
    expect(() => negotiate(parseOffer(text))).toThrow(/H\.264, VP8, VP9 or AV1, and Opus/);
    try {
      negotiate(parseOffer(text));
    } catch (error) {
      expect(error).toMatchObject({ code: 'sdp/no-common-codec' });
    }
  });

  it('who estimates bandwidth is told where to begin, and keeps the parameters of its format', () => {
    const parameters = (name: OfferName) => of(name).media.flatMap((media) => (media.accepted ? media.codecs.filter((codec) => codec.name === 'h264') : []))[0]?.parameters;
    expect(parameters('chromium-156-whip')).toMatchObject({ 'packetization-mode': '1', 'profile-level-id': expect.any(String), 'x-google-start-bitrate': '1200' });
    expect(parameters('obs-30-whip')).not.toHaveProperty('x-google-start-bitrate');
  });

  it('stereo is asked for', () => {
    const opus = of('chromium-156-whip').media.flatMap((media) => (media.accepted ? media.codecs.filter(({ name }) => name === 'opus') : []));
    expect(opus[0]?.parameters).toMatchObject({ stereo: '1', useinbandfec: '1' });
  });
});
