import { Memory } from '../native/memory.ts';
import { ERRNO, type Messages } from '../native/messages.ts';
import type { PacketBatch } from '../packet-batch.ts';

import type { Counts} from './counts.ts';
import { type EgressCounts } from './counts.ts';
import type { DatagramEgress } from './egress.ts';
import { Segments } from './segments.ts';
import { sockaddr, type DatagramAddress, type SocketFamily } from './socket-address.ts';

/** Bytes of a datagram that is not of a batch: STUN, DTLS, RTCP. */
const LONGEST = 65_507;

/** One per thread, like the batch. */
const segments = new Segments();
const single = Memory.alloc(LONGEST);
let batchMemory = single;

/** A peer's address as the kernel takes it. */
type Peer = {
  readonly address: string;
  readonly port: number;
  readonly name: Uint8Array | undefined;
  /** Whether the way there takes segmented messages; false for good once it refused one that it took packet by packet. */
  segmented: boolean;
};

/** Parts of {@link KernelEgress}. */
export type KernelEgressOptions = {
  readonly messages: Pick<Messages, 'name' | 'set' | 'send'>;
  /** The socket's descriptor now; -1 once it is closed. */
  readonly descriptor: () => number;
  readonly family: SocketFamily;
  /** Sends to the few addresses whose form only the system knows, on the same counts. */
  readonly others: DatagramEgress | undefined;
  readonly counts: Counts;
};

/**
 * Sends with sendmmsg(2) on the socket's descriptor, a batch in one call: packets of one length go as one message that the
 * kernel cuts (UDP_SEGMENT). Never waits: what the kernel has no room for is dropped, as a full network would.
 */
export class KernelEgress implements DatagramEgress {
  readonly fast = true;
  readonly #messages: KernelEgressOptions['messages'];
  readonly #descriptor: () => number;
  readonly #family: SocketFamily;
  readonly #others: DatagramEgress | undefined;
  readonly #counts: Counts;
  /** By the caller's own object for a path, which it keeps for as long as it keeps the path. */
  readonly #peers = new WeakMap<DatagramAddress, Peer>();
  #closed = false;

  constructor({ messages, descriptor, family, others, counts }: KernelEgressOptions) {
    this.#messages = messages;
    this.#descriptor = descriptor;
    this.#family = family;
    this.#others = others;
    this.#counts = counts;
  }

  get counts(): EgressCounts {
    return this.#counts;
  }

  send(batch: PacketBatch, address: DatagramAddress): number {
    const peer = this.#peer(address);
    if (peer.name === undefined && this.#others !== undefined) {
      return this.#others.send(batch, address);
    }
    if (batchMemory.bytes !== batch.bytes) {
      batchMemory = new Memory(batch.bytes);
    }
    const before = this.#counts.packets;
    segments.split(batch, 0, peer.segmented);
    const descriptor = this.#ready(peer);
    if (descriptor < 0) {
      this.#drop(0);
      return 0;
    }
    this.#stage(0);
    this.#sendAll(descriptor, batch, peer);
    return this.#counts.packets - before;
  }

  sendOne(bytes: Uint8Array, address: DatagramAddress): boolean {
    const peer = this.#peer(address);
    if (peer.name === undefined && this.#others !== undefined) {
      return this.#others.sendOne(bytes, address);
    }
    const descriptor = bytes.length > LONGEST ? -1 : this.#ready(peer);
    let sent = -1;
    if (descriptor >= 0) {
      single.bytes.set(bytes);
      this.#messages.set(0, single.address, bytes.length, 0);
      sent = this.#call(descriptor, 0, 1);
    }
    if (sent === 1) {
      this.#counts.handed(1, bytes.length);
    } else {
      this.#counts.dropped += 1;
    }
    return sent === 1;
  }

  close(): void {
    this.#closed = true;
    this.#others?.close();
  }

  /** Gives the thread's messages the peer's address. @returns the descriptor to send on, -1 where there is none. */
  #ready(peer: Peer): number {
    if (this.#closed || peer.name === undefined) {
      return -1;
    }
    this.#messages.name(peer.name);
    return this.#descriptor();
  }

  /** Writes the split batch into the thread's messages, from message `first` on. */
  #stage(first: number): void {
    const { address } = batchMemory;
    for (let i = first; i < segments.count; i += 1) {
      const segment = (segments.packets[i] ?? 0) > 1 ? (segments.sizes[i] ?? 0) : 0;
      this.#messages.set(i, address + (segments.starts[i] ?? 0), segments.lengths[i] ?? 0, segment);
    }
  }

  #sendAll(descriptor: number, batch: PacketBatch, peer: Peer): void {
    let at = 0;
    while (at < segments.count) {
      const sent = this.#call(descriptor, at, segments.count);
      if (sent > 0) {
        for (const end = at + sent; at < end; at += 1) {
          this.#counts.handed(segments.packets[at] ?? 0, segments.lengths[at] ?? 0);
        }
      } else if (isFull(-sent)) {
        this.#drop(at);
        return;
      } else if ((segments.packets[at] ?? 0) > 1 && isSegmentation(-sent)) {
        // The device or the way's MTU does not take segments: packet by packet from here on, and to this peer from now on.
        peer.segmented = false;
        segments.split(batch, segments.firsts[at] ?? 0, false);
        at = 0;
        this.#stage(0);
      } else {
        // A filter's refusal (EPERM), no route, a packet too long for the network: it costs this message alone.
        this.#counts.dropped += segments.packets[at] ?? 0;
        at += 1;
      }
    }
  }

  /** One system call; again where a signal came between. */
  #call(descriptor: number, from: number, to: number): number {
    let sent: number;
    do {
      sent = this.#messages.send(descriptor, from, to);
      this.#counts.calls += 1;
    } while (sent === -ERRNO.EINTR);
    return sent;
  }

  #drop(first: number): void {
    for (let i = first; i < segments.count; i += 1) {
      this.#counts.dropped += segments.packets[i] ?? 0;
    }
  }

  #peer(address: DatagramAddress): Peer {
    let peer = this.#peers.get(address);
    if (peer?.address !== address.address || peer.port !== address.port) {
      peer = { address: address.address, port: address.port, name: sockaddr(this.#family, address), segmented: true };
      this.#peers.set(address, peer);
    }
    return peer;
  }
}

/** The kernel's queue, or the socket's, has no room now. */
function isFull(errno: number): boolean {
  return errno === ERRNO.EAGAIN || errno === ERRNO.ENOBUFS || errno === ERRNO.ENOMEM;
}

/** EINVAL: unknown to the kernel or longer than the MTU allows; EIO: a device that cannot; EMSGSIZE: as EINVAL in newer kernels. */
function isSegmentation(errno: number): boolean {
  return errno === ERRNO.EINVAL || errno === ERRNO.EIO || errno === ERRNO.EMSGSIZE || errno === ERRNO.EOPNOTSUPP || errno === ERRNO.ENOPROTOOPT;
}
