import { describe, expect, it } from 'vitest';

import { MillraceError } from '../../../runtime/errors.ts';
import { BitWriter } from '../bit-writer.ts';
import { av1Config, sequenceHeaderOf } from './av1c.ts';
import { parseAv1FrameHeader } from './frame-header.ts';
import { leb128, leb128Length, readLeb128, readObu, splitObus, type Obu } from './obu.ts';
import { parseAv1SequenceHeader } from './sequence-header.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));

/** Sequence header OBUs as encoders write them, each with its largest picture. */
const SEQUENCES: [name: string, obu: string, codecString: string, width: number, height: number][] = [
  ['libaom in Chromium', '0a0a000000043cfecc01a008', 'av01.0.00M.08', 320, 180],
  ['libaom in Chromium, two layers', '0a0d00130120809267bf86c01a0080', 'av01.0.04M.08', 960, 540],
  ['libaom in Chromium, temporal layers', '0a0c0011030080821e7f6600d004', 'av01.0.00M.08', 320, 180],
  ['SVT-AV1', '0a0b000000043cfeccfbf90040', 'av01.0.00M.08', 320, 180],
];

const obuOf = (hex: string): Obu => splitObus(bytes(hex))[0]!;

describe('leb128 (AV1, 4.10.5)', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [0xffff_ffff, 'ffffffff0f'],
  ])('%i is %s', (value, hex) => {
    expect(Uint8Array.from(leb128(value)).toHex()).toBe(hex);
    expect(leb128Length(value)).toBe(hex.length / 2);
    expect(readLeb128(bytes(hex), 0)).toEqual({ value, end: hex.length / 2 });
  });

  it('may be longer than needed, and is refused where cut off or above 32 bits', () => {
    expect(readLeb128(bytes('ac8200'), 0)).toEqual({ value: 300, end: 3 });
    expect(readLeb128(bytes('80'), 0)).toBeUndefined();
    expect(readLeb128(bytes('ffffffff10'), 0)).toBeUndefined();
    expect(readLeb128(bytes('808080808080808000'), 0)).toBeUndefined();
  });
});

describe('OBUs (AV1, 5.3)', () => {
  it('are found by their sizes', () => {
    expect(splitObus(bytes('1200 0a02aabb 3a03112233')).map(({ type }) => type)).toEqual([2, 1, 7]);
  });

  it('may have an extension and no size', () => {
    expect(readObu(bytes('3428aabb'))).toMatchObject({ type: 6, extension: 0x28, end: 4 });
    expect(readObu(bytes('30aabb'))).toMatchObject({ type: 6, extension: undefined, end: 3 });
  });

  it.each([
    ['the forbidden bit', '9200'],
    ['a size past the end', '0a03aabb'],
    ['no size', '0a'],
    ['no extension', '34'],
  ])('are refused with %s', (_name, hex) => {
    expect(() => splitObus(bytes(hex))).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
  });

  it('are not taken in thousands', () => {
    expect(() => splitObus(new Uint8Array(2 * 1025).map((_, i) => (i % 2 === 0 ? 0x12 : 0)))).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
  });
});

describe('parseAv1SequenceHeader (AV1, 5.5)', () => {
  it.each(SEQUENCES)('reads that of %s', (_name, hex, codecString, width, height) => {
    const obu = obuOf(hex);
    const sequence = parseAv1SequenceHeader(obu.payload);
    expect(sequence).toMatchObject({ profile: 0, maxWidth: width, maxHeight: height });
    const config = av1Config(sequence, obu, { width, height });
    expect(config).toMatchObject({ codec: 'av1', codecString, width, height });
    expect(config.description.subarray(4).toHex()).toBe(hex);
    expect(sequenceHeaderOf(config.description)?.payload.toHex()).toBe(obu.payload.toHex());
  });

  it.each(SEQUENCES)('refuses that of %s cut short, by code', (_name, hex) => {
    const { payload } = obuOf(hex);
    for (let length = 0; length < payload.length; length += 1) {
      try {
        parseAv1SequenceHeader(payload.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(MillraceError);
      }
    }
    expect(() => parseAv1SequenceHeader(payload.subarray(0, 5))).toThrowError(expect.objectContaining({ code: 'media/truncated' }));
  });

  it('reads timing, decoder model, tiers, frame ids and deep colour', () => {
    const writer = new BitWriter().bits(2, 3).bits(0, 1).bits(0, 1);
    writer.bits(1, 1).bits(1, 32).bits(60, 32).bits(1, 1).ue(0); // timing_info
    writer.bits(1, 1).bits(9, 5).bits(1, 32).bits(7, 5).bits(5, 5); // decoder_model_info
    writer.bits(1, 1).bits(1, 5); // initial_display_delay_present, two operating points
    writer.bits(0x103, 12).bits(13, 5).bits(1, 1).bits(1, 1).bits(3, 10).bits(4, 10).bits(0, 1).bits(1, 1).bits(9, 4);
    writer.bits(0x101, 12).bits(5, 5).bits(0, 1).bits(0, 1);
    writer.bits(11, 4).bits(10, 4).bits(3839, 12).bits(1599, 11);
    writer.bits(1, 1).bits(10, 4).bits(2, 3); // frame ids of 15 bits
    writer.bits(0, 3).bits(0, 4).bits(1, 1).bits(0, 2); // tools, order hints
    writer.bits(0, 1).bits(1, 1).bits(0, 1).bits(1, 1).bits(4, 3); // screen content 1, integer mv 1, 5 bits
    writer.bits(0, 3);
    writer.bits(1, 1).bits(1, 1).bits(0, 1).bits(1, 1).bits(9, 8).bits(16, 8).bits(9, 8).bits(0, 1).bits(1, 1).bits(0, 1).bits(0, 1).bits(0, 1);
    expect(parseAv1SequenceHeader(writer.bytes())).toEqual({
      profile: 2,
      level: 13,
      tier: 1,
      maxWidth: 3840,
      maxHeight: 1600,
      color: { bitDepth: 12, monochrome: false, subsamplingX: 1, subsamplingY: 0, chromaSamplePosition: 0 },
      reducedStillPicture: false,
      frameWidthBits: 12,
      frameHeightBits: 11,
      frameIdBits: 15,
      orderHintBits: 5,
      forceScreenContentTools: 1,
      forceIntegerMv: 1,
      equalPictureInterval: true,
      decoderModel: { bufferDelay: 10, bufferRemovalTime: 8, framePresentationTime: 6 },
      operatingPoints: [
        { idc: 0x103, level: 13, tier: 1, decoderModel: true },
        { idc: 0x101, level: 5, tier: 0, decoderModel: false },
      ],
    });
  });
});

describe('parseAv1FrameHeader (AV1, 5.9.2)', () => {
  const sequence = parseAv1SequenceHeader(obuOf(SEQUENCES[0]![1]).payload);

  /** show_existing_frame 0, frame_type, show_frame, disable_cdf_update 0, screen content 0, override, order hint. */
  function header(type: number, shown: number, override?: [width: number, height: number]): Uint8Array {
    const writer = new BitWriter().bits(0, 1).bits(type, 2).bits(shown, 1).bits(0, 1).bits(0, 1).bits(override === undefined ? 0 : 1, 1).bits(0, sequence.orderHintBits);
    if (override !== undefined) {
      writer.bits(override[0] - 1, sequence.frameWidthBits).bits(override[1] - 1, sequence.frameHeightBits);
    }
    return writer.bits(0, 16).bytes();
  }

  it('knows a key frame that is shown from all others', () => {
    expect(parseAv1FrameHeader(header(0, 1), sequence)).toEqual({ key: true, size: { width: 320, height: 180 } });
    expect(parseAv1FrameHeader(header(0, 0), sequence)).toEqual({ key: false });
    expect(parseAv1FrameHeader(header(1, 1), sequence)).toEqual({ key: false });
    expect(parseAv1FrameHeader(Uint8Array.of(0x80), sequence)).toEqual({ key: false });
  });

  it('reads a size below the largest of the sequence', () => {
    expect(parseAv1FrameHeader(header(0, 1, [160, 90]), sequence)).toEqual({ key: true, size: { width: 160, height: 90 } });
  });

  it('refuses one cut off', () => {
    expect(parseAv1FrameHeader(header(0, 1, [160, 90]).subarray(0, 2), sequence)).toBeUndefined();
    expect(parseAv1FrameHeader(new Uint8Array(), sequence)).toBeUndefined();
  });
});
