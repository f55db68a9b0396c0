import { describe, expect, it } from 'vitest';
import { buildAvcC } from '../../codecs/h264/avcc.ts';
import { H264_VECTORS } from '../../codecs/h264/vectors.ts';
import { VIDEO_TIMESCALE, timescale } from '../../time.ts';
import type { AudioConfig, VideoConfig } from '../../track.ts';
import { ftyp, initSegment } from './init-segment.ts';
import { readBoxes, requireBox, type Box } from './read-boxes.ts';
import { avc1, esds, mp4a, opus, pasp } from './sample-entries.ts';

const video: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.42c01e',
  description: Uint8Array.of(1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0),
  width: 640,
  height: 360,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 3000,
  reordered: false,
};

const aac: AudioConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  description: Uint8Array.of(0x11, 0x90),
  sampleRate: 48_000,
  channels: 2,
  timescale: timescale(48_000),
  frameDuration: 1024,
};

const unity = '00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000';
const digits = (text: string): string => text.replace(/\s+/g, '');
const payload = (bytes: Uint8Array, path: string): string => requireBox(readBoxes(bytes), path).payload.toHex();

function outline(boxes: readonly Box[], depth = 0): string[] {
  return boxes.flatMap((box) => [`${'  '.repeat(depth)}${box.type} ${box.size}`, ...outline(box.children, depth + 1)]);
}

describe('initSegment', () => {
  it('of video has the boxes of a CMAF header, in their order', () => {
    expect(outline(readBoxes(initSegment(video)))).toEqual([
      'ftyp 28',
      'moov 586',
      '  mvhd 108',
      '  trak 430',
      '    tkhd 92',
      '    mdia 330',
      '      mdhd 32',
      '      hdlr 33',
      '      minf 257',
      '        vmhd 20',
      '        dinf 36',
      '          dref 28',
      '            url  12',
      '        stbl 193',
      '          stsd 117',
      '            avc1 101',
      '              avcC 15',
      '          stts 16',
      '          stsc 16',
      '          stsz 20',
      '          stco 16',
      '  mvex 40',
      '    trex 32',
    ]);
  });

  it.each([
    ['moov/mvhd', `00000000 00000000 00000000 00015f90 00000000 00010000 0100 0000 0000000000000000 ${unity} ${'00'.repeat(24)} 00000002`],
    ['moov/trak/tkhd', `00000007 00000000 00000000 00000001 00000000 00000000 0000000000000000 0000 0000 0000 0000 ${unity} 02800000 01680000`],
    ['moov/trak/mdia/mdhd', '00000000 00000000 00000000 00015f90 00000000 55c4 0000'],
    ['moov/trak/mdia/hdlr', '00000000 00000000 76696465 000000000000000000000000 00'],
    ['moov/trak/mdia/minf/vmhd', '00000001 0000000000000000'],
    ['moov/trak/mdia/minf/dinf/dref', '00000000 00000001 0000000c 75726c20 00000001'],
    ['moov/trak/mdia/minf/stbl/stsz', '00000000 00000000 00000000'],
    ['moov/trak/mdia/minf/stbl/stsd/avc1/avcC', '0142c01effe000'],
    ['moov/mvex/trex', '00000000 00000001 00000001 00000000 00000000 00000000'],
  ])('of video: %s', (path, expected) => {
    expect(payload(initSegment(video), path)).toBe(digits(expected));
  });

  it.each([
    ['moov/trak/tkhd', `00000007 00000000 00000000 00000001 00000000 00000000 0000000000000000 0000 0000 0100 0000 ${unity} 00000000 00000000`],
    ['moov/trak/mdia/mdhd', '00000000 00000000 00000000 0000bb80 00000000 55c4 0000'],
    ['moov/trak/mdia/hdlr', '00000000 00000000 736f756e 000000000000000000000000 00'],
    ['moov/trak/mdia/minf/smhd', '00000000 00000000'],
  ])('of audio: %s', (path, expected) => {
    expect(payload(initSegment(aac), path)).toBe(digits(expected));
  });

  it('shows pixels in the shape that the sequence parameter set tells', () => {
    const anamorphic = H264_VECTORS.find(({ expected }) => expected.sampleAspectRatio === 16 / 11) as (typeof H264_VECTORS)[number];
    const description = buildAvcC({ sps: [Uint8Array.fromHex(anamorphic.sps)], pps: [Uint8Array.fromHex(anamorphic.pps)] });
    const bytes = initSegment({ ...video, description, width: 720, height: 576 });
    expect(payload(bytes, 'moov/trak/mdia/minf/stbl/stsd/avc1/pasp')).toBe('000000100000000b');
    // 1,047.27 by 576 in 16.16
    expect(payload(bytes, 'moov/trak/tkhd').slice(-16)).toBe('041745d102400000');
  });

  it('takes pixels for square where the sequence parameter set cannot be read', () => {
    const bytes = initSegment({ ...video, description: Uint8Array.of(1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 9, 0x67) });
    expect(payload(bytes, 'moov/trak/tkhd').slice(-16)).toBe('0280000001680000');
  });

  it('depends on its configuration alone', () => {
    expect(initSegment(video)).toEqual(initSegment({ ...video, description: video.description.slice() }));
  });

  it('says which codec it has no sample entry for', () => {
    expect(() => initSegment({ ...video, codec: 'vp8' })).toThrow(expect.objectContaining({ code: 'media/unsupported', message: expect.stringContaining('vp8') as string }));
  });
});

describe('brands', () => {
  it('are those of CMAF', () => {
    expect(ftyp().toHex()).toBe(digits('0000001c 66747970 636d6632 00000000 69736f36 636d6663 636d6632'));
  });
});

describe('sample entries', () => {
  it.each([
    {
      name: 'avc1 with pasp (ISO/IEC 14496-15, 5.4.2.1)',
      bytes: avc1(video, { horizontal: 4, vertical: 3 }),
      expected: `00000075 61766331 000000000000 0001 ${'00'.repeat(16)} 0280 0168 00480000 00480000 00000000 0001 ${'00'.repeat(32)} 0018 ffff
        0000000f 61766343 0142c01effe000
        00000010 70617370 00000004 00000003`,
    },
    {
      name: 'mp4a (ISO/IEC 14496-14, 5.6)',
      bytes: mp4a(aac),
      expected: `0000004b 6d703461 000000000000 0001 0000000000000000 0002 0010 00000000 bb800000
        00000027 65736473 00000000 03 19 0000 00 04 11 40 15 000000 00000000 00000000 05 02 1190 06 01 02`,
    },
    {
      name: 'mp4a at a rate that its field cannot hold',
      bytes: mp4a({ ...aac, sampleRate: 96_000, channels: 1 }),
      expected: `0000004b 6d703461 000000000000 0001 0000000000000000 0001 0010 00000000 00000000
        00000027 65736473 00000000 03 19 0000 00 04 11 40 15 000000 00000000 00000000 05 02 1190 06 01 02`,
    },
    {
      name: 'Opus (Encapsulation of Opus in ISOBMFF, 4.3)',
      bytes: opus({ ...aac, codec: 'opus', codecString: 'opus', description: Uint8Array.of(0, 2, 0x01, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0) }),
      expected: `00000037 4f707573 000000000000 0001 0000000000000000 0002 0010 00000000 bb800000
        00000013 644f7073 0002013800 00bb80 000000`,
    },
    { name: 'pasp', bytes: pasp({ horizontal: 1, vertical: 1 }), expected: '00000010 70617370 00000001 00000001' },
  ])('$name', ({ bytes, expected }) => {
    expect(bytes.toHex()).toBe(digits(expected));
  });

  it('write descriptor lengths above 127 in two bytes (ISO/IEC 14496-1, 8.3.3)', () => {
    const bytes = esds(new Uint8Array(200));
    expect(bytes.subarray(12, 15).toHex()).toBe('038161');
    expect(bytes.toHex()).toContain('0581480000');
  });
});
