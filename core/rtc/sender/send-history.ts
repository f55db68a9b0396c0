import { sequenceDistance } from '../../media/rtp/sequence.ts';
import type { PacketizedFrame } from '../../media/rtp/packetized-frame.ts';
import type { Millis } from '../../media/time.ts';
import type { PayloadTypes } from './options.ts';

/** What was sent under a sequence number. `frame` is undefined for a packet of padding alone. */
export type SentPacket = {
  readonly sequence: number;
  readonly frame: PacketizedFrame | undefined;
  readonly index: number;
  readonly payload: PayloadTypes;
  /** RTP timestamp. */
  readonly timestamp: number;
  readonly sentAt: Millis;
  readonly transportSequence: number;
  /** Whether its header had the mid. */
  readonly mid: boolean;
};

/**
 * What was sent on one SSRC of late: references to shared frames, bounded in time, bytes and packets. A ring of typed arrays that
 * begins small and grows with the rate, so that it costs an idle viewer little.
 */
export class SendHistory {
  readonly #mostPackets: number;
  readonly #mostBytes: number;
  #size: number;
  #frames: (PacketizedFrame | undefined)[];
  #payloads: (PayloadTypes | undefined)[];
  #index: Uint16Array;
  #timestamp: Uint32Array;
  #sentAt: Float64Array;
  #resentAt: Float64Array;
  #transportSequence: Uint16Array;
  #mid: Uint8Array;
  /** Unwrapped sequence numbers: of the oldest kept, and of the next. */
  #oldest: number;
  #next: number;
  #bytes = 0;

  /** @param first sequence number of the first packet. `packets` and `mostPackets` are powers of two. */
  constructor(first: number, packets: number, mostPackets: number, mostBytes: number) {
    this.#mostPackets = mostPackets;
    this.#mostBytes = mostBytes;
    this.#size = packets;
    this.#frames = new Array<undefined>(packets).fill(undefined);
    this.#payloads = new Array<undefined>(packets).fill(undefined);
    this.#index = new Uint16Array(packets);
    this.#timestamp = new Uint32Array(packets);
    this.#sentAt = new Float64Array(packets);
    this.#resentAt = new Float64Array(packets);
    this.#transportSequence = new Uint16Array(packets);
    this.#mid = new Uint8Array(packets);
    this.#oldest = first;
    this.#next = first;
  }

  /** Packets and bytes of payload kept. */
  get count(): number {
    return this.#next - this.#oldest;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Remembers the packet with the next sequence number. `keep`: how long, before another may take its place without growth. */
  add(frame: PacketizedFrame | undefined, index: number, payload: PayloadTypes, timestamp: number, transportSequence: number, mid: boolean, now: Millis, keep: Millis): void {
    if (this.count === this.#size) {
      if (this.#size < this.#mostPackets && now - this.#sentAt[this.#oldest & (this.#size - 1)]! < keep) {
        this.#grow();
      } else {
        this.#drop();
      }
    }
    const slot = this.#next & (this.#size - 1);
    this.#frames[slot] = frame;
    this.#payloads[slot] = payload;
    this.#index[slot] = index;
    this.#timestamp[slot] = timestamp;
    this.#sentAt[slot] = now;
    this.#resentAt[slot] = Number.NEGATIVE_INFINITY;
    this.#transportSequence[slot] = transportSequence;
    this.#mid[slot] = mid ? 1 : 0;
    this.#next += 1;
    this.#bytes += frame?.payloads[index]?.length ?? 0;
    while (this.#bytes > this.#mostBytes) {
      this.#drop();
    }
  }

  /** The packet with a 16-bit sequence number; undefined where it is no longer, or not yet, known. */
  find(sequence: number): SentPacket | undefined {
    const unwrapped = this.#next + sequenceDistance(this.#next, sequence);
    return unwrapped >= this.#oldest && unwrapped < this.#next ? this.#at(unwrapped) : undefined;
  }

  /** The packet `back` packets before the newest; undefined where there is none. */
  recent(back: number): SentPacket | undefined {
    const unwrapped = this.#next - 1 - back;
    return unwrapped >= this.#oldest ? this.#at(unwrapped) : undefined;
  }

  /** When a packet was last sent again; -Infinity for never. */
  resentAt(packet: SentPacket): number {
    return this.#resentAt[packet.sequence & (this.#size - 1)]!;
  }

  resent(packet: SentPacket, now: Millis): void {
    this.#resentAt[packet.sequence & (this.#size - 1)] = now;
  }

  /** Forgets what was sent before a moment. */
  expire(before: Millis): void {
    while (this.#oldest < this.#next && this.#sentAt[this.#oldest & (this.#size - 1)]! < before) {
      this.#drop();
    }
  }

  clear(): void {
    while (this.#oldest < this.#next) {
      this.#drop();
    }
  }

  #at(sequence: number): SentPacket {
    const slot = sequence & (this.#size - 1);
    return {
      sequence,
      frame: this.#frames[slot],
      index: this.#index[slot]!,
      payload: this.#payloads[slot]!,
      timestamp: this.#timestamp[slot]!,
      sentAt: this.#sentAt[slot] as Millis,
      transportSequence: this.#transportSequence[slot]!,
      mid: this.#mid[slot] === 1,
    };
  }

  #drop(): void {
    const slot = this.#oldest & (this.#size - 1);
    this.#bytes -= this.#frames[slot]?.payloads[this.#index[slot]!]?.length ?? 0;
    this.#frames[slot] = undefined;
    this.#payloads[slot] = undefined;
    this.#oldest += 1;
  }

  #grow(): void {
    const from = this.#size;
    const size = from * 2;
    this.#frames = this.#moved(this.#frames, new Array<PacketizedFrame | undefined>(size).fill(undefined));
    this.#payloads = this.#moved(this.#payloads, new Array<PayloadTypes | undefined>(size).fill(undefined));
    this.#index = this.#moved(this.#index, new Uint16Array(size));
    this.#timestamp = this.#moved(this.#timestamp, new Uint32Array(size));
    this.#sentAt = this.#moved(this.#sentAt, new Float64Array(size));
    this.#resentAt = this.#moved(this.#resentAt, new Float64Array(size));
    this.#transportSequence = this.#moved(this.#transportSequence, new Uint16Array(size));
    this.#mid = this.#moved(this.#mid, new Uint8Array(size));
    this.#size = size;
  }

  #moved<Value, Values extends { [slot: number]: Value; readonly length: number }>(from: Values, to: Values): Values {
    for (let sequence = this.#oldest; sequence < this.#next; sequence += 1) {
      to[sequence & (to.length - 1)] = from[sequence & (from.length - 1)]!;
    }
    return to;
  }
}
