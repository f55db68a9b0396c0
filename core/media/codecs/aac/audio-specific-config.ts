import { MillraceError } from '../../../runtime/errors.ts';
import { timescale } from '../../time.ts';
import type { AudioConfig } from '../../track.ts';
import { BitReader } from '../bit-reader.ts';
import { BitWriter } from '../bit-writer.ts';

/** Audio object types (ISO/IEC 14496-3, table 1.17) that are told apart. */
const AAC_MAIN = 1;
const AAC_LC = 2;
const AAC_SSR = 3;
const AAC_LTP = 4;
const SBR = 5;
const PS = 29;
const ESCAPE = 31;

/** `samplingFrequencyIndex`, table 1.18. */
const SAMPLE_RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const EXPLICIT_RATE = 15;
/** Channels of `channelConfiguration`, table 1.19; 0 says that a program config element tells. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];
/** `syncExtensionType` of SBR and of PS, 1.6.5. */
const SYNC_SBR = 0x2b7;
const SYNC_PS = 0x548;

/** An AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) taken apart. */
export type AudioSpecificConfig = {
  /** What decodes it: 2 AAC-LC, 5 HE-AAC, 29 HE-AAC v2. The `40.n` of the codec string. */
  readonly objectType: number;
  /** Rate of the AAC core. */
  readonly coreSampleRate: number;
  /** Rate that comes out of a decoder: with SBR usually twice the core's. */
  readonly sampleRate: number;
  /** Channels that come out of a decoder: parametric stereo makes two of one. */
  readonly channels: number;
  /** Samples of one frame at `sampleRate`: 1024 (or 960), with SBR twice as many. */
  readonly samplesPerFrame: number;
};

/**
 * Parses an AudioSpecificConfig of AAC: LC, HE-AAC with hierarchical and with backward-compatible signalling.
 *
 *     audioObjectType              5 (31: then 6 more, plus 32)
 *     samplingFrequencyIndex       4 (15: then 24 of samplingFrequency)
 *     channelConfiguration         4
 *     GASpecificConfig             frameLengthFlag 1, dependsOnCoreCoder 1 (+ 14), extensionFlag 1
 *     syncExtensionType            11, where at least 16 bits are left
 *
 * @throws {MillraceError} `media/unsupported` for object types that are not AAC or channels that nothing tells;
 *   `media/malformed` or `media/truncated`.
 */
export function parseAudioSpecificConfig(bytes: Uint8Array): AudioSpecificConfig {
  const reader = new BitReader(bytes);
  let objectType = readObjectType(reader);
  const coreSampleRate = readSampleRate(reader);
  const channelConfiguration = reader.bits(4);
  let sampleRate = coreSampleRate;
  let sbr = false;
  let ps = false;
  if (objectType === SBR || objectType === PS) {
    sbr = true;
    ps = objectType === PS;
    sampleRate = readSampleRate(reader);
    objectType = readObjectType(reader);
  }
  if (objectType < AAC_MAIN || objectType > AAC_LTP || objectType === AAC_SSR) {
    throw new MillraceError('media/unsupported', `audio object type ${objectType} is not taken`);
  }
  const coreFrame = reader.flag() ? 960 : 1024;
  if (reader.flag()) {
    reader.skip(14); // coreCoderDelay
  }
  reader.skip(1); // extensionFlag
  const coreChannels = channelConfiguration === 0 ? readProgramConfigChannels(reader) : (CHANNELS[channelConfiguration] ?? 0);
  if (coreChannels === 0) {
    throw new MillraceError('media/unsupported', `channel configuration ${channelConfiguration} is not taken`);
  }
  if (!sbr && reader.left >= 16 && reader.bits(11) === SYNC_SBR && readObjectType(reader) === SBR && reader.flag()) {
    sbr = true;
    sampleRate = readSampleRate(reader);
    ps = reader.left >= 12 && reader.bits(11) === SYNC_PS && reader.flag();
  }
  return {
    objectType: ps ? PS : sbr ? SBR : objectType,
    coreSampleRate,
    sampleRate,
    channels: ps && coreChannels === 1 ? 2 : coreChannels,
    // Downsampled SBR has the core's rate and length.
    samplesPerFrame: sbr && sampleRate === 2 * coreSampleRate ? 2 * coreFrame : coreFrame,
  };
}

/**
 * Builds the AudioSpecificConfig of AAC-LC (object type 2) or, hierarchically signalled, HE-AAC (5, 29).
 *
 * @throws {MillraceError} `media/malformed` where the channels fit no `channelConfiguration`.
 */
export function buildAudioSpecificConfig(config: { readonly objectType?: 2 | 5 | 29; readonly sampleRate: number; readonly channels: number }): Uint8Array {
  const objectType = config.objectType ?? AAC_LC;
  const channelConfiguration = objectType === PS ? 1 : CHANNELS.indexOf(config.channels);
  if (channelConfiguration < 1) {
    throw new MillraceError('media/malformed', `${config.channels} channels fit no channelConfiguration`);
  }
  const writer = new BitWriter().bits(objectType, 5);
  const extended = objectType !== AAC_LC;
  writeSampleRate(writer, extended ? config.sampleRate / 2 : config.sampleRate);
  writer.bits(channelConfiguration, 4);
  if (extended) {
    writeSampleRate(writer, config.sampleRate);
    writer.bits(AAC_LC, 5);
  }
  return writer.bits(0, 3).bytes();
}

/** RFC 6381 codec string: `mp4a.40.` and the object type. */
export function aacCodecString(config: Pick<AudioSpecificConfig, 'objectType'>): string {
  return `mp4a.40.${config.objectType}`;
}

/**
 * The decoder configuration that an AudioSpecificConfig makes. `description` is a copy.
 *
 * @throws {MillraceError} as {@link parseAudioSpecificConfig}.
 */
export function aacConfig(bytes: Uint8Array): AudioConfig {
  const parsed = parseAudioSpecificConfig(bytes);
  return {
    kind: 'audio',
    codec: 'aac',
    codecString: aacCodecString(parsed),
    description: bytes.slice(),
    sampleRate: parsed.sampleRate,
    channels: parsed.channels,
    timescale: timescale(parsed.sampleRate),
    frameDuration: parsed.samplesPerFrame,
  };
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === ESCAPE ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4);
  const rate = index === EXPLICIT_RATE ? reader.bits(24) : SAMPLE_RATES[index];
  if (rate === undefined || rate < 7_350 || rate > 96_000) {
    throw new MillraceError('media/malformed', `sampling frequency ${rate ?? `index ${index}`} is not one of AAC`);
  }
  return rate;
}

function writeSampleRate(writer: BitWriter, rate: number): void {
  const index = SAMPLE_RATES.indexOf(rate);
  if (index >= 0) {
    writer.bits(index, 4);
  } else {
    writer.bits(EXPLICIT_RATE, 4).bits(rate, 24);
  }
}

/** Counts the channels of a `program_config_element` (4.4.1.1): each channel pair element is two. */
function readProgramConfigChannels(reader: BitReader): number {
  reader.skip(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
  const front = reader.bits(4);
  const side = reader.bits(4);
  const back = reader.bits(4);
  const lfe = reader.bits(2);
  const assoc = reader.bits(3);
  const coupling = reader.bits(4);
  for (const mixdownBits of [4, 4, 3]) {
    if (reader.flag()) {
      reader.skip(mixdownBits); // mono, stereo, matrix
    }
  }
  let channels = lfe;
  for (let element = 0; element < front + side + back; element += 1) {
    channels += reader.flag() ? 2 : 1;
    reader.skip(4);
  }
  reader.skip(4 * lfe + 4 * assoc + 5 * coupling);
  return channels;
}
