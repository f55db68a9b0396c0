import type { Candidate, Fingerprint, IceCredentials } from '../transport.ts';

/** Where the server is and how it is recognised: what its answer says. */
export type TestPeerOptions = {
  /** The peer's own, as in {@link PeerParameters}. */
  readonly local: IceCredentials;
  /** The server's. */
  readonly remote: IceCredentials;
  readonly candidates: readonly Pick<Candidate, 'protocol' | 'address' | 'port'>[];
  /** The server's certificate; checked. */
  readonly fingerprint: Fingerprint;
  /** Reach the server over TCP. Default: UDP. */
  readonly tcp?: boolean;
  /** One packet in so many is decrypted and verified; the others are counted as they come. Default 1. */
  readonly verifyOneIn?: number;
  readonly onRtp?: (packet: Uint8Array) => void;
  readonly onRtcp?: (compound: Uint8Array) => void;
};

/** A full ICE agent with DTLS client and SRTP: what a browser is to the transport, as cheap as can be. */
export interface TestPeer {
  readonly state: 'connected' | 'closed';
  readonly received: { readonly packets: number; readonly bytes: number; readonly verified: number; readonly failed: number };
  /** Resolves when the server says goodbye or `close()` was called. */
  readonly closed: Promise<void>;
  sendRtp(packet: Uint8Array): void;
  sendRtcp(compound: Uint8Array): void;
  /** Goes on from another local port, as after a change of network: a check with USE-CANDIDATE from there. Resolves when it is answered. */
  move(): Promise<void>;
  /** Takes new credentials on both sides (ICE restart). Resolves when a check with them is answered. */
  restart(local: IceCredentials, remote: IceCredentials): Promise<void>;
  /** Stops answering and checking without a word. */
  vanish(): void;
  /** Says goodbye (close_notify). Idempotent. */
  close(): Promise<void>;
}

/** Certificate and key of a test's peers; its fingerprint goes into {@link PeerParameters}. */
export type TestCertificate = { readonly certPem: string; readonly keyPem: string; readonly fingerprint: Fingerprint };

/** The certificate that every {@link TestPeer} of this process shows. Made once. */
export function testCertificate(): Promise<TestCertificate> {
  return Promise.reject(new Error('not yet'));
}

/** Credentials as a client makes them. */
export function testCredentials(): IceCredentials {
  return { ufrag: 'test', pwd: 'a-password-of-24-letters' };
}

/** Connects: checks, handshake, keys. Rejects after 10 s. */
export function connectPeer(options: TestPeerOptions): Promise<TestPeer> {
  return Promise.reject(new Error(`not yet: ${options.candidates.length}`));
}
