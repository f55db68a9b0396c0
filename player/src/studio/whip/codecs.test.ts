import { describe, expect, it } from 'vitest';
import { codecsToOffer, sendableCodecs } from './codecs.ts';

const h264 = (profile: string, mode: number) => ({ mimeType: 'video/H264', sdpFmtpLine: `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}` });
const rtx = { mimeType: 'video/rtx' };
const chromium = [{ mimeType: 'video/VP8' }, rtx, h264('42001f', 1), h264('42001f', 0), h264('42e01f', 1), h264('42e01f', 0), { mimeType: 'video/AV1' }, { mimeType: 'video/VP9', sdpFmtpLine: 'profile-id=0' }, { mimeType: 'video/red' }, { mimeType: 'video/ulpfec' }];

describe('the codecs to offer', () => {
  it('H.264: Constrained Baseline in pieces first, VP8 behind it, repairs, and nothing that the server does not take', () => {
    expect(codecsToOffer(chromium, 'h264')).toEqual([h264('42e01f', 1), h264('42001f', 1), h264('42e01f', 0), h264('42001f', 0), { mimeType: 'video/VP8' }, rtx]);
  });

  it.each(['vp8', 'vp9', 'av1'] as const)('%s alone, because the server would take H.264 beside it', (codec) => {
    expect(codecsToOffer(chromium, codec).map(({ mimeType }) => mimeType.toLowerCase())).toEqual([`video/${codec}`, 'video/rtx']);
  });

  it('VP8 where a browser has no H.264, and whatever it likes where it has neither', () => {
    expect(codecsToOffer([{ mimeType: 'video/VP8' }, rtx], 'h264')).toEqual([{ mimeType: 'video/VP8' }, rtx]);
    expect(codecsToOffer([{ mimeType: 'video/H265' }, rtx], 'h264')).toEqual([]);
  });
});

describe('the codecs to choose from', () => {
  it('are those that the browser sends, H.264 first', () => {
    expect(sendableCodecs(chromium)).toEqual(['h264', 'vp8', 'vp9', 'av1']);
    expect(sendableCodecs([{ mimeType: 'video/VP9' }, { mimeType: 'video/vp8' }])).toEqual(['vp8', 'vp9']);
    expect(sendableCodecs([])).toEqual([]);
  });
});
