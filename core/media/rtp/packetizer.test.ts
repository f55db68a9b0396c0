import { describe, expect, it } from 'vitest';

import { opusConfig } from '../codecs/opus/config.ts';
import { vp8Config } from '../codecs/vp8/config.ts';
import { ticks } from '../time.ts';
import type { AudioConfig } from '../track.ts';
import { createDepacketizer } from './depacketizer.ts';
import { createPacketizer } from './packetizer.ts';
import { frameOf, packetsOf, trackConfig } from './testing/frames.ts';
import { depacketize } from './testing/recordings.ts';

const unit = { key: true, data: Uint8Array.of(1, 2, 3) };
const config = trackConfig(vp8Config({ width: 640, height: 360 }));
const other = trackConfig(vp8Config({ width: 320, height: 180 }));

describe('createPacketizer', () => {
  it('says of a frame what its place, time and configuration are', () => {
    const packetizer = createPacketizer('vp8');
    expect(packetizer.packetize(frameOf(unit, config, 0))).toEqual({
      group: 7,
      epoch: 1,
      index: 0,
      key: true,
      timestamp: 0,
      config,
      payloads: [Uint8Array.of(0x10, 1, 2, 3)],
      byteLength: 4,
    });
    expect(packetizer.packetize(frameOf({ ...unit, key: false }, config, 1))).toMatchObject({ index: 1, key: false, timestamp: 3000, config });
  });

  it('takes the configuration of each new head', () => {
    const packetizer = createPacketizer('vp8');
    packetizer.packetize(frameOf(unit, config, 0));
    expect(packetizer.packetize(frameOf(unit, other, 0)).config).toBe(other);
  });

  it('refuses frames whose head it never saw, and takes the next group', () => {
    const packetizer = createPacketizer('vp8');
    expect(() => packetizer.packetize(frameOf(unit, config, 1))).toThrowError(expect.objectContaining({ code: 'rtp/no-config' }));
    packetizer.packetize(frameOf(unit, config, 0));
    expect(() => packetizer.packetize(frameOf(unit, other, 1))).toThrowError(expect.objectContaining({ code: 'rtp/no-config' }));
    expect(packetizer.packetize(frameOf(unit, other, 0)).config).toBe(other);
  });

  it('refuses another codec, an empty frame and a payload that holds nothing', () => {
    expect(() => createPacketizer('vp9').packetize(frameOf(unit, config, 0))).toThrowError(expect.objectContaining({ code: 'rtp/codec-mismatch' }));
    expect(() => createPacketizer('vp8').packetize(frameOf({ ...unit, data: new Uint8Array() }, config, 0))).toThrowError(expect.objectContaining({ code: 'media/malformed' }));
    expect(() => createPacketizer('vp8', { maxPayload: 10 })).toThrowError(RangeError);
  });

  it('puts times on the RTP clock', () => {
    const slow: AudioConfig = { ...opusConfig(), timescale: 24_000 as AudioConfig['timescale'], sampleRate: 24_000 };
    expect(createPacketizer('opus').packetize({ ...frameOf(unit, slow, 0), pts: ticks(24_000) }).timestamp).toBe(48_000);
  });
});

describe('Opus (RFC 7587)', () => {
  const packet = Uint8Array.of(0xf8, 1, 2);

  it('is one packet a frame, whatever its size, and comes back with its duration', () => {
    const packetizer = createPacketizer('opus', { maxPayload: 64 });
    const long = Uint8Array.from({ length: 1200 }, (_, i) => (i === 0 ? 0xf8 : 7));
    const frames = [packet, long].map((data, i) => packetizer.packetize(frameOf({ key: true, data }, opusConfig(), i)));
    expect(frames.map(({ payloads }) => payloads.length)).toEqual([1, 1]);
    expect(depacketize(packetsOf(frames), createDepacketizer('opus'))).toEqual([
      { timestamp: 0, key: true, data: packet, duration: 960, config: opusConfig() },
      { timestamp: 960, key: true, data: long, duration: 960 },
    ]);
  });

  it('survives the loss of any packet, and throws a malformed one away alone', () => {
    const depacketizer = createDepacketizer('opus');
    const push = (payload: Uint8Array, sequence: number) => depacketizer.push({ payload, sequence, timestamp: sequence * 960, marker: false })?.timestamp;
    expect([push(packet, 0), push(packet, 5), push(Uint8Array.of(0xfb), 6), push(new Uint8Array(), 7), push(packet, 8), push(packet, 8), push(packet, 4)]).toEqual([
      0,
      4800,
      undefined,
      undefined,
      7680,
      undefined,
      undefined,
    ]);
  });
});
