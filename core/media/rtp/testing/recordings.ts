import { SequenceUnwrapper } from '../sequence.ts';
import av1 from '../vectors/chromium-av1.json' with { type: 'json' };
import h264 from '../vectors/chromium-h264.json' with { type: 'json' };
import opus from '../vectors/chromium-opus.json' with { type: 'json' };
import vp8 from '../vectors/chromium-vp8.json' with { type: 'json' };
import vp9Svc from '../vectors/chromium-vp9-svc.json' with { type: 'json' };
import vp9 from '../vectors/chromium-vp9.json' with { type: 'json' };
import type { AccessUnit, Depacketizer, DepacketizerInput } from '../access-unit.ts';
import { createDepacketizer } from '../depacketizer.ts';
import type { RtpCodec } from '../rtp-codec.ts';

/** The first packets of streams as Chromium 156 sends them, with what their pictures are. */
export type Recording = {
  readonly name: string;
  readonly codec: RtpCodec;
  readonly packets: readonly DepacketizerInput[];
  /** ffmpeg (libvpx where layers are inside) decoded the units to as many pictures of that size; their digest, first 64 bits, is that of all their bytes. */
  readonly expected: { readonly units: number; readonly sha256: string; readonly codecString: string; readonly width?: number; readonly height?: number };
};

type RecordedPacket = { readonly sequence: number; readonly timestamp: number; readonly marker: boolean; readonly payload: string };

function recording(name: string, codec: RtpCodec, recorded: readonly RecordedPacket[], expected: Recording['expected']): Recording {
  const sequences = new SequenceUnwrapper();
  const timestamps = new SequenceUnwrapper(32);
  const packets = recorded.map(({ sequence, timestamp, marker, payload }) => ({
    sequence: sequences.unwrap(sequence),
    timestamp: timestamps.unwrap(timestamp),
    marker,
    payload: Uint8Array.fromHex(payload),
  }));
  return { name, codec, packets, expected };
}

/** One for each payload format, and one with spatial layers. */
export const RECORDINGS: readonly Recording[] = [
  recording('H.264', 'h264', h264, { units: 5, sha256: '9cb40a7a388c93f9', codecString: 'avc1.42c015', width: 320, height: 180 }),
  recording('VP8', 'vp8', vp8, { units: 5, sha256: '63d6de0e4b4c5f2a', codecString: 'vp8', width: 320, height: 180 }),
  recording('VP9', 'vp9', vp9, { units: 5, sha256: 'bd6e3640555534d3', codecString: 'vp09.00.11.08', width: 320, height: 180 }),
  recording('VP9 with two spatial layers', 'vp9', vp9Svc, { units: 6, sha256: 'b28d5a9bd01b17f3', codecString: 'vp09.00.21.08', width: 480, height: 270 }),
  recording('AV1', 'av1', av1, { units: 5, sha256: 'ef1cd95e300c1ac4', codecString: 'av01.0.00M.08', width: 320, height: 180 }),
  recording('Opus', 'opus', opus, { units: 5, sha256: '43391e493160512f', codecString: 'opus' }),
];

/** All units that packets make. */
export function depacketize(packets: readonly DepacketizerInput[], depacketizer: Depacketizer): AccessUnit[] {
  return packets.map((packet) => depacketizer.push(packet)).filter((unit) => unit !== undefined);
}

/** The units of a recording. */
export function unitsOf({ codec, packets }: Recording): AccessUnit[] {
  return depacketize(packets, createDepacketizer(codec));
}

/** Pseudo-random numbers from 0 to 1 by xorshift32: the same from the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
