import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

import type { Logger } from '../../runtime/log.ts';
import { createDatagramEgress, numericLookup, type DatagramAddress, type DatagramEgress } from '../egress/datagram-egress.ts';
import type { FastPath } from '../native/fast-path.ts';
import { logPath } from '../native/report.ts';
import type { PacketBatch } from '../packet-batch.ts';
import { plainAddress } from './address.ts';
import { isFamilyMissing } from './listen-error.ts';
import type { PeerLink } from './peer-link.ts';

/** Of the kernel's buffers: at 100 Mbit/s a third of a second, in which garbage may be collected. The system may grant less. */
const BUFFER_BYTES = 4 * 1024 * 1024;

/** What the port needs. */
export type UdpPortOptions = {
  readonly host: string;
  readonly port: number;
  readonly fastPath: FastPath;
  readonly log: Logger;
  /** A bound socket in place of host and port. */
  readonly socket?: Socket | undefined;
  /** `bytes` are the receiver's to read until it returns. */
  readonly datagram: (bytes: Buffer, from: RemoteInfo) => void;
};

/** The UDP port that all peers share. */
export class UdpPort {
  readonly port: number;
  readonly ipv6: boolean;
  readonly egress: DatagramEgress;
  readonly #socket: Socket;

  /** Takes over a bound socket. */
  constructor(socket: Socket, { fastPath, log, datagram }: Pick<UdpPortOptions, 'fastPath' | 'log' | 'datagram'>) {
    const { port, family } = socket.address();
    this.port = port;
    this.ipv6 = family === 'IPv6';
    this.#socket = socket;
    enlargeBuffers(socket);
    this.egress = createDatagramEgress({ socket, fastPath });
    logPath(log, fastPath, this.egress);
    socket.on('message', datagram);
    socket.on('error', (error) => log.warn({ err: error }, 'the WebRTC socket reports an error'));
  }

  /** The remote address of a datagram, to send to. */
  link(from: DatagramAddress): PeerLink {
    return new UdpLink(this.egress, from);
  }

  /** Closes the socket. */
  close(): Promise<void> {
    this.egress.close();
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

/** Names a remote address among those of UDP. Made for each datagram: the address as the socket shows it. */
export function udpKey({ address, port }: Pick<RemoteInfo, 'address' | 'port'>): string {
  return `${address}/${port}`;
}

/** The address of a key that `udpKey` made. */
export function addressOfKey(key: string): DatagramAddress {
  const slash = key.lastIndexOf('/');
  const address = key.slice(0, slash);
  return { address, port: Number(key.slice(slash + 1)), family: address.includes(':') ? 'IPv6' : 'IPv4' };
}

/** Binds a UDP socket; a machine without IPv6 gets one of IPv4 where all addresses were meant. Rejects with the system's error. */
export async function bindUdp(address: string, port: number): Promise<Socket> {
  try {
    return await bind(address, port);
  } catch (error) {
    if (address === '::' && isFamilyMissing(error)) {
      return bind('0.0.0.0', port);
    }
    throw error;
  }
}

/** A remote address of UDP. */
export class UdpLink implements PeerLink {
  readonly protocol = 'udp';
  readonly address: string;
  readonly port: number;
  readonly key: string;
  readonly #egress: DatagramEgress;
  readonly #to: DatagramAddress;

  constructor(egress: DatagramEgress, { address, port, family }: DatagramAddress) {
    this.address = plainAddress(address);
    this.port = port;
    this.key = udpKey({ address, port });
    this.#egress = egress;
    this.#to = { address, port, family };
  }

  sendOne(bytes: Uint8Array): boolean {
    return this.#egress.sendOne(bytes, this.#to);
  }

  send(batch: PacketBatch): number {
    return this.#egress.send(batch, this.#to);
  }

  close(): void {}
}

function bind(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ipv6Only: false, lookup: numericLookup });
    const refuse = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', refuse);
    socket.bind({ address, port }, () => {
      socket.off('error', refuse);
      resolve(socket);
    });
  });
}

function enlargeBuffers(socket: Socket): void {
  for (const enlarge of [(): void => socket.setRecvBufferSize(BUFFER_BYTES), (): void => socket.setSendBufferSize(BUFFER_BYTES)]) {
    try {
      enlarge();
    } catch {
      // Some systems refuse instead of granting what they can: the default does, with less to spare.
    }
  }
}
