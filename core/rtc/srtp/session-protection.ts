import { Memory } from '../native/memory.ts';
import { MAX_BATCH_BYTES, type PacketBatch } from '../packet-batch.ts';

import { BatchPlan, E_BIT, type Control, type Incoming, type Opener, type Sealer } from './cipher.ts';
import { RTCP_HEADER, RTP_HEADER, payloadOffset } from './header.ts';
import { SEQUENCES } from './packet-index.ts';
import type { SrtpProtection } from './protection.ts';
import { InboundStreams, OutboundStreams } from './streams.ts';

/** The longest packet, as of a batch: that of a datagram. */
const LONGEST = MAX_BATCH_BYTES;
/** Room behind a packet for a tag, the SRTCP index, and moving them about. */
const ROOM = 32;
/** Bytes of the E bit and the SRTCP index. */
const INDEX = 4;
const MAX_RTCP_INDEX = 0x7fff_ffff;

/** Work space of the thread: what goes out and what comes in, apart, for an answer may be sent while a packet is being read. */
const outbound = Memory.alloc(LONGEST + ROOM);
const inbound = Memory.alloc(LONGEST + ROOM);
const plan = new BatchPlan();
const nothing = new Uint8Array(0);

/** The batch seen last with its memory: a thread has one. */
let batchMemory = outbound;

/** What was opened, until the next packet is. Not as a `Buffer`, whose `slice()` copies nothing: who keeps a packet would keep the next one's bytes. */
function opened(length: number): Uint8Array {
  return new Uint8Array(inbound.bytes.buffer, inbound.bytes.byteOffset, length);
}

/** A profile: how much it adds, and its ciphers. */
export type Profile = {
  readonly tagLength: number;
  readonly sealer: Sealer;
  readonly opener: Opener;
};

/** Streams, indices and limits around a profile's ciphers. */
export class SessionProtection implements SrtpProtection {
  readonly overhead: number;
  readonly #sealer: Sealer;
  readonly #opener: Opener;
  readonly #sent = new OutboundStreams();
  readonly #received = new InboundStreams();
  readonly #receivedControl = new InboundStreams();
  #controlIndex = 0;
  #closed = false;

  constructor({ tagLength, sealer, opener }: Profile) {
    this.overhead = tagLength;
    this.#sealer = sealer;
    this.#opener = opener;
  }

  protect(batch: PacketBatch): void {
    if (batchMemory.bytes !== batch.bytes) {
      batchMemory = new Memory(batch.bytes);
    }
    for (let i = 0; i < batch.count; i += 1) {
      this.#plan(batch, i);
    }
    if (!this.#seal(batch)) {
      // What is half sealed must not go out.
      plan.payloadOffsets.fill(0, 0, batch.count);
    }
    for (let i = 0; i < batch.count; i += 1) {
      const sendable = (plan.payloadOffsets[i] ?? 0) !== 0 && this.#settle(batch, i);
      batch.lengths[i] = sendable ? (batch.lengths[i] ?? 0) + this.overhead : 0;
    }
  }

  protectRtcp(compound: Uint8Array): Uint8Array {
    const { length } = compound;
    if (this.#closed || length < RTCP_HEADER || length > LONGEST || this.#controlIndex > MAX_RTCP_INDEX) {
      return nothing;
    }
    outbound.bytes.set(compound);
    const ssrc = outbound.view.getUint32(4);
    const index = this.#controlIndex;
    this.#controlIndex += 1;
    try {
      return outbound.bytes.subarray(0, this.#sealer.rtcp({ memory: outbound, length, ssrc, index }));
    } catch {
      return nothing;
    }
  }

  unprotect(packet: Uint8Array): Uint8Array | undefined {
    const { length } = packet;
    const { view } = inbound;
    if (this.#closed || length < RTP_HEADER + this.overhead || length > LONGEST) {
      return undefined;
    }
    inbound.bytes.set(packet);
    const offset = payloadOffset(view, 0, length - this.overhead);
    if (offset === 0) {
      return undefined;
    }
    const ssrc = view.getUint32(8);
    const sequenceNumber = view.getUint16(2);
    const index = this.#received.find(ssrc, sequenceNumber);
    if (index < 0) {
      return undefined;
    }
    const rollover = Math.floor(index / SEQUENCES);
    if (!this.#openRtp({ memory: inbound, length, payloadOffset: offset, ssrc, rollover, sequenceNumber })) {
      return undefined;
    }
    this.#received.record(ssrc, index);
    return opened(length - this.overhead);
  }

  unprotectRtcp(packet: Uint8Array): Uint8Array | undefined {
    const length = packet.length - this.overhead - INDEX;
    const { view } = inbound;
    if (this.#closed || length < RTCP_HEADER || packet.length > LONGEST) {
      return undefined;
    }
    inbound.bytes.set(packet);
    const word = view.getUint32(this.#opener.indexAt(packet.length));
    const index = word & MAX_RTCP_INDEX;
    const ssrc = view.getUint32(4);
    if (view.getUint8(0) >> 6 !== 2 || !this.#receivedControl.accepts(ssrc, index)) {
      return undefined;
    }
    if (!this.#openRtcp({ memory: inbound, length, ssrc, index }, word >= E_BIT)) {
      return undefined;
    }
    this.#receivedControl.record(ssrc, index);
    return opened(length);
  }

  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#sealer.close();
      this.#opener.close();
    }
  }

  /** Finds the payload and the index of packet `i`; leaves out what cannot be sent. */
  #plan(batch: PacketBatch, i: number): void {
    const { view } = batch;
    const at = batch.starts[i] ?? 0;
    plan.payloadOffsets[i] = 0;
    const offset = this.#closed || batch.overhead < this.overhead ? 0 : payloadOffset(view, at, batch.lengths[i] ?? 0);
    if (offset === 0) {
      return;
    }
    const ssrc = view.getUint32(at + 8);
    const sequenceNumber = view.getUint16(at + 2);
    const index = this.#sent.next(ssrc, sequenceNumber);
    if (index >= 0) {
      plan.payloadOffsets[i] = offset;
      plan.ssrcs[i] = ssrc;
      plan.rollovers[i] = Math.floor(index / SEQUENCES);
      plan.sequenceNumbers[i] = sequenceNumber;
    }
  }

  /** Remembers sealed packet `i` by its tag. @returns whether it may go out. */
  #settle(batch: PacketBatch, i: number): boolean {
    const index = (plan.rollovers[i] ?? 0) * SEQUENCES + (plan.sequenceNumbers[i] ?? 0);
    const tag = batch.view.getUint32((batch.starts[i] ?? 0) + (batch.lengths[i] ?? 0));
    return this.#sent.settle(plan.ssrcs[i] ?? 0, index, tag);
  }

  #seal(batch: PacketBatch): boolean {
    try {
      return this.#sealer.rtp(batch, batchMemory, plan);
    } catch {
      return false;
    }
  }

  #openRtp(packet: Incoming): boolean {
    try {
      return this.#opener.rtp(packet);
    } catch {
      return false;
    }
  }

  #openRtcp(packet: Control, encrypted: boolean): boolean {
    try {
      return this.#opener.rtcp(packet, encrypted);
    } catch {
      return false;
    }
  }
}
