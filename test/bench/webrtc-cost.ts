import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createDatagramEgress, numericLookup, type DatagramAddress, type DatagramEgress } from '#core/rtc/egress/datagram-egress.ts';
import type { FastPath } from '#core/rtc/native/fast-path.ts';
import { pathReport } from '#core/rtc/native/report.ts';
import { PacketBatch } from '#core/rtc/packet-batch.ts';
import { createSrtpProtection, type SrtpKeys, type SrtpProfile } from '#core/rtc/srtp/srtp-protection.ts';
import { RtpPacket, SrtpSession } from '#core/rtc/werift.ts';

import { fixed, printTable, quantile } from './support/statistics.ts';

/**
 * What a packet costs the server's processor from the shared payload to the kernel: `node test/bench/webrtc-cost.ts`. The
 * header is written, the payload copied, both protected and sent, for one viewer after another with keys of its own, as the
 * fan-out does; without the sender's history and its pacing. All ways in one run, by turns, so that they compare whatever else
 * the machine does; by the processor time of this process, in which loopback counts the receiver's side of the kernel too.
 */

/** One way through one shape of batch. Microseconds of processor time per packet. */
export type WebrtcCostResult = {
  readonly way: 'fast' | 'portable' | 'werift';
  readonly profile: SrtpProfile;
  readonly shape: string;
  readonly protect: number;
  readonly protectAndSend: number;
  /** Share of the packets sent that the receiver's process read. */
  readonly received: number;
};

/** Options of {@link runWebrtcCost}. */
export type WebrtcCostOptions = {
  /** Turns of each way; the median counts. Default 9. */
  readonly rounds?: number;
  /** Viewers with keys of their own. Default 100. */
  readonly viewers?: number;
};

/** A frame of 2 Mbit/s at 30 fps, a key frame's burst as the pacer lets it go, and sound. */
const SHAPES: readonly { readonly shape: string; readonly lengths: readonly number[] }[] = [
  { shape: '7 x 1200', lengths: Array.from({ length: 7 }, () => 1200) },
  { shape: '300, 6 x 1200, 700', lengths: [300, 1200, 1200, 1200, 1200, 1200, 1200, 700] },
  { shape: '1 x 172 (sound)', lengths: [172] },
];

/** Packets of one turn. */
const TURN = 2800;
/** Packets between two looks at the event loop, in which the receiver and the portable socket get on. */
const BURST = 140;

/** One viewer: fills its next batch and protects it; then sends it. */
type Viewer = { readonly protect: (lengths: readonly number[]) => void; readonly send: (egress: DatagramEgress, to: DatagramAddress) => void };

type Way = { readonly way: WebrtcCostResult['way']; readonly egress: DatagramEgress; readonly makeViewer: (profile: SrtpProfile, ssrc: number) => Viewer };

/** Measures the ways by turns. */
export async function runWebrtcCost({ rounds = 9, viewers = 100 }: WebrtcCostOptions = {}): Promise<WebrtcCostResult[]> {
  const receiver = fork(fileURLToPath(new URL('webrtc-cost-receiver.ts', import.meta.url)));
  const [port] = (await once(receiver, 'message')) as [number];
  const socket = createSocket({ type: 'udp4', lookup: numericLookup });
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  const to: DatagramAddress = { address: '127.0.0.1', port, family: 'IPv4' };
  const count = async (): Promise<number> => {
    await setTimeout(100);
    receiver.send('count');
    const [packets] = (await once(receiver, 'message')) as [number];
    return packets;
  };
  const batch = new PacketBatch();
  const egresses = { auto: createDatagramEgress({ socket, fastPath: 'auto' }), off: createDatagramEgress({ socket, fastPath: 'off' }) };
  const { encryption, sending } = pathReport('auto', egresses.auto);
  const ways: readonly Way[] = [
    ...(encryption === 'native' && sending === 'native' ? [{ way: 'fast' as const, egress: egresses.auto, makeViewer: ours(batch, 'auto') }] : []),
    { way: 'portable', egress: egresses.off, makeViewer: ours(batch, 'off') },
    { way: 'werift', egress: egresses.off, makeViewer: weriftViewer },
  ];
  const results: WebrtcCostResult[] = [];
  try {
    for (const profile of ['aead-aes-128-gcm', 'aes128-cm-sha1-80'] as const) {
      const crowds = ways.map((way) => ({ ...way, crowd: Array.from({ length: viewers }, (_, i) => way.makeViewer(profile, i + 1)) }));
      for (const { shape, lengths } of SHAPES) {
        const tallies = crowds.map((crowd) => ({ ...crowd, protect: [] as number[], whole: [] as number[], sent: 0, read: 0 }));
        for (let round = -2; round < rounds; round += 1) {
          for (const tally of tallies) {
            const before = await count();
            const protect = await turn(tally.crowd, lengths);
            const whole = await turn(tally.crowd, lengths, (viewer) => viewer.send(tally.egress, to));
            const read = (await count()) - before;
            // The first rounds warm the compiler up.
            if (round >= 0) {
              tally.protect.push(protect.cost);
              tally.whole.push(whole.cost);
              tally.sent += whole.packets;
              tally.read += read;
            }
          }
        }
        for (const { way, protect, whole, sent, read } of tallies) {
          results.push({ way, profile, shape, protect: median(protect), protectAndSend: median(whole), received: read / sent });
        }
      }
    }
  } finally {
    socket.close();
    receiver.disconnect();
  }
  return results;
}

/** Prints the results as a table. */
export function printWebrtcCost(results: readonly WebrtcCostResult[]): void {
  printTable(
    'Cost of an SRTP packet of 1200 bytes or as told (microseconds of processor time)',
    ['way', 'profile', 'batch', 'protect', 'protect and send', 'received'],
    results.map((r) => [r.way, r.profile, r.shape, fixed(r.protect, 2), fixed(r.protectAndSend, 2), `${fixed(r.received * 100, 1)}%`]),
  );
}

/** What is dearer than it may be, each way against the next in the same run; nothing where all is well. */
export function webrtcCostRegressions(results: readonly WebrtcCostResult[]): string[] {
  const found = (way: WebrtcCostResult['way'], { profile, shape }: WebrtcCostResult) => results.find((r) => r.way === way && r.profile === profile && r.shape === shape);
  return results.flatMap((result) => {
    const [against, share] = result.way === 'fast' ? [found('portable', result), 0.75] : [found('werift', result), 1.1];
    if (result.way === 'werift' || against === undefined || result.protectAndSend <= against.protectAndSend * share) {
      return [];
    }
    return [`${result.way}, ${result.profile}, ${result.shape}: ${fixed(result.protectAndSend, 2)} against ${fixed(against.protectAndSend, 2)} of ${against.way}`];
  });
}

/** Works through about {@link TURN} packets in bursts, one viewer's batch after the other's. */
async function turn(crowd: readonly Viewer[], lengths: readonly number[], after: (viewer: Viewer) => void = () => {}): Promise<{ cost: number; packets: number }> {
  let packets = 0;
  let microseconds = 0;
  for (let at = 0; packets < TURN; ) {
    const began = process.cpuUsage();
    for (const end = packets + BURST; packets < end; packets += lengths.length) {
      const viewer = crowd[at % crowd.length];
      at += 1;
      viewer?.protect(lengths);
      if (viewer !== undefined) {
        after(viewer);
      }
    }
    // What the portable socket does on the next tick is its cost too.
    await setImmediate();
    const { user, system } = process.cpuUsage(began);
    microseconds += user + system;
  }
  return { cost: microseconds / packets, packets };
}

const payload = randomBytes(1200);

function ours(batch: PacketBatch, fastPath: FastPath): Way['makeViewer'] {
  return (profile, ssrc) => {
    const protection = createSrtpProtection({ ...keysOf(profile), fastPath });
    let sequenceNumber = 0;
    return {
      protect: (lengths) => {
        batch.reset(protection.overhead);
        for (const length of lengths) {
          const at = batch.add(length);
          batch.view.setUint32(at, 0x8060_0000 + (sequenceNumber & 0xffff));
          batch.view.setUint32(at + 4, 90_000);
          batch.view.setUint32(at + 8, ssrc);
          payload.copy(batch.bytes, at + 12, 0, length - 12);
          sequenceNumber += 1;
        }
        protection.protect(batch);
      },
      send: (egress, to) => egress.send(batch, to),
    };
  };
}

function weriftViewer(profile: SrtpProfile, ssrc: number): Viewer {
  const { localKey, localSalt, remoteKey, remoteSalt } = keysOf(profile);
  const session = new SrtpSession({
    profile: profile === 'aead-aes-128-gcm' ? 7 : 1,
    keys: {
      localMasterKey: Buffer.from(localKey),
      localMasterSalt: Buffer.from(localSalt),
      remoteMasterKey: Buffer.from(remoteKey),
      remoteMasterSalt: Buffer.from(remoteSalt),
    },
  });
  const packet = RtpPacket.deSerialize(Buffer.concat([Buffer.from('80600000000000000000000100', 'hex'), payload]));
  packet.header.ssrc = ssrc;
  let sequenceNumber = 0;
  let protectedPackets: Buffer[] = [];
  return {
    protect: (lengths) => {
      protectedPackets = lengths.map((length) => {
        packet.header.sequenceNumber = sequenceNumber & 0xffff;
        sequenceNumber += 1;
        return session.encrypt(payload.subarray(0, length - 12), packet.header);
      });
    },
    send: (egress, to) => protectedPackets.forEach((bytes) => egress.sendOne(bytes, to)),
  };
}

function keysOf(profile: SrtpProfile): SrtpKeys {
  const salt = profile === 'aead-aes-128-gcm' ? 12 : 14;
  return { profile, localKey: randomBytes(16), localSalt: randomBytes(salt), remoteKey: randomBytes(16), remoteSalt: randomBytes(salt) };
}

function median(values: readonly number[]): number {
  return quantile(values.toSorted((a, b) => a - b), 0.5);
}

if (import.meta.main) {
  const results = await runWebrtcCost();
  printWebrtcCost(results);
  for (const regression of webrtcCostRegressions(results)) {
    process.stdout.write(`dearer than it may be: ${regression}\n`);
    process.exitCode = 1;
  }
}
