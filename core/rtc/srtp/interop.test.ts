import { randomBytes } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { PacketBatch } from '../packet-batch.ts';
import { RtpPacket, SrtcpSession, SrtpSession } from '../werift.ts';

import { createSrtpProtection, type SrtpKeys, type SrtpProfile } from './srtp-protection.ts';

const profiles: readonly { readonly profile: SrtpProfile; readonly number: 1 | 7; readonly salt: number }[] = [
  { profile: 'aead-aes-128-gcm', number: 7, salt: 12 },
  { profile: 'aes128-cm-sha1-80', number: 1, salt: 14 },
];
const cases = profiles.flatMap((profile) => (['auto', 'off'] as const).map((fastPath) => ({ ...profile, fastPath })));
const report = Buffer.from('80c80006123456780102030405060708090a0b0c0d0e0f1011121314', 'hex');

describe.each(cases)('$profile with werift, fast path $fastPath', ({ profile, number, salt, fastPath }) => {
  const [localKey, remoteKey] = [randomBytes(16), randomBytes(16)];
  const [localSalt, remoteSalt] = [randomBytes(salt), randomBytes(salt)];
  const keys: SrtpKeys = { profile, localKey, localSalt, remoteKey, remoteSalt };
  const theirs = { profile: number, keys: { localMasterKey: remoteKey, localMasterSalt: remoteSalt, remoteMasterKey: localKey, remoteMasterSalt: localSalt } };

  test('it reads our RTP over the wrap, and we read its', () => {
    const ours = createSrtpProtection({ ...keys, fastPath });
    const session = new SrtpSession(theirs);
    const batch = new PacketBatch();
    for (let sequence = 65_500; sequence < 65_600; sequence += 10) {
      batch.reset(ours.overhead);
      const plain = Array.from({ length: 10 }, (_, i) => {
        const packet = Buffer.concat([Buffer.from('90e0000000000001cafe0001bede000112abcdef', 'hex'), randomBytes(i * 100 + 1)]);
        packet.writeUInt16BE((sequence + i) & 0xffff, 2);
        batch.bytes.set(packet, batch.add(packet.length));
        return packet;
      });
      ours.protect(batch);
      plain.forEach((packet, i) => {
        const at = batch.starts[i] ?? 0;
        expect(session.decrypt(Buffer.from(batch.bytes.subarray(at, at + (batch.lengths[i] ?? 0))))).toEqual(packet);
        const parsed = RtpPacket.deSerialize(packet);
        expect(Buffer.from(ours.unprotect(session.encrypt(parsed.payload, parsed.header)) ?? [])).toEqual(packet);
      });
    }
    ours.close();
  });

  test('it reads our RTCP, and we read its', () => {
    const ours = createSrtpProtection({ ...keys, fastPath });
    const session = new SrtcpSession(theirs);
    for (let i = 0; i < 5; i += 1) {
      expect(session.decrypt(Buffer.from(ours.protectRtcp(report)))).toEqual(report);
      expect(Buffer.from(ours.unprotectRtcp(session.encrypt(report)) ?? [])).toEqual(report);
    }
    ours.close();
  });
});
