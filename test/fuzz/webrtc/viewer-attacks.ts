import { compound, writeBye, writeFir, writeNack, writePli, writeReceiverReport, writeRemb, writeSdes, writeTransportFeedback } from '#core/media/rtp/rtcp/write.ts';
import { EXTREMES, mutate, type Random } from '#test/fuzz/mutate.ts';

import type { AttackPeer } from './attack-peer.ts';

const SSRC = 1;
const MAX_COMPOUND = 1300;

type Maker = (random: Random, source: { readonly ssrc: number; readonly newest: number }) => Uint8Array;

function word(random: Random): number {
  return random.chance(0.5) ? random.pick(EXTREMES) : random.int(2 ** 32);
}

const MAKERS: readonly Maker[] = [
  function nackOfTheWholeHistory(_random, { ssrc, newest }) {
    return writeNack({ senderSsrc: SSRC, mediaSsrc: ssrc, sequenceNumbers: Array.from({ length: 4000 }, (_, i) => (newest - i) & 0xffff).toReversed() });
  },
  function nackOfTheSameAgain(_random, { ssrc, newest }) {
    return compound(...Array.from({ length: 60 }, () => writeNack({ senderSsrc: SSRC, mediaSsrc: ssrc, sequenceNumbers: [newest] })));
  },
  function nackOfWhatNeverWas(random, { ssrc }) {
    return writeNack({ senderSsrc: SSRC, mediaSsrc: random.chance(0.5) ? ssrc : word(random), sequenceNumbers: Array.from({ length: 300 }, () => random.int(65_536)) });
  },
  function storm(_random, { ssrc }) {
    return compound(...Array.from({ length: 100 }, () => writePli({ senderSsrc: SSRC, mediaSsrc: ssrc })));
  },
  function fullIntraRequests(random, { ssrc }) {
    return writeFir({ senderSsrc: SSRC, requests: Array.from({ length: 100 }, () => ({ ssrc, sequenceNumber: random.int(256) })) });
  },
  function estimates(random, { ssrc }) {
    return writeRemb({ senderSsrc: SSRC, bitrate: random.pick([0, 1, 1000, 2 ** 31, 2 ** 63, 2 ** 80]), ssrcs: [ssrc] });
  },
  function reports(random, { ssrc }) {
    const report = {
      ssrc, fractionLost: random.int(256), cumulativeLost: random.pick([-0x80_0000, 0, 0x7f_ffff]), highestSequence: word(random),
      jitter: word(random), lastSenderReport: word(random), delaySinceLastSenderReport: word(random),
    };
    return writeReceiverReport({ ssrc: SSRC, reports: Array.from({ length: 31 }, () => report) });
  },
  function transportFeedback(random, { ssrc }) {
    const arrivals = Int32Array.from({ length: 1 + random.int(300) }, (_, i) => (random.chance(0.1) ? -0x8000_0000 : i * 4 + random.int(20_000) - 10_000));
    return writeTransportFeedback({ senderSsrc: SSRC, mediaSsrc: ssrc, feedbackCount: random.int(256), baseSequence: random.int(65_536), referenceTime: random.int(2 ** 24) - 2 ** 23, arrivals });
  },
  function feedbackOnEverything(random) {
    // Run-length chunks (3.1.3) of 8,191 packets each, in a few bytes; as many such as a datagram holds.
    return compound(...Array.from({ length: 40 }, () => runLengths(random, random.pick([0x1fff, 0x0fff, 500]), random.int(65_536))));
  },
  function byeOfEverybody(random, { ssrc }) {
    return writeBye({ ssrcs: [ssrc, ...Array.from({ length: 30 }, () => word(random))], reason: 'x'.repeat(random.int(200)) });
  },
  function descriptions(random) {
    return writeSdes({ chunks: Array.from({ length: 8 }, () => ({ ssrc: word(random), cname: 'c'.repeat(random.int(140)) })) });
  },
];

/** What a viewer with valid keys may send to do harm: one compound. */
export function viewerAttack(random: Random, peer: AttackPeer): Uint8Array {
  const ssrc = peer.ssrcs.length > 0 ? random.pick(peer.ssrcs) : 1;
  const source = { ssrc, newest: peer.heard.get(ssrc) ?? random.int(65_536) };
  const parts = Array.from({ length: 1 + random.int(3) }, () => random.pick(MAKERS)(random, source));
  const whole = compound(...parts).slice(0, MAX_COMPOUND);
  return random.chance(0.4) ? mutate(whole, random) : whole;
}

function runLengths(random: Random, run: number, base: number): Uint8Array {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32BE(0x8fcd_0005, 0);
  bytes.writeUInt32BE(SSRC, 4);
  bytes.writeUInt16BE(base, 12);
  bytes.writeUInt16BE(random.chance(0.5) ? run : 0xffff, 14);
  bytes.writeUInt32BE(word(random), 16);
  bytes.writeUInt16BE(run, 20);
  return bytes;
}
