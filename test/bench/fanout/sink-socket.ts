import { nativeLibrary, type NativeFunction } from '#core/rtc/native/library.ts';
import { Memory } from '#core/rtc/native/memory.ts';

/** What comes: a datagram of a buffer that is used again, to sink number `to`, with the kernel's clock of its arrival in milliseconds. */
export type Receive = (to: number, bytes: Buffer, at: number, length: number, arrival: number) => void;

/** Where the server listens, IPv4. */
export type SinkServer = { readonly address: string; readonly port: number };

/** Messages of one call. */
const MESSAGES = 64;
/** The longest that the kernel hands out as one: a burst of datagrams that it did not cut. */
const LONGEST = 65_536;
const SEND_LONGEST = 2048;

const AF_INET = 2;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUFFORCE = 32;
const SO_TIMESTAMPNS = 35;
const SO_RXQ_OVFL = 40;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const SOL_UDP = 17;
const UDP_GRO = 104;

/*
 * Linux, 64 bit, little-endian: struct mmsghdr (64 bytes), iovec (16), sockaddr_in (16), and room for four control messages:
 * UDP_GRO, IP_PKTINFO, SO_TIMESTAMPNS, SO_RXQ_OVFL.
 */
const HEADER = 64;
const VECTOR = 16;
const NAME = 16;
const CONTROL = 160;
const SEND_CONTROL = 32;

/** Sinks of one socket: 127.1.0.0 to 127.1.255.255. */
const FIRST_ADDRESS = 0x7f01_0000;

/** Messages to the kernel in one array, in the order of sendmmsg(2) and recvmmsg(2). */
class MessageArray {
  readonly headers = Memory.alloc(MESSAGES * HEADER);
  readonly vectors = Memory.alloc(MESSAGES * VECTOR);
  readonly names = Memory.alloc(MESSAGES * NAME);
  readonly controls: Memory;
  readonly buffers: readonly Memory[];
  readonly #control: number;

  constructor(bytes: number, control: number) {
    this.#control = control;
    this.controls = Memory.alloc(MESSAGES * control);
    this.buffers = Array.from({ length: MESSAGES }, () => Memory.alloc(bytes));
    for (let i = 0; i < MESSAGES; i += 1) {
      const header = i * HEADER;
      setWord(this.headers.view, header, this.names.address + i * NAME);
      setWord(this.headers.view, header + 16, this.vectors.address + i * VECTOR);
      setWord(this.headers.view, header + 24, 1);
      setWord(this.headers.view, header + 32, this.controls.address + i * control);
      setWord(this.vectors.view, i * VECTOR, this.buffers[i]!.address);
      setWord(this.vectors.view, i * VECTOR + 8, bytes);
      this.reset(i);
    }
  }

  /** Makes message `i` ready for the kernel to fill: it writes lengths back. */
  reset(i: number): void {
    this.headers.view.setUint32(i * HEADER + 8, NAME, true);
    setWord(this.headers.view, i * HEADER + 40, this.#control);
  }
}

/**
 * One UDP socket for many sinks, each on an address of its own in 127.1.0.0/16, so that a packet costs next to nothing: read in
 * batches, a burst of the server (UDP_SEGMENT) as one message (UDP_GRO), with the kernel's own clock of arrival and its own count of
 * what had no room. Linux alone.
 */
export class SinkSocket {
  /** Datagrams that found no room here: losses that are not the server's. */
  overflow = 0;
  /** System calls and messages, for the curious. */
  readonly counts = { calls: 0, messages: 0, datagrams: 0, unsent: 0 };
  readonly port: number;
  readonly #descriptor: number;
  readonly #in = new MessageArray(LONGEST, CONTROL);
  readonly #out = new MessageArray(SEND_LONGEST, SEND_CONTROL);
  readonly #recvmmsg: NativeFunction;
  readonly #sendmmsg: NativeFunction;
  readonly #close: NativeFunction;
  readonly #receive: Receive;
  readonly #epoch = Math.floor(Date.now() / 1000);
  #queued = 0;
  #flushing = false;

  /** @throws {Error} where the system is not Linux or refuses the socket. `whole`: bursts come as they were sent (UDP_GRO). */
  constructor(server: SinkServer, receive: Receive, options: { readonly whole: boolean; readonly bufferBytes?: number }) {
    const { library, reason } = nativeLibrary();
    if (library === undefined) {
      throw new Error(`sinks need native code: ${reason}`);
    }
    this.#receive = receive;
    this.#recvmmsg = library.bind('recvmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int', 'uintptr_t']);
    this.#sendmmsg = library.bind('sendmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int']);
    this.#close = library.bind('close', 'int', ['int']);
    const descriptor = library.bind('socket', 'int', ['int', 'int', 'int'])(AF_INET, SOCK_DGRAM_NONBLOCK, 0);
    if (descriptor < 0) {
      throw new Error(`no socket: errno ${library.errno()}`);
    }
    this.#descriptor = descriptor;
    const setsockopt = library.bind('setsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uint']);
    const value = Memory.alloc(4);
    const set = (level: number, name: number, to: number): boolean => {
      value.view.setInt32(0, to, true);
      return setsockopt(descriptor, level, name, value.address, 4) === 0;
    };
    const { whole, bufferBytes = 512 << 20 } = options;
    if (!set(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes) || !set(SOL_SOCKET, SO_SNDBUFFORCE, 16 << 20)) {
      throw new Error('the buffers of sinks are set with the rights of root');
    }
    set(SOL_SOCKET, SO_TIMESTAMPNS, 1);
    set(SOL_SOCKET, SO_RXQ_OVFL, 1);
    set(IPPROTO_IP, IP_PKTINFO, 1);
    if (whole && !set(SOL_UDP, UDP_GRO, 1)) {
      throw new Error('this kernel has no UDP_GRO');
    }
    const name = Memory.alloc(NAME);
    name.view.setUint16(0, AF_INET, true);
    if (library.bind('bind', 'int', ['int', 'uintptr_t', 'uint'])(descriptor, name.address, NAME) !== 0) {
      throw new Error(`the sinks' socket was not bound: errno ${library.errno()}`);
    }
    value.view.setUint32(0, NAME, true);
    library.bind('getsockname', 'int', ['int', 'uintptr_t', 'uintptr_t'])(descriptor, name.address, value.address);
    this.port = name.view.getUint16(2);
    this.#prepareSending(server);
  }

  /** Takes everything that has come. @returns how many messages. */
  poll(): number {
    let total = 0;
    for (let got = MESSAGES; got === MESSAGES; total += Math.max(0, got)) {
      got = this.#recvmmsg(this.#descriptor, this.#in.headers.address, MESSAGES, MSG_DONTWAIT, 0);
      this.counts.calls += 1;
      for (let i = 0; i < got; i += 1) {
        this.#take(i);
        this.#in.reset(i);
      }
    }
    this.counts.messages += total;
    return total;
  }

  /** Sends from a sink to the server, together with what else is sent in this turn. */
  send(from: number, bytes: Uint8Array): void {
    const { buffers, vectors, controls } = this.#out;
    const i = this.#queued;
    buffers[i]!.bytes.set(bytes);
    vectors.view.setUint32(i * VECTOR + 8, bytes.length, true);
    controls.view.setUint32(i * SEND_CONTROL + 20, FIRST_ADDRESS + from);
    this.#queued += 1;
    if (this.#queued === MESSAGES) {
      this.flush();
    } else if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => this.flush());
    }
  }

  /** Sends what waits. */
  flush(): void {
    this.#flushing = false;
    if (this.#queued > 0) {
      const sent = this.#sendmmsg(this.#descriptor, this.#out.headers.address, this.#queued, MSG_DONTWAIT);
      this.counts.unsent += this.#queued - Math.max(0, sent);
      this.#queued = 0;
    }
  }

  close(): void {
    this.#close(this.#descriptor);
  }

  #take(i: number): void {
    const { headers, controls, buffers } = this.#in;
    const length = headers.view.getUint32(i * HEADER + 56, true);
    const start = i * CONTROL;
    const end = start + headers.view.getUint32(i * HEADER + 40, true);
    const { view } = controls;
    let segment = length;
    let to = 0;
    let arrival = 0;
    for (let at = start; at + 16 <= end; ) {
      const size = view.getUint32(at, true);
      const level = view.getInt32(at + 8, true);
      const type = view.getInt32(at + 12, true);
      if (level === IPPROTO_IP && type === IP_PKTINFO) {
        to = view.getUint32(at + 24) - FIRST_ADDRESS;
      } else if (level === SOL_SOCKET && type === SO_TIMESTAMPNS) {
        arrival = (view.getUint32(at + 16, true) - this.#epoch) * 1000 + view.getUint32(at + 24, true) / 1e6;
      } else if (level === SOL_SOCKET && type === SO_RXQ_OVFL) {
        this.overflow = view.getUint32(at + 16, true);
      } else if (level === SOL_UDP && type === UDP_GRO) {
        segment = view.getInt32(at + 16, true);
      }
      at += (size + 7) & ~7;
    }
    const { bytes } = buffers[i]!;
    for (let at = 0; at < length; at += segment) {
      this.counts.datagrams += 1;
      this.#receive(to, bytes, at, Math.min(segment, length - at), arrival);
    }
  }

  #prepareSending({ address, port }: SinkServer): void {
    const { names, controls } = this.#out;
    for (let i = 0; i < MESSAGES; i += 1) {
      names.view.setUint16(i * NAME, AF_INET, true);
      names.view.setUint16(i * NAME + 2, port);
      address.split('.').forEach((part, n) => names.view.setUint8(i * NAME + 4 + n, Number(part)));
      // struct cmsghdr, then in_pktinfo { int ifindex; in_addr spec_dst (the source); in_addr addr }.
      setWord(controls.view, i * SEND_CONTROL, 28);
      controls.view.setInt32(i * SEND_CONTROL + 8, IPPROTO_IP, true);
      controls.view.setInt32(i * SEND_CONTROL + 12, IP_PKTINFO, true);
    }
  }
}

/** Writes a pointer or a size: 64 bits, of which JavaScript's integers fill 53. */
function setWord(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
