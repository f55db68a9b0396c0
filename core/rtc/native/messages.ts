import { constants } from 'node:os';

import { nativeLibrary, type NativeFunction, type NativeLibrary } from './library.ts';
import { Memory } from './memory.ts';

/** Messages of one call. */
export const MAX_MESSAGES = 64;

const AF_INET = 2;
const AF_INET6 = 10;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const MSG_DONTWAIT = 0x40;

/*
 * Linux, 64 bit, little-endian, the same for x64 and arm64, glibc and musl:
 *
 *   struct mmsghdr  { msghdr; u32 msg_len; pad 4 }                                                   64 bytes
 *   struct msghdr   { void *name; u32 namelen; pad 4; iovec *iov; u64 iovlen; void *control; u64 controllen; int flags; pad 4 }
 *   struct iovec    { void *base; u64 len }                                                          16 bytes
 *   struct cmsghdr  { u64 len; int level; int type } and a u16 of data, padded to                    24 bytes
 */
const HEADER = 64;
const VECTOR = 16;
const CONTROL = 24;
const NAME = 32;
const VECTORS_AT = NAME;
const CONTROLS_AT = VECTORS_AT + MAX_MESSAGES * VECTOR;
const HEADERS_AT = CONTROLS_AT + MAX_MESSAGES * CONTROL;
const TOTAL = HEADERS_AT + MAX_MESSAGES * HEADER;

const CONTROL_LENGTH = 18;

/** What the kernel may answer, by what is to be done about it. */
export const ERRNO = constants.errno;

/**
 * Messages to one address that one system call sends: the structures of sendmmsg(2), written once and then changed in
 * place. A thread has one.
 */
export class Messages {
  readonly #memory = Memory.alloc(TOTAL);
  readonly #sendmmsg: NativeFunction;
  readonly #getsockname: NativeFunction;
  readonly #errno: () => number;
  #nameLength = -1;

  constructor(library: NativeLibrary) {
    this.#sendmmsg = library.bind('sendmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int']);
    this.#getsockname = library.bind('getsockname', 'int', ['int', 'uintptr_t', 'uintptr_t']);
    this.#errno = () => library.errno();
    const { view, address } = this.#memory;
    for (let i = 0; i < MAX_MESSAGES; i += 1) {
      const header = HEADERS_AT + i * HEADER;
      const control = CONTROLS_AT + i * CONTROL;
      setAddress(view, header, address);
      setAddress(view, header + 16, address + VECTORS_AT + i * VECTOR);
      setAddress(view, header + 24, 1);
      setAddress(view, header + 32, address + control);
      setAddress(view, control, CONTROL_LENGTH);
      view.setInt32(control + 8, SOL_UDP, true);
      view.setInt32(control + 12, UDP_SEGMENT, true);
    }
  }

  /** Sets the address (`sockaddr`) of all messages. */
  name(sockaddr: Uint8Array): void {
    const { bytes, view } = this.#memory;
    bytes.set(sockaddr);
    if (this.#nameLength !== sockaddr.length) {
      this.#nameLength = sockaddr.length;
      for (let i = 0; i < MAX_MESSAGES; i += 1) {
        view.setUint32(HEADERS_AT + i * HEADER + 8, sockaddr.length, true);
      }
    }
  }

  /** Sets message `i`: so many bytes at an address, cut into datagrams of `segment` bytes; 0: they are one datagram. */
  set(i: number, bytesAt: number, length: number, segment: number): void {
    const { view } = this.#memory;
    const vector = VECTORS_AT + i * VECTOR;
    setAddress(view, vector, bytesAt);
    setAddress(view, vector + 8, length);
    view.setUint32(HEADERS_AT + i * HEADER + 40, segment === 0 ? 0 : CONTROL, true);
    view.setUint16(CONTROLS_AT + i * CONTROL + 16, segment, true);
  }

  /** Sends messages `from` to `to`, never waiting. @returns how many went out, or an {@link ERRNO}, negative, where the first did not. */
  send(descriptor: number, from: number, to: number): number {
    const sent = this.#sendmmsg(descriptor, this.#memory.address + HEADERS_AT + from * HEADER, to - from, MSG_DONTWAIT);
    return sent < 0 ? -this.#errno() : sent;
  }

  /** The local port of an IP socket; -1 where the descriptor is none. */
  portOf(descriptor: number): number {
    const { view, address } = this.#memory;
    // The structures of the first vectors are written anew for each send.
    const at = VECTORS_AT;
    view.setUint32(at, NAME, true);
    this.#nameLength = -1;
    const named = this.#getsockname(descriptor, address, address + at) === 0;
    const family = view.getUint16(0, true);
    return named && (family === AF_INET || family === AF_INET6) ? view.getUint16(2) : -1;
  }
}

let made: { readonly messages?: Messages; readonly reason: string } | undefined;

/** The thread's messages, or why there are none. Never throws. */
export function messages(): { readonly messages?: Messages; readonly reason: string } {
  made ??= make();
  return made;
}

function make(): { readonly messages?: Messages; readonly reason: string } {
  const { library, reason } = nativeLibrary();
  if (library === undefined) {
    return { reason };
  }
  try {
    return { messages: new Messages(library), reason: '' };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Writes a pointer or a size: 64 bits, of which JavaScript's integers fill 53. */
function setAddress(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
