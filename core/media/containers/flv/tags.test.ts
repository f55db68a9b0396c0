import { describe, expect, it } from 'vitest';

import { parseAudioTag } from './audio-tag.ts';
import { parseVideoTag } from './video-tag.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
const fourCc = (text: string): string => new TextEncoder().encode(text).toHex();
/** Makes `data` readable in a failure. */
const plain = (tag: object): object => ({ ...tag, ...('data' in tag ? { data: (tag.data as Uint8Array).toHex() } : {}) });

const video: [name: string, hex: string, tag: object][] = [
  ['an AVC sequence header', '17 00 000000 0164', { type: 'sequence-start', data: '0164' }],
  ['an AVC key frame', '17 01 000043 aabb', { type: 'frame', compositionTime: 67, data: 'aabb' }],
  ['a composition time of -1 ms', '27 01 ffffff aa', { type: 'frame', compositionTime: -1, data: 'aa' }],
  ['the smallest composition time', '27 01 800000 aa', { type: 'frame', compositionTime: -8_388_608, data: 'aa' }],
  ['an end of sequence', '17 02 000000', { type: 'sequence-end' }],
  ['a command frame', '57 00', { type: 'other' }],
  ['Sorenson H.263', '12 00', { type: 'unsupported', what: 'Sorenson H.263' }],
  ['HEVC as codec id 12', '1c 00 000000', { type: 'unsupported', what: 'HEVC' }],
  ['enhanced avc1 sequence start', `90 ${fourCc('avc1')} 0164`, { type: 'sequence-start', data: '0164' }],
  ['enhanced avc1 coded frames', `91 ${fourCc('avc1')} fffffe aa`, { type: 'frame', compositionTime: -2, data: 'aa' }],
  ['enhanced avc1 coded frames without composition time', `a3 ${fourCc('avc1')} aa`, { type: 'frame', compositionTime: 0, data: 'aa' }],
  ['enhanced avc1 sequence end', `92 ${fourCc('avc1')}`, { type: 'sequence-end' }],
  ['enhanced metadata', `d4 ${fourCc('avc1')} 02`, { type: 'other' }],
  ['an enhanced command frame', 'd1 00', { type: 'other' }],
  ['HEVC', `90 ${fourCc('hvc1')} 01`, { type: 'unsupported', what: 'HEVC' }],
  ['AV1', `90 ${fourCc('av01')} 01`, { type: 'unsupported', what: 'AV1' }],
  ['VP9', `91 ${fourCc('vp09')} 01`, { type: 'unsupported', what: 'VP9' }],
  ['an unknown FourCC', `91 ${fourCc('zzzz')} 01`, { type: 'unsupported', what: "video codec 'zzzz'" }],
  ['a FourCC that cannot be printed', '91 00ff0a0d 01', { type: 'unsupported', what: 'video codec unknown' }],
  ['multitrack', `96 00 ${fourCc('avc1')} 00`, { type: 'unsupported', what: 'several video tracks (multitrack)' }],
  ['ModEx', '97 02 000000 01', { type: 'unsupported', what: 'modifier extensions (ModEx)' }],
];

const audio: [name: string, hex: string, tag: object][] = [
  ['an AAC sequence header', 'af 00 1190', { type: 'sequence-start', data: '1190' }],
  ['an AAC frame', 'af 01 2110', { type: 'frame', data: '2110' }],
  ['MP3', '2f ff', { type: 'unsupported', what: 'MP3' }],
  ['enhanced mp4a sequence start', `90 ${fourCc('mp4a')} 1190`, { type: 'sequence-start', data: '1190' }],
  ['enhanced mp4a coded frames', `91 ${fourCc('mp4a')} 2110`, { type: 'frame', data: '2110' }],
  ['enhanced mp4a sequence end', `92 ${fourCc('mp4a')}`, { type: 'sequence-end' }],
  ['enhanced multichannel configuration', `94 ${fourCc('mp4a')} 00`, { type: 'other' }],
  ['Opus', `90 ${fourCc('Opus')} 01`, { type: 'unsupported', what: 'Opus' }],
  ['FLAC', `91 ${fourCc('fLaC')} 01`, { type: 'unsupported', what: 'FLAC' }],
  ['multitrack', `95 00 ${fourCc('mp4a')} 00`, { type: 'unsupported', what: 'several audio tracks (multitrack)' }],
  ['ModEx', '97 02 000000 01', { type: 'unsupported', what: 'modifier extensions (ModEx)' }],
];

describe('video tags (FLV E.4.3.1, Enhanced RTMP v2)', () => {
  it.each(video)('reads %s', (_name, hex, tag) => {
    expect(plain(parseVideoTag(bytes(hex)))).toEqual(tag);
  });

  it.each(['', '17', '17 00 0000', '27 01 00', '27 03 000000', '90 617663', `91 ${fourCc('avc1')} 00`, `9f ${fourCc('avc1')}`])('refuses "%s"', (hex) => {
    expect(() => parseVideoTag(bytes(hex))).toThrowError(expect.objectContaining({ code: expect.stringMatching(/^media\/(truncated|malformed)$/) }));
  });
});

describe('audio tags (FLV E.4.2.1, Enhanced RTMP v2)', () => {
  it.each(audio)('reads %s', (_name, hex, tag) => {
    expect(plain(parseAudioTag(bytes(hex)))).toEqual(tag);
  });

  it.each(['', 'af', 'af 02', '90 6d70', `9f ${fourCc('mp4a')}`])('refuses "%s"', (hex) => {
    expect(() => parseAudioTag(bytes(hex))).toThrowError(expect.objectContaining({ code: expect.stringMatching(/^media\/(truncated|malformed)$/) }));
  });
});
