import type { Socket } from 'node:dgram';

import type { FastPath } from '../native/fast-path.ts';
import { messages } from '../native/messages.ts';

import { Counts } from './counts.ts';
import { descriptorOf } from './descriptor.ts';
import type { DatagramEgress } from './egress.ts';
import { KernelEgress } from './kernel-egress.ts';
import { PortableEgress } from './portable-egress.ts';
import type { SocketFamily } from './socket-address.ts';

export type { EgressCounts } from './counts.ts';
export { descriptorOf } from './descriptor.ts';
export type { DatagramEgress } from './egress.ts';
export { numericLookup } from './portable-egress.ts';
export type { DatagramAddress, SocketFamily } from './socket-address.ts';

/** Options of {@link createDatagramEgress}. */
export type DatagramEgressOptions = {
  /** Bound; best made with {@link numericLookup}. One that listens on IPv6 reaches IPv4 peers too, where it is dual-stack. */
  readonly socket: Socket;
  /** `auto` sends on the socket's descriptor where that works, one system call per batch; `off` leaves it to `node:dgram`. */
  readonly fastPath: FastPath;
};

/** Makes the sending half of a bound socket. */
export function createDatagramEgress({ socket, fastPath }: DatagramEgressOptions): DatagramEgress {
  const { address, port } = socket.address();
  const family: SocketFamily = address.includes(':') ? 'udp6' : 'udp4';
  const counts = new Counts();
  const portable = new PortableEgress(socket, family, counts);
  const native = fastPath === 'auto' ? messages().messages : undefined;
  const descriptor = native === undefined ? undefined : descriptorOf(socket);
  if (native === undefined || descriptor === undefined || native.portOf(descriptor()) !== port) {
    return portable;
  }
  return new KernelEgress({ messages: native, descriptor, family, others: portable, counts });
}

/** Options of {@link createDescriptorEgress}. */
export type DescriptorEgressOptions = {
  /** Of a bound UDP socket of this process; whoever closes the socket must close this first. */
  readonly descriptor: number;
  /** The socket's local port, to make sure that it is that socket. */
  readonly port: number;
  readonly family: SocketFamily;
};

/** The sending half of a socket that another thread owns; undefined where native code does not work. */
export function createDescriptorEgress({ descriptor, port, family }: DescriptorEgressOptions): DatagramEgress | undefined {
  const native = messages().messages;
  if (native === undefined || native.portOf(descriptor) !== port) {
    return undefined;
  }
  return new KernelEgress({ messages: native, descriptor: () => descriptor, family, others: undefined, counts: new Counts() });
}
