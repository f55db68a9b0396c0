import type { Millis } from '../../media/time.ts';
import type { Fingerprint } from '../transport.ts';
import type { RtcCertificate } from './certificate.ts';
import type { DtlsEstablished } from './established.ts';
import type { SrtpKeys } from './srtp-keys.ts';

/** What a handshake needs, whichever side begins it. */
export type DtlsHandshakeOptions = {
  readonly certificate: RtcCertificate;
  /** Of the peer. */
  readonly fingerprints: readonly Fingerprint[];
  /** Sends a datagram to the peer; it is not written to afterwards. */
  readonly send: (datagram: Uint8Array) => void;
  readonly done: (keys: SrtpKeys, established: DtlsEstablished) => void;
  readonly failed: (error: unknown) => void;
};

/** One side of one DTLS 1.2 handshake. It ends with one call of `done` or `failed`, or with `close()`. */
export interface DtlsHandshake {
  /** Takes a datagram of the peer. Never throws. */
  receive(datagram: Buffer, now: Millis): void;
  /** Sends nothing more and lets go of everything. Idempotent. */
  close(): void;
}
