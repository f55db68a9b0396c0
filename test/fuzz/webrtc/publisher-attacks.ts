import { compound, writeBye, writeReceiverReport, writeSenderReport } from '#core/media/rtp/rtcp/write.ts';
import { rtpHeaderLength, writeRtpHeader, type RtpExtension } from '#core/media/rtp/rtp-header.ts';
import { vp8Frame } from '#core/rtc/receiver/testing/simulated-publisher.ts';
import { EXTREMES, mutate, type Random } from '#test/fuzz/mutate.ts';

import type { AttackPeer } from './attack-peer.ts';
import { EXTENSION_IDS, PAYLOAD_TYPES } from './offers.ts';

/** The streams of one hostile publisher: what it would send if it were honest. */
export type PublisherState = { sequence: number; timestamp: number; readonly ssrc: number };

type Fields = { payloadType: number; marker: boolean; sequenceNumber: number; timestamp: number; ssrc: number };

const text = new TextEncoder();

type Maker = (random: Random, state: PublisherState, peer: AttackPeer) => void;

const ATTACKS: readonly Maker[] = [
  function picture(random, state, peer) {
    state.timestamp = (state.timestamp + 3000) >>> 0;
    const frame = vp8Frame({ key: random.chance(0.2), bytes: 10 + random.int(900), width: random.pick([0, 1, 640, 0x3fff]), height: random.pick([0, 1, 360, 0x3fff]) });
    const payload = Buffer.concat([Buffer.from([0x10]), frame]);
    peer.sendRtp(packet(next(state, PAYLOAD_TYPES.vp8, true), mid('v'), random.chance(0.4) ? mutate(payload, random) : payload));
  },
  function h264(random, state, peer) {
    state.timestamp = (state.timestamp + 3000) >>> 0;
    const kinds = [[0x78, 0, 5, 0x67, 66, 224, 31, 0], [0x7c, 0x85], [0x7c, 0x45], [0x67, 66, 224, 31], [0x65], [0x1c], [0x78, 0xff, 0xff]];
    const payload = Buffer.concat([Buffer.from(random.pick(kinds)), noise(random, random.int(300))]);
    peer.sendRtp(packet(next(state, PAYLOAD_TYPES.h264, random.chance(0.5)), mid('v'), payload));
  },
  function sound(random, state, peer) {
    const fields = { payloadType: PAYLOAD_TYPES.opus, marker: false, sequenceNumber: random.int(65_536), timestamp: random.pick(EXTREMES), ssrc: state.ssrc + 1 };
    peer.sendRtp(packet(fields, mid('a'), noise(random, random.int(200))));
  },
  function leapsOfTimeAndNumbers(random, state, peer) {
    state.sequence = (state.sequence + random.pick([1, 100, 0x4000, 0x7fff, 0x8000, 0xffff])) & 0xffff;
    state.timestamp = (state.timestamp + random.pick([3000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])) >>> 0;
    peer.sendRtp(packet(next(state, PAYLOAD_TYPES.vp8, true), mid('v'), noise(random, 50)));
  },
  function repeatedThatNeverWas(random, state, peer) {
    const payload = Buffer.concat([Buffer.from([random.int(256), random.int(256)]), noise(random, random.pick([0, 1, 100]))]).subarray(0, random.pick([0, 1, 2, 100]));
    const fields = { payloadType: PAYLOAD_TYPES.rtx, marker: random.chance(0.5), sequenceNumber: random.int(65_536), timestamp: random.int(2 ** 32), ssrc: state.ssrc + 2 };
    peer.sendRtp(packet(fields, mid('v'), payload));
  },
  function sourcesWithoutEnd(random, _state, peer) {
    for (let count = 0; count < 50; count += 1) {
      const fields = { payloadType: random.pick([96, 97, 108, 111, random.int(128)]), marker: true, sequenceNumber: random.int(65_536), timestamp: random.int(2 ** 32), ssrc: random.int(2 ** 32) };
      peer.sendRtp(packet(fields, random.chance(0.5) ? mid(random.pick(['v', 'a', 'x', 'v'.repeat(16)])) : [], noise(random, 20)));
    }
  },
  function layersWithoutEnd(random, _state, peer) {
    for (let count = 0; count < 50; count += 1) {
      const rid = random.pick(['h', 'm', 'l', '', `r${random.int(1e6)}`, 'x'.repeat(16)]);
      const extension = { id: random.pick([EXTENSION_IDS.rid, EXTENSION_IDS.repairedRid]), data: text.encode(rid) };
      const fields = { payloadType: random.pick([96, 97, 108]), marker: true, sequenceNumber: random.int(65_536), timestamp: random.int(2 ** 32), ssrc: random.int(2 ** 32) };
      peer.sendRtp(packet(fields, [...mid('v'), ...(rid === '' ? [] : [extension])], noise(random, 20)));
    }
  },
  function leapingTransportNumbers(random, state, peer) {
    const number = random.pick([0, 0x7fff, 0x8000, 0xffff, random.int(65_536)]);
    peer.sendRtp(packet(next(state, PAYLOAD_TYPES.vp8, false), [...mid('v'), { id: EXTENSION_IDS.transportCc, data: Uint8Array.of(number >> 8, number & 255) }], noise(random, 30)));
  },
  function brokenHeader(random, state, peer) {
    const whole = packet(next(state, PAYLOAD_TYPES.vp8, true), mid('v'), noise(random, 60));
    const broken = mutate(whole, random);
    // What is no RTP at all is not protected; the source stays, or each packet would be another's.
    if (broken.length >= 12) {
      broken.set(whole.subarray(8, 12), 8);
    }
    peer.sendRtp(broken);
  },
  function endlessPadding(random, state, peer) {
    const bytes = packet(next(state, PAYLOAD_TYPES.vp8, true), [], noise(random, 30));
    bytes[0] = bytes[0]! | 0x20;
    bytes[bytes.length - 1] = random.pick([0, 1, 18, 30, 200, 255]);
    peer.sendRtp(bytes);
  },
  function reports(random, state, peer) {
    const report = writeSenderReport({
      ssrc: random.chance(0.7) ? state.ssrc : random.int(2 ** 32), ntpSeconds: random.pick(EXTREMES), ntpFraction: random.pick(EXTREMES),
      rtpTimestamp: random.pick(EXTREMES), packetCount: random.pick(EXTREMES), octetCount: random.pick(EXTREMES), reports: [],
    });
    const whole = compound(report, writeReceiverReport({ ssrc: 1, reports: [] }), ...(random.chance(0.1) ? [writeBye({ ssrcs: [state.ssrc + 1] })] : []));
    peer.sendRtcp(random.chance(0.4) ? mutate(whole, random) : whole);
  },
];

/** Sends something that a publisher with valid keys may send to do harm. */
export function publisherAttack(random: Random, state: PublisherState, peer: AttackPeer): void {
  random.pick(ATTACKS)(random, state, peer);
}

function next(state: PublisherState, payloadType: number, marker: boolean): Fields {
  state.sequence = (state.sequence + 1) & 0xffff;
  return { payloadType, marker, sequenceNumber: state.sequence, timestamp: state.timestamp, ssrc: state.ssrc };
}

function mid(name: string): RtpExtension[] {
  return [{ id: EXTENSION_IDS.mid, data: text.encode(name) }];
}

function packet(fields: Fields, extensions: readonly RtpExtension[], payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(rtpHeaderLength(extensions) + payload.length);
  bytes.set(payload, writeRtpHeader(bytes, 0, { ...fields, extensions }));
  return bytes;
}

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.int(256));
}
