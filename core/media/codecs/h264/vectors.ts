import type { Sps } from './sps.ts';

/** Parameter sets as x264 writes them, each with what ffprobe says of the same stream. */
export const H264_VECTORS: readonly {
  readonly name: string;
  readonly sps: string;
  readonly pps: string;
  readonly codecString: string;
  readonly expected: Partial<Sps>;
}[] = [
  {
    name: 'High, 1080p59.94, cropped from 1088 lines, B-frames',
    sps: '6764002aacd940780227e5c04400000fa4000753003c60c658',
    pps: '68ebe3cb22c0',
    codecString: 'avc1.64002a',
    expected: { width: 1920, height: 1080, frameRate: 60_000 / 1001, numReorderFrames: 2, interlaced: false, sampleAspectRatio: 1 },
  },
  {
    name: 'Constrained Baseline, 360p30, emulation prevention in the VUI',
    sps: '6742c01ed900a02ff970110000030001000003003c0f162e48',
    pps: '68cb83cb20',
    codecString: 'avc1.42c01e',
    expected: { width: 640, height: 360, frameRate: 30, numReorderFrames: 0 },
  },
  {
    name: 'High, interlaced 1080i25, with HRD',
    sps: '67640028acd94078044fde022000000300200000064c90001e848003d09498601f162d96',
    pps: '68fba3cb22c0',
    codecString: 'avc1.640028',
    expected: { width: 1920, height: 1080, frameRate: 25, interlaced: true, numReorderFrames: 2 },
  },
  {
    name: 'High 4:4:4 Predictive, 180p24, scaling matrices',
    sps: '67f4000c919b282833f1b808800000030080000018078a14cb',
    pps: '68ebe3c44c000440',
    codecString: 'avc1.f4000c',
    expected: { width: 320, height: 180, frameRate: 24, chromaFormatIdc: 3, bitDepthLuma: 8 },
  },
  {
    name: 'High, 576p25 with a sample aspect ratio of 16:11, no reordering',
    sps: '6764001eacb2016824d820800000030080000019478b1724',
    pps: '68ebc3cb22c0',
    codecString: 'avc1.64001e',
    expected: { width: 720, height: 576, frameRate: 25, sampleAspectRatio: 16 / 11, numReorderFrames: 0 },
  },
  {
    name: 'High 4:2:2, 10 bit, 180p23.976',
    sps: '677a000cb6cd941419f8dc04400000fa40002ee003c50a6580',
    pps: '68ebe3cb22c0',
    codecString: 'avc1.7a000c',
    expected: { width: 320, height: 180, frameRate: 24_000 / 1001, chromaFormatIdc: 2, bitDepthLuma: 10, bitDepthChroma: 10 },
  },
];
