import { describe, expect, test } from 'vitest';

import { Memory } from '../native/memory.ts';
import { PacketBatch } from '../packet-batch.ts';

import { BatchPlan } from './cipher.ts';
import type { CounterModeSealer } from './counter-mode.ts';
import { fastEngines } from './fast-engines.ts';
import { GcmOpener, GcmSealer } from './gcm.ts';
import { portableEngines } from './portable-engines.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const fast = fastEngines().engines;
const makers = [['portable', portableEngines] as const, ...(fast === undefined ? [] : [['native', fast] as const])];

/** RFC 7714, 16: the session keys are given, not derived. */
const key = hex('000102030405060708090a0b0c0d0e0f');
const salt = hex('517569642070726f2071756f');
const gcmKeys = { rtp: key, rtpSalt: salt, rtcp: key, rtcpSalt: salt };
const rtp = hex('8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573');
const srtp = hex(`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d
  7f27beb1 6a9152cf 765ee439 0cce`);
const rtcp = hex('81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef');
const srtcp = hex(`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458
  96cf4d2f c5abf872 45d9eade 800005d4`);
const srtcpPlain = hex(`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef
  841dd968 3dd78ec9 2ae58790 125f62b3 000005d4`);

function sealOne(sealer: GcmSealer | CounterModeSealer, packet: Buffer, ssrc: number, rollover: number, sequenceNumber: number, overhead: number): Buffer {
  const batch = new PacketBatch();
  batch.reset(overhead);
  const at = batch.add(packet.length);
  batch.bytes.set(packet, at);
  const plan = new BatchPlan();
  plan.payloadOffsets[0] = 12;
  plan.ssrcs[0] = ssrc;
  plan.rollovers[0] = rollover;
  plan.sequenceNumbers[0] = sequenceNumber;
  expect(sealer.rtp(batch, new Memory(batch.bytes), plan)).toBe(true);
  return batch.bytes.subarray(0, packet.length + overhead);
}

function withRoom(packet: Buffer): Memory {
  const memory = Memory.alloc(packet.length + 64);
  memory.bytes.set(packet);
  return memory;
}

describe.each(makers)('the %s engines', (_, engines) => {
  test('seal the RTP packet of RFC 7714, 16.1.1', () => {
    expect(sealOne(new GcmSealer(gcmKeys, engines), rtp, 0x5501a0b2, 0, 0xf17b, 16)).toEqual(srtp);
  });

  test('open the RTP packet of RFC 7714, 16.1.2', () => {
    const memory = withRoom(srtp);
    const opener = new GcmOpener(gcmKeys, engines);
    expect(opener.rtp({ memory, length: srtp.length, payloadOffset: 12, ssrc: 0x5501a0b2, rollover: 0, sequenceNumber: 0xf17b })).toBe(true);
    expect(memory.bytes.subarray(0, rtp.length)).toEqual(rtp);
  });

  test('seal the RTCP packet of RFC 7714, 17.1', () => {
    const memory = withRoom(rtcp);
    const length = new GcmSealer(gcmKeys, engines).rtcp({ memory, length: rtcp.length, ssrc: 0x4d617273, index: 0x5d4 });
    expect(memory.bytes.subarray(0, length)).toEqual(srtcp);
  });

  test('open the RTCP packets of RFC 7714, 17.2 and 17.4, encrypted and in the clear', () => {
    for (const [packet, encrypted] of [[srtcp, true], [srtcpPlain, false]] as const) {
      const memory = withRoom(packet);
      const opener = new GcmOpener(gcmKeys, engines);
      expect(opener.rtcp({ memory, length: rtcp.length, ssrc: 0x4d617273, index: 0x5d4 }, encrypted)).toBe(true);
      expect(memory.bytes.subarray(0, rtcp.length)).toEqual(rtcp);
    }
  });

  test('make the key stream of RFC 3711, B.2', () => {
    const keystream = engines.keystream(hex('2B7E151628AED2A6ABF7158809CF4F3C'));
    const iv = withRoom(hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000'));
    const text = Memory.alloc(0xff02 * 16);
    for (const at of [0, 1, 2, 3]) {
      text.bytes.fill(0);
      keystream.queue(iv, text, at, 48);
      expect(keystream.flush()).toBe(true);
      expect(text.bytes.subarray(at, at + 48)).toEqual(hex('E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0'));
      expect(text.bytes.subarray(at + 48, at + 64)).toEqual(Buffer.alloc(16));
    }
    keystream.close();
  });

  test('make the digest of RFC 2202, test case 2', () => {
    const mac = engines.mac(Buffer.from('Jefe'));
    const text = Buffer.from('what do ya want for nothing?');
    expect(Buffer.from(mac.digest(withRoom(text), 0, text.length) ?? []).toString('hex')).toBe('effcdf6ae5eb2fa2d27416d5f184df9c259a7c79');
    mac.close();
  });
});
