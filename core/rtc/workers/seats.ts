import type { EgressCounts } from '../egress/datagram-egress.ts';
import type { RtcCertificate } from '../dtls/certificate.ts';
import type { RtcCounters } from '../metrics.ts';
import type { RtcConfig } from '../options.ts';
import type { RtcTransport, SeatSetup, WorkerSeats } from '../transport.ts';

/** What a seat's setup holds. The number's ice-char begins the user fragments of the worker's sessions. */
export type WorkerSetup = SeatSetup & {
  readonly config: Pick<RtcConfig, 'maxRtcSessions' | 'rtcFastPath'>;
  readonly certificate: RtcCertificate;
  readonly addresses: readonly string[];
  readonly ports: { readonly udp: number; readonly tcp: number | undefined };
  /** The UDP socket's descriptor, to send on; undefined where packets are to go through the main thread. */
  readonly descriptor: number | undefined;
  readonly family: 'udp4' | 'udp6';
};

/** The seats, with what the workers have counted, those that have ended included. */
export interface CountedSeats extends WorkerSeats {
  readonly counts: WorkerCounts;
}

/** What the thread with the ports knows that workers are told. */
export type WorkerHost = {
  readonly config: RtcConfig;
  readonly certificate: RtcCertificate;
  /** Where the server can be reached now. */
  readonly addresses: () => readonly string[];
};

/** What a worker's transport counts: told once a second. */
export type WorkerCounts = {
  readonly counters: RtcCounters;
  readonly sessions: RtcTransport['counts'];
  readonly egress: Pick<EgressCounts, 'dropped' | 'calls'>;
};
