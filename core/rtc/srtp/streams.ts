import { packetIndex } from './packet-index.ts';
import { ReplayWindow } from './replay-window.ts';

/** Sources that one peer may send from: three layers with retransmission and sound are seven; a peer that restarts them has room to. */
export const MAX_INBOUND_SOURCES = 64;

/** Where each of our own streams stands: the highest index sent, by SSRC. */
export class OutboundStreams {
  readonly #highest = new Map<number, number>();

  /**
   * The index of a packet about to be sent.
   *
   * @param repeats whether a packet may be sent a second time. Where not, only rising indices are given out.
   * @returns negative where the packet must not be sent.
   */
  next(ssrc: number, sequenceNumber: number, repeats: boolean): number {
    const highest = this.#highest.get(ssrc) ?? -1;
    const index = packetIndex(highest, sequenceNumber);
    if (index > highest) {
      this.#highest.set(ssrc, index);
      return index;
    }
    return repeats ? index : -1;
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
