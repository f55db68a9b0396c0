import { X509Certificate } from 'node:crypto';

import { createCertificate, signatureHash, type RtcCertificate } from '../dtls/certificate.ts';
import { DtlsEstablished } from '../dtls/established.ts';
import { matchesFingerprint } from '../dtls/fingerprint.ts';
import { CONTENT_TYPE, readRecords } from '../dtls/record.ts';
import { RecordCipher } from '../dtls/record-cipher.ts';
import type { Fingerprint } from '../transport.ts';
import { DtlsClient, DtlsServer, SrtcpSession, SrtpSession, type DtlsTransport, type SrtpProfileNumber } from '../werift.ts';

/** What a client has after its handshake: werift's SRTP, which knows nothing of ours. */
export type ClientKeys = { readonly srtp: SrtpSession; readonly srtcp: SrtcpSession; readonly established: DtlsEstablished; readonly profile: SrtpProfileNumber };

/** What a client's handshake needs. */
export type ClientHandshakeOptions = {
  readonly certificate: RtcCertificate;
  /** Of the server. */
  readonly fingerprint: Fingerprint;
  /** Profiles offered. Default: both. */
  readonly profiles?: readonly SrtpProfileNumber[];
  readonly send: (datagram: Buffer) => void;
};

/** A number that werift's records of epoch 1 do not reach. */
const UNUSED_SEQUENCE = 1000;

const FATAL = 2;

let shared: Promise<RtcCertificate> | undefined;

/** The certificate of this process's clients. */
export function clientCertificate(): Promise<RtcCertificate> {
  shared ??= createCertificate();
  return shared;
}

/** A handshake under way: `receive` takes the server's datagrams; `keys` settles when both sides have finished. */
export type PeerHandshake = { readonly receive: (datagram: Buffer) => void; readonly keys: Promise<ClientKeys> };

/** Starts a handshake: the client says hello. */
export function startClientHandshake(options: ClientHandshakeOptions): PeerHandshake {
  const transport = transportOf(options);
  const client = new DtlsClient(weriftOptions(options, transport));
  const keys = handshakeOf(client, transport, options);
  client.connect().catch(keys.reject);
  return keys;
}

/** Waits for the server to begin: what a peer does that offered `a=setup:passive`, as ffmpeg does. */
export function awaitServerHandshake(options: ClientHandshakeOptions): PeerHandshake {
  const transport = transportOf(options);
  return handshakeOf(new DtlsServer(weriftOptions(options, transport)), transport, options);
}

function transportOf({ send }: ClientHandshakeOptions): DtlsTransport {
  return {
    type: 'udp',
    address: { address: '', family: 'IPv4', port: 0 },
    closed: false,
    onData: () => {},
    send: (datagram) => {
      send(datagram);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function weriftOptions({ certificate, profiles = [7, 1] }: ClientHandshakeOptions, transport: DtlsTransport): ConstructorParameters<typeof DtlsClient>[0] {
  return {
    transport,
    cert: certificate.certPem,
    key: certificate.keyPem,
    signatureHash,
    srtpProfiles: [...profiles],
    extendedMasterSecret: true,
    certificateRequest: true,
  };
}

function handshakeOf(side: DtlsClient | DtlsServer, transport: DtlsTransport, { fingerprint }: ClientHandshakeOptions): PeerHandshake & { readonly reject: (error: unknown) => void } {
  const refusal = Promise.withResolvers<never>();
  const keys = new Promise<ClientKeys>((resolve, reject) => {
    refusal.promise.catch(reject);
    side.onError.subscribe(reject);
    side.onConnect.subscribe(() => {
      if (side.remoteCertificate === undefined || !matchesFingerprint(new X509Certificate(side.remoteCertificate).raw, [fingerprint])) {
        reject(new Error('the server showed another certificate'));
        return;
      }
      resolve(keysOf(side));
    });
  });
  return {
    reject: refusal.reject,
    receive: (datagram) => {
      if (readRecords(datagram).some(({ type, epoch, fragment }) => type === CONTENT_TYPE.alert && epoch === 0 && fragment[0] === FATAL)) {
        refusal.reject(new Error('the server refused the handshake'));
        return;
      }
      transport.onData(datagram, ['', 0]);
    },
    keys,
  };
}

function keysOf(side: DtlsClient | DtlsServer): ClientKeys {
  const profile = side.srtp.srtpProfile;
  if (profile === undefined) {
    throw new Error('no SRTP profile was agreed on');
  }
  const { localKey, localSalt, remoteKey, remoteSalt } = side.extractSessionKeys(16, profile === 7 ? 12 : 14);
  const config = { profile, keys: { localMasterKey: localKey, localMasterSalt: localSalt, remoteMasterKey: remoteKey, remoteMasterSalt: remoteSalt } };
  const { clientWriteKey, clientNonce, serverWriteKey, serverNonce } = side.cipher.cipher;
  const clients = { key: Uint8Array.from(clientWriteKey!), salt: Uint8Array.from(clientNonce!.subarray(0, 4)) };
  const servers = { key: Uint8Array.from(serverWriteKey!), salt: Uint8Array.from(serverNonce!.subarray(0, 4)) };
  const cipher = side instanceof DtlsClient ? new RecordCipher(clients, servers) : new RecordCipher(servers, clients);
  return { srtp: new SrtpSession(config), srtcp: new SrtcpSession(config), established: new DtlsEstablished(cipher, Buffer.concat(side.dtls.lastMessage), UNUSED_SEQUENCE), profile };
}
