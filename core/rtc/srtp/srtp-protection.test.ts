import { randomBytes } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { PacketBatch } from '../packet-batch.ts';

import { fastEngines } from './fast-engines.ts';
import { portableEngines } from './portable-engines.ts';
import { createSrtpProtection, protectionWith, type SrtpKeys, type SrtpProfile, type SrtpProtection } from './srtp-protection.ts';
import { MAX_INBOUND_SOURCES, REPEATABLE } from './streams.ts';

const fast = fastEngines().engines;
const makers = [['portable', portableEngines] as const, ...(fast === undefined ? [] : [['native', fast] as const])];
const profiles: readonly SrtpProfile[] = ['aead-aes-128-gcm', 'aes128-cm-sha1-80'];
const ways = profiles.flatMap((profile) => makers.map(([name, engines]) => ({ profile, name, engines })));

function keysOf(profile: SrtpProfile): SrtpKeys {
  const salt = profile === 'aead-aes-128-gcm' ? 12 : 14;
  return { profile, localKey: randomBytes(16), localSalt: randomBytes(salt), remoteKey: randomBytes(16), remoteSalt: randomBytes(salt) };
}

const swapped = ({ profile, localKey, localSalt, remoteKey, remoteSalt }: SrtpKeys): SrtpKeys => ({
  profile, localKey: remoteKey, localSalt: remoteSalt, remoteKey: localKey, remoteSalt: localSalt,
});

type PacketOptions = { readonly sequenceNumber: number; readonly ssrc?: number; readonly payload?: number; readonly sources?: number; readonly extension?: number };

function rtpPacket({ sequenceNumber, ssrc = 0x1234_5678, payload = 100, sources = 0, extension }: PacketOptions): Buffer {
  const header = Buffer.alloc(12 + sources * 4 + (extension === undefined ? 0 : 4 + extension * 4));
  header[0] = 0x80 | sources | (extension === undefined ? 0 : 0x10);
  header[1] = 96;
  header.writeUInt16BE(sequenceNumber % 0x1_0000, 2);
  header.writeUInt32BE(ssrc, 8);
  if (extension !== undefined) {
    header.writeUInt16BE(0xbede, 12 + sources * 4);
    header.writeUInt16BE(extension, 14 + sources * 4);
  }
  return Buffer.concat([header, Buffer.from(Array.from({ length: payload }, (_, i) => (i * 7 + sequenceNumber) & 0xff))]);
}

function protect(protection: SrtpProtection, packets: readonly Buffer[]): Buffer[] {
  const batch = new PacketBatch();
  batch.reset(protection.overhead);
  for (const packet of packets) {
    batch.bytes.set(packet, batch.add(packet.length));
  }
  protection.protect(batch);
  return packets.map((_, i) => Buffer.from(batch.bytes.subarray(batch.starts[i], (batch.starts[i] ?? 0) + (batch.lengths[i] ?? 0))));
}

const report = Buffer.from('80c80006123456780102030405060708090a0b0c0d0e0f1011121314', 'hex');

describe.each(ways)('$profile, $name', ({ profile, engines }) => {
  const keys = keysOf(profile);
  const pair = (): readonly [SrtpProtection, SrtpProtection] => [protectionWith(keys, engines), protectionWith(swapped(keys), engines)];

  test('what one side protects, the other gives out as it was', () => {
    const [alice, bob] = pair();
    const packets = [
      rtpPacket({ sequenceNumber: 1 }),
      rtpPacket({ sequenceNumber: 2, payload: 0 }),
      rtpPacket({ sequenceNumber: 3, payload: 1189, extension: 3 }),
      rtpPacket({ sequenceNumber: 4, payload: 1, sources: 15, extension: 0 }),
      rtpPacket({ sequenceNumber: 60_000, ssrc: 7, payload: 33 }),
    ];
    const sealed = protect(alice, packets);
    sealed.forEach((packet, i) => {
      const plain = packets[i] ?? Buffer.alloc(0);
      expect(packet.length).toBe(plain.length + alice.overhead);
      expect(Buffer.from(bob.unprotect(packet) ?? [])).toEqual(plain);
    });
  });

  test('what was opened can be kept by a slice, though the memory is used again', () => {
    const [alice, bob] = pair();
    const packets = [rtpPacket({ sequenceNumber: 1 }), rtpPacket({ sequenceNumber: 2, payload: 20 })];
    const kept = protect(alice, packets).map((packet) => bob.unprotect(packet)?.slice());
    expect(kept.map((packet) => Buffer.from(packet ?? []))).toEqual(packets);
  });

  test('the rollover counter counts the turns of the sequence number, apart for each stream', () => {
    const [alice, bob] = pair();
    for (let sequence = 65_000; sequence < 65_536 * 2 + 1000; sequence += 500) {
      for (const ssrc of [1, 2]) {
        const packet = rtpPacket({ sequenceNumber: sequence + ssrc, ssrc });
        const [sealed = Buffer.alloc(0)] = protect(alice, [packet]);
        expect(Buffer.from(bob.unprotect(sealed) ?? []), `${ssrc} at ${sequence}`).toEqual(packet);
      }
    }
  });

  test('packets that come late around the wrap are opened with the counter they were sealed with', () => {
    const [alice, bob] = pair();
    const packets = Array.from({ length: 20 }, (_, i) => rtpPacket({ sequenceNumber: 65_526 + i }));
    const sealed = protect(alice, packets);
    const order = [0, 11, 9, 10, 1, 19, 2, 8, 18, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17];
    for (const i of order) {
      expect(Buffer.from(bob.unprotect(sealed[i] ?? Buffer.alloc(0)) ?? [])).toEqual(packets[i]);
    }
    for (const packet of sealed) {
      expect(bob.unprotect(packet)).toBeUndefined();
    }
  });

  test('a repeated or too old packet is refused', () => {
    const [alice, bob] = pair();
    const [old = Buffer.alloc(0), ...rest] = protect(alice, Array.from({ length: 60 }, (_, i) => rtpPacket({ sequenceNumber: i, payload: 3 })));
    rest.forEach((packet) => expect(bob.unprotect(packet)).toBeDefined());
    protect(alice, Array.from({ length: 60 }, (_, i) => rtpPacket({ sequenceNumber: 60 + i, payload: 3 })));
    const [late = Buffer.alloc(0)] = protect(alice, [rtpPacket({ sequenceNumber: 128 })]);
    expect(bob.unprotect(late)).toBeDefined();
    expect(bob.unprotect(late)).toBeUndefined();
    expect(bob.unprotect(old)).toBeUndefined();
  });

  test('a forged packet is refused and changes nothing, wherever a bit was turned', () => {
    const [alice, bob] = pair();
    const packet = rtpPacket({ sequenceNumber: 100, payload: 20, extension: 1 });
    const [sealed = Buffer.alloc(0)] = protect(alice, [packet]);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const forged = Buffer.from(sealed);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(bob.unprotect(forged), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(bob.unprotect(sealed.subarray(0, length)), `cut to ${length}`).toBeUndefined();
    }
    expect(Buffer.from(bob.unprotect(sealed) ?? [])).toEqual(packet);
  });

  test('forged packets far ahead do not move the window', () => {
    const [alice, bob] = pair();
    const sealed = protect(alice, [1, 2].map((sequenceNumber) => rtpPacket({ sequenceNumber })));
    expect(bob.unprotect(sealed[0] ?? Buffer.alloc(0))).toBeDefined();
    for (const sequenceNumber of [500, 30_000, 65_000]) {
      expect(bob.unprotect(Buffer.concat([rtpPacket({ sequenceNumber }), Buffer.alloc(alice.overhead)]))).toBeUndefined();
    }
    expect(bob.unprotect(sealed[1] ?? Buffer.alloc(0))).toBeDefined();
  });

  test('a peer has a bounded number of streams, and forged ones take no place', () => {
    const [alice, bob] = pair();
    for (let ssrc = 0; ssrc < 1000; ssrc += 1) {
      bob.unprotect(Buffer.concat([rtpPacket({ sequenceNumber: 1, ssrc }), Buffer.alloc(16)]));
    }
    const accepted = Array.from({ length: MAX_INBOUND_SOURCES + 3 }, (_, ssrc) => {
      const [sealed = Buffer.alloc(0)] = protect(alice, [rtpPacket({ sequenceNumber: 1, ssrc })]);
      return bob.unprotect(sealed) !== undefined;
    });
    expect(accepted.filter(Boolean)).toHaveLength(MAX_INBOUND_SOURCES);
  });

  test('RTCP goes through once, forged never', () => {
    const [alice, bob] = pair();
    for (let i = 0; i < 5; i += 1) {
      const sealed = Buffer.from(alice.protectRtcp(report));
      expect(sealed.length).toBe(report.length + alice.overhead + 4);
      expect(sealed.readUInt32BE(sealed.length - (profile === 'aead-aes-128-gcm' ? 4 : 14))).toBe(0x8000_0000 + i);
      for (let bit = 0; bit < sealed.length * 8; bit += 1) {
        const forged = Buffer.from(sealed);
        forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(bob.unprotectRtcp(forged), `bit ${bit}`).toBeUndefined();
      }
      expect(Buffer.from(bob.unprotectRtcp(sealed) ?? [])).toEqual(report);
      expect(bob.unprotectRtcp(sealed)).toBeUndefined();
    }
  });

  test('what is no packet is neither protected nor opened', () => {
    const [alice, bob] = pair();
    const odd = [Buffer.alloc(0), Buffer.alloc(11), Buffer.alloc(40), Buffer.alloc(40, 0xff), Buffer.from('9f60000100000000000000010000ffff', 'hex'), randomBytes(65_507), Buffer.alloc(70_000, 0x80)];
    for (const packet of odd) {
      expect(bob.unprotect(packet)).toBeUndefined();
      expect(bob.unprotectRtcp(packet)).toBeUndefined();
    }
    expect(protect(alice, odd.slice(0, 5)).map(({ length }) => length)).toEqual([0, 0, 0, 0, 0]);
    expect(alice.protectRtcp(Buffer.alloc(7))).toHaveLength(0);
    expect(alice.protectRtcp(Buffer.alloc(70_000))).toHaveLength(0);
    const good = rtpPacket({ sequenceNumber: 9 });
    expect(Buffer.from(bob.unprotect(protect(alice, [Buffer.alloc(12), good])[1] ?? odd[0]!) ?? [])).toEqual(good);
  });

  test('once closed nothing goes out and nothing comes in', () => {
    const [alice, bob] = pair();
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = protect(alice, [1, 2].map((sequenceNumber) => rtpPacket({ sequenceNumber })));
    expect(bob.unprotect(first)).toBeDefined();
    const sealed = Buffer.from(alice.protectRtcp(report));
    for (const side of [alice, bob, alice, bob]) {
      side.close();
    }
    expect(protect(alice, [rtpPacket({ sequenceNumber: 3 })])[0]).toHaveLength(0);
    expect(alice.protectRtcp(report)).toHaveLength(0);
    expect(bob.unprotect(second)).toBeUndefined();
    expect(bob.unprotectRtcp(sealed)).toBeUndefined();
  });

  test('a packet goes out again as it was, and not otherwise', () => {
    const [alice] = pair();
    const packet = rtpPacket({ sequenceNumber: 65_535, extension: 1 });
    const [once = Buffer.alloc(0), twice] = protect(alice, [packet, packet]);
    expect(once.length).toBe(packet.length + alice.overhead);
    expect(twice).toEqual(once);
    const newer = Array.from({ length: REPEATABLE - 1 }, (_, i) => rtpPacket({ sequenceNumber: i, payload: 1 }));
    for (let at = 0; at < newer.length; at += 64) {
      protect(alice, newer.slice(at, at + 64)).forEach(({ length }) => expect(length).toBeGreaterThan(0));
    }
    const changed = Buffer.from(packet);
    changed[17] = 1;
    expect(protect(alice, [changed, packet, changed])).toEqual([Buffer.alloc(0), once, Buffer.alloc(0)]);
    expect(protect(alice, [rtpPacket({ sequenceNumber: REPEATABLE - 1 }), packet])[1]).toHaveLength(0);
  });
});

test.skipIf(fast === undefined)('native and portable engines give the same bytes, over the wrap, 1 to 64 packets of 12 to 1200 bytes', () => {
  for (const profile of profiles) {
    const keys = keysOf(profile);
    const sides = [protectionWith(keys, portableEngines), protectionWith(keys, fast ?? portableEngines)];
    let sequenceNumber = 65_400;
    for (let round = 0; round < 40; round += 1) {
      const packets = Array.from({ length: 1 + ((round * 13) % 64) }, (_, i) => {
        sequenceNumber += 1;
        return rtpPacket({ sequenceNumber, payload: Math.min(((round * 97 + i * 61) % 1189), 990), sources: i % 3 });
      });
      const [portable = [], native = []] = sides.map((side) => protect(side, packets));
      expect(native).toEqual(portable);
      expect(portable.every(({ length }, i) => length === (packets[i]?.length ?? 0) + (sides[0]?.overhead ?? 0))).toBe(true);
      const control = Buffer.concat([report, randomBytes(round * 4)]);
      const [one, other] = sides.map((side) => Buffer.from(side.protectRtcp(control)));
      expect(one).toEqual(other);
    }
  }
});

test('keys and salts of the wrong length are refused', () => {
  const keys = { ...keysOf('aead-aes-128-gcm'), fastPath: 'off' } as const;
  expect(() => createSrtpProtection({ ...keys, localSalt: randomBytes(14) })).toThrow(TypeError);
  expect(() => createSrtpProtection({ ...keys, remoteKey: randomBytes(32) })).toThrow(TypeError);
  expect(() => createSrtpProtection({ ...keys, profile: 'aes128-cm-sha1-80' })).toThrow(TypeError);
});
