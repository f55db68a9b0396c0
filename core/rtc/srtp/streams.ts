import { packetIndex } from './packet-index.ts';
import { ReplayWindow } from './replay-window.ts';

/** Sources that one peer may send from: three layers with retransmission and sound are seven; a peer that restarts them has room to. */
export const MAX_INBOUND_SOURCES = 64;

/** Packets of a stream that may be sent again: two and a half seconds at 2 Mbit/s, half a second at 10. */
export const REPEATABLE = 512;

/** Where each of our own streams stands, by SSRC, and what its last packets were. */
export class OutboundStreams {
  readonly #streams = new Map<number, OutboundStream>();

  /** The index of a packet about to be sealed; negative where it would precede the stream. */
  next(ssrc: number, sequenceNumber: number): number {
    let stream = this.#streams.get(ssrc);
    if (stream === undefined) {
      stream = new OutboundStream();
      this.#streams.set(ssrc, stream);
    }
    return stream.next(sequenceNumber);
  }

  /**
   * Whether a sealed packet may go out: under a new index always, under a used one only as it was. Two different packets under
   * one AES-GCM vector give the authentication key away (RFC 7714, 8.4), and in counter mode the XOR of their texts.
   *
   * @param fingerprint 32 bits of its tag: the sender's own mistake is to be found, not an attack.
   */
  settle(ssrc: number, index: number, fingerprint: number): boolean {
    return this.#streams.get(ssrc)?.settle(index, fingerprint) ?? false;
  }
}

class OutboundStream {
  #highest = -1;
  #settled = -1;
  readonly #fingerprints = new Uint32Array(REPEATABLE);

  next(sequenceNumber: number): number {
    const index = packetIndex(this.#highest, sequenceNumber);
    this.#highest = Math.max(this.#highest, index);
    return index;
  }

  settle(index: number, fingerprint: number): boolean {
    if (index > this.#settled) {
      this.#settled = index;
      this.#fingerprints[index % REPEATABLE] = fingerprint;
      return true;
    }
    return this.#settled - index < REPEATABLE && this.#fingerprints[index % REPEATABLE] === fingerprint;
  }
}

/** What was received from each of the peer's streams. Nothing is remembered of a stream before its first authentic packet. */
export class InboundStreams {
  readonly #windows = new Map<number, ReplayWindow>();

  /** The index that a packet of the sequence number must have; negative where it is a repetition, too old, or of one source too many. */
  find(ssrc: number, sequenceNumber: number): number {
    const window = this.#windows.get(ssrc);
    if (window === undefined) {
      return this.#windows.size < MAX_INBOUND_SOURCES ? sequenceNumber : -1;
    }
    const index = packetIndex(window.highest, sequenceNumber);
    return index >= 0 && window.accepts(index) ? index : -1;
  }

  /** Whether a packet with an explicit index is new. */
  accepts(ssrc: number, index: number): boolean {
    return this.#windows.get(ssrc)?.accepts(index) ?? this.#windows.size < MAX_INBOUND_SOURCES;
  }

  /** Remembers an authenticated packet. */
  record(ssrc: number, index: number): void {
    let window = this.#windows.get(ssrc);
    if (window === undefined) {
      window = new ReplayWindow();
      this.#windows.set(ssrc, window);
    }
    window.record(index);
  }
}
