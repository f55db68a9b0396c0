import type { Depacketizer } from './access-unit.ts';
import { Av1Reader } from './av1/depacketize.ts';
import { H264Reader } from './h264/depacketize.ts';
import { OpusDepacketizer } from './opus/depacketize.ts';
import type { RtpCodec } from './rtp-codec.ts';
import { UnitAssembler } from './unit-assembler.ts';
import { Vp8Reader } from './vp8/depacketize.ts';
import { Vp9Reader } from './vp9/depacketize.ts';

export type { AccessUnit, Depacketizer, DepacketizerInput, RtpConfig } from './access-unit.ts';

/** Makes a depacketiser for one stream. */
export function createDepacketizer(codec: RtpCodec): Depacketizer {
  switch (codec) {
    case 'h264':
      return new UnitAssembler(new H264Reader());
    case 'vp8':
      return new UnitAssembler(new Vp8Reader());
    case 'vp9':
      return new UnitAssembler(new Vp9Reader());
    case 'av1':
      return new UnitAssembler(new Av1Reader());
    case 'opus':
      return new OpusDepacketizer();
  }
}
