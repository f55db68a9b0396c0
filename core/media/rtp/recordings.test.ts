import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import type { AccessUnit } from './access-unit.ts';
import { createDepacketizer } from './depacketizer.ts';
import { createPacketizer } from './packetizer.ts';
import { frameOf, packetsOf, trackConfig } from './testing/frames.ts';
import { RECORDINGS, depacketize, seeded, unitsOf, type Recording } from './testing/recordings.ts';

const hash = (units: readonly AccessUnit[]): string => {
  const sum = createHash('sha256');
  for (const { data } of units) {
    sum.update(data);
  }
  return sum.digest('hex').slice(0, 16);
};

/** A recording's units packetised again, small enough for several packets each. */
function repacketized({ codec, name }: Recording, units: readonly AccessUnit[], maxPayload: number) {
  const [first] = units;
  if (first?.config === undefined) {
    throw new Error(`${name} begins without a configuration`);
  }
  const config = trackConfig(first.config);
  const packetizer = createPacketizer(codec, { maxPayload });
  return units.map((unit, i) => packetizer.packetize(frameOf(unit, config, i)));
}

describe('what Chromium sends', () => {
  it.each(RECORDINGS)('of $name becomes whole units and their configuration', (recording) => {
    const units = unitsOf(recording);
    const { units: count, sha256, ...expected } = recording.expected;
    expect(units).toHaveLength(count);
    expect(units[0]?.config).toMatchObject({ codec: recording.codec, ...expected });
    expect(units.slice(1).filter(({ config }) => config !== undefined)).toEqual([]);
    expect(units.map(({ key }) => key)).toEqual(units.map((_, i) => i === 0 || recording.codec === 'opus'));
    expect(units.map(({ timestamp }) => timestamp)).toEqual([...new Set(recording.packets.map(({ timestamp }) => timestamp))]);
    expect(hash(units)).toBe(sha256);
  });

  it.each(RECORDINGS)('of $name is never given out damaged, whichever packet is lost', (recording) => {
    const whole = unitsOf(recording);
    for (let lost = 0; lost < recording.packets.length; lost += 1) {
      const left = recording.packets.filter((_, i) => i !== lost);
      const units = depacketize(left, createDepacketizer(recording.codec));
      const hit = recording.packets[lost]?.timestamp;
      const first = recording.packets[0]?.timestamp;
      // Nothing is known before the first key frame, so its loss is the loss of all.
      const expected = hit === first && recording.codec !== 'opus' ? [] : whole.filter(({ timestamp }) => timestamp !== hit);
      expect(units.map(({ timestamp, data }) => [timestamp, data.toHex()])).toEqual(expected.map(({ timestamp, data }) => [timestamp, data.toHex()]));
    }
  });
});

describe('packetising and back', () => {
  it.each(RECORDINGS.flatMap((recording) => [64, 100, 333, 1160, 65_000].map((maxPayload) => [recording.name, maxPayload, recording] as const)))(
    '%s in payloads of %i bytes is the same',
    (_name, maxPayload, recording) => {
      const units = unitsOf(recording);
      const frames = repacketized(recording, units, maxPayload);
      for (const frame of frames) {
        expect(frame.byteLength).toBe(frame.payloads.reduce((sum, { length }) => sum + length, 0));
        if (recording.codec !== 'opus') {
          expect(Math.max(...frame.payloads.map(({ length }) => length))).toBeLessThanOrEqual(maxPayload);
        }
      }
      const again = depacketize(packetsOf(frames), createDepacketizer(recording.codec));
      expect(again.map(({ key, data }) => [key, data.toHex()])).toEqual(units.map(({ key, data }) => [key, data.toHex()]));
      // A superframe in one piece no longer tells its highest layer's size.
      if (recording.name !== 'VP9 with two spatial layers') {
        expect(again[0]?.config).toEqual(units[0]?.config);
      }
    },
  );

  it.each(RECORDINGS)('$name gives whole units alone, whatever is lost, doubled or out of order', (recording) => {
    const units = unitsOf(recording);
    const packets = packetsOf(repacketized(recording, units, 200));
    const random = seeded(11);
    let given = 0;
    for (let round = 0; round < 200; round += 1) {
      const loss = random() * 0.2;
      const unrest = random() * 0.2;
      const arriving = packets
        .flatMap((packet) => (random() < loss ? [] : random() < unrest ? [packet, packet] : [packet]))
        .map((packet) => ({ packet, at: packet.sequence + (random() < unrest ? random() * 4 : 0) }))
        .sort((a, b) => a.at - b.at)
        .map(({ packet }) => packet);
      for (const { timestamp, data, key } of depacketize(arriving, createDepacketizer(recording.codec))) {
        const unit = units[timestamp / (recording.codec === 'opus' ? 960 : 3000)];
        expect([key, data.toHex()]).toEqual([unit?.key, unit?.data.toHex()]);
        given += 1;
      }
    }
    expect(given).toBeGreaterThan(20);
  });

  it.each(RECORDINGS.filter(({ codec }) => codec !== 'opus'))('$name makes all payloads but the last of equal size', (recording) => {
    for (const { payloads, key } of repacketized(recording, unitsOf(recording), 300)) {
      // H.264 puts the parameter sets before a key frame into a packet of their own.
      const sizes = payloads.slice(recording.codec === 'h264' && key ? 1 : 0).map(({ length }) => length);
      expect(new Set(sizes.slice(0, -1)).size).toBeLessThanOrEqual(1);
      expect(sizes.at(-1)).toBeLessThanOrEqual(sizes[0] ?? 0);
      // Nor is the last one a scrap.
      expect((sizes[0] ?? 0) - (sizes.at(-1) ?? 0)).toBeLessThanOrEqual(sizes.length + 2);
    }
  });
});
