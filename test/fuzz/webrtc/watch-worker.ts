import { parentPort, workerData } from 'node:worker_threads';

import { connectPeer, testCertificate, testCredentials, type TestPeer } from '#core/rtc/testing/peer.ts';

import { peerOffer, readAnswer } from './offers.ts';
import { openSession } from './sessions.ts';

/** Counts over one source. */
type Source = { packets: number; first: number; highest: number };

/** An honest viewer in a thread of its own, so that what the attack costs its own process is not taken for the server's fault. */
const { server, port, stream } = workerData as { readonly server: string; readonly port: number; readonly stream: string };
const sources = new Map<number, Source>();
let lastAt = 0;
let longestPause = 0;

function count(packet: Uint8Array): void {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  const [ssrc, sequence] = [bytes.readUInt32BE(8), bytes.readUInt16BE(2)];
  const source = sources.get(ssrc) ?? { packets: 0, first: sequence, highest: sequence };
  sources.set(ssrc, source);
  source.packets += 1;
  source.highest += Math.max(0, ((sequence - source.highest + 0x8000) & 0xffff) - 0x8000);
  const now = performance.now();
  longestPause = lastAt === 0 ? 0 : Math.max(longestPause, now - lastAt);
  lastAt = now;
}

async function watch(): Promise<TestPeer> {
  const local = testCredentials();
  const { fingerprint } = await testCertificate();
  const { answer } = await openSession(server, { stream }, peerOffer({ ice: local, fingerprint, direction: 'recvonly', feedback: 'none' }));
  const end = readAnswer(answer);
  return connectPeer({ local, remote: end.remote, fingerprint: end.fingerprint, candidates: [{ protocol: 'udp', address: '127.0.0.1', port }], onRtp: count });
}

const peer = await watch();
let ended = false;
void peer.closed.then(() => (ended = true));
// A check of its own that others have overheard, and may send again.
const request = peer.ice.request();
peer.sendRaw(request);
parentPort?.postMessage({ kind: 'watching', request });
parentPort?.on('message', (message: 'tell' | 'leave') => {
  if (message === 'leave') {
    void peer.close().then(() => process.exit(0));
    return;
  }
  const streams = [...sources.values()];
  parentPort?.postMessage({
    kind: 'told',
    packets: streams.reduce((sum, { packets }) => sum + packets, 0),
    // What came twice hides nothing: the server repeats nothing that was not asked for.
    missing: streams.reduce((sum, { packets, first, highest }) => sum + highest - first + 1 - packets, 0),
    failed: peer.received.failed,
    longestPause: Math.round(longestPause),
    ended,
  });
});
