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
  /** Sends a datagram to where the peer has proven to be; it is not written to afterwards. */
  readonly send: (datagram: Uint8Array) => void;
  readonly done: (keys: SrtpKeys, established: DtlsEstablished) => void;
  readonly failed: (error: unknown) => void;
};

/** One side of one DTLS 1.2 handshake. It ends with one call of `done` or `failed`, or with `close()`. */
export interface DtlsHandshake {
  /** Takes a datagram of the peer. `origin` names the address it came from. Never throws. */
  receive(datagram: Buffer, now: Millis, origin: string): void;
  /** The peer has proven to be at another address: what it has not answered goes there at once. */
  moved(): void;
  /** Sends nothing more and lets go of everything. Idempotent. */
  close(): void;
}
