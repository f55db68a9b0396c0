import { parentPort, workerData, type MessagePort } from 'node:worker_threads';

import { pino } from 'pino';

import { millis } from '../../media/time.ts';
import type { PeerParameters, RtcSession, SeatSetup } from '../transport.ts';
import { startWorkerTransport } from '../workers/worker-transport.ts';
import { rtpPacket } from './fixtures.ts';

/** A worker with one session, which sends a packet when it is connected and says what becomes of it. */
const { port, setup, peer } = workerData as { readonly port: MessagePort; readonly setup: SeatSetup; readonly peer: PeerParameters };
const transport = startWorkerTransport({ port, setup, log: pino({ level: 'silent' }) });
const session: RtcSession = transport.open(peer, {
  connected: () => {
    transport.batch.reset(session.overhead);
    const packet = rtpPacket({ sequence: 1, length: 500 });
    packet.copy(transport.batch.bytes, transport.batch.add(packet.length));
    session.send(transport.batch);
  },
  rtp: (packet) => parentPort?.postMessage({ received: packet.length, at: millis(performance.now()) }),
  rtcp: () => {},
  closed: (reason) => parentPort?.postMessage({ closed: reason }),
});
parentPort?.postMessage({ local: session.local, candidates: transport.candidates, fingerprint: transport.fingerprint });
