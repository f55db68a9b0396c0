import { describe, expect, it } from 'vitest';

import { aacConfig, buildAudioSpecificConfig, parseAudioSpecificConfig } from './audio-specific-config.ts';

const cases: [name: string, hex: string, codecString: string, sampleRate: number, channels: number, frame: number][] = [
  ['AAC-LC 44.1 kHz stereo', '1210', 'mp4a.40.2', 44_100, 2, 1024],
  ['AAC-LC 48 kHz mono', '1188', 'mp4a.40.2', 48_000, 1, 1024],
  ['AAC-LC 48 kHz 5.1', '11b0', 'mp4a.40.2', 48_000, 6, 1024],
  ['AAC-LC with the sync extension that says no SBR (ffmpeg)', '119056e500', 'mp4a.40.2', 48_000, 2, 1024],
  ['AAC-LC with an explicit rate of 48 kHz', '1780' + '5dc010', 'mp4a.40.2', 48_000, 2, 1024],
  ['AAC-LC of 960 samples', '1194', 'mp4a.40.2', 48_000, 2, 960],
  ['HE-AAC, hierarchical, 24 to 48 kHz stereo', '2b118800', 'mp4a.40.5', 48_000, 2, 2048],
  ['HE-AAC, backward compatible, 22.05 to 44.1 kHz stereo', '139056e5a0', 'mp4a.40.5', 44_100, 2, 2048],
  ['HE-AAC v2, hierarchical, 24 kHz mono to 48 kHz stereo', 'eb098800', 'mp4a.40.29', 48_000, 2, 2048],
  ['HE-AAC v2, backward compatible', '130856e59d4880', 'mp4a.40.29', 48_000, 2, 2048],
];

describe('AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1)', () => {
  it.each(cases)('reads %s', (_name, hex, codecString, sampleRate, channels, frame) => {
    const description = Uint8Array.fromHex(hex);
    expect(aacConfig(description)).toEqual({ kind: 'audio', codec: 'aac', codecString, description, sampleRate, channels, timescale: sampleRate, frameDuration: frame });
  });

  it.each([
    { objectType: 2, sampleRate: 44_100, channels: 2, hex: '1210' },
    { objectType: 2, sampleRate: 48_000, channels: 8, hex: '11b8' },
    { objectType: 2, sampleRate: 47_999, channels: 1 },
    { objectType: 5, sampleRate: 48_000, channels: 2, hex: '2b118800' },
    { objectType: 29, sampleRate: 48_000, channels: 2 },
  ] as const)('written for object type $objectType, $sampleRate Hz, $channels channels reads the same', (config) => {
    const written = buildAudioSpecificConfig(config);
    expect(parseAudioSpecificConfig(written)).toMatchObject({ objectType: config.objectType, sampleRate: config.sampleRate, channels: config.channels });
    if ('hex' in config) {
      expect(written.toHex()).toBe(config.hex);
    }
  });

  it('counts the channels of a program config element', () => {
    // Front: one single element and one pair; back: one pair; one LFE.
    const bits = '00010' + '0011' + '0000' + '000' + '0000' + '01' + '0011' + '0010' + '0000' + '0001' + '01' + '000' + '0000' + '000' + '00000' + '10001' + '10010' + '0000';
    const bytes = Uint8Array.from(bits.padEnd(72, '0').match(/.{8}/g) ?? [], (byte) => parseInt(byte, 2));
    expect(parseAudioSpecificConfig(bytes)).toMatchObject({ channels: 6, sampleRate: 48_000 });
  });

  it.each([
    ['nothing', '', 'media/truncated'],
    ['one byte', '12', 'media/truncated'],
    ['a reserved rate index', '1690', 'media/malformed'],
    ['channel configuration 15', '11f8', 'media/unsupported'],
    ['MP3 in MPEG-4 (object type 34)', 'f84430' + '00', 'media/unsupported'],
    ['xHE-AAC (object type 42)', 'f94640' + '00', 'media/unsupported'],
  ])('refuses %s', (_name, hex, code) => {
    expect(() => parseAudioSpecificConfig(Uint8Array.fromHex(hex))).toThrowError(expect.objectContaining({ code }));
  });
});
