import { millis, type Millis } from '../../media/time.ts';
import type { OutgoingStream } from './outgoing-stream.ts';
import type { SentPacket } from './send-history.ts';

/** Share of the estimate that retransmissions may take: enough for 20 % of loss, twice lost ones included. */
const SHARE = 0.3;
/** In a jam, with the pace of video then, what is sent stays below the estimate. */
const JAMMED_SHARE = 0.15;
/** Time of that share that may go at once, and never less than so many bytes: a lost frame. */
const SAVED = 500;
const LEAST_SAVED = 15_000;
/** A retransmission is under way for at least this: peers ask every few ms. */
const LEAST_ROUND_TRIP = 10;

/** What the answers rest on. */
export type RetransmissionConditions = {
  /** Bits per second. */
  readonly estimate: number;
  readonly rtt: Millis;
  /** A queue that drops packets drops retransmissions too, and they keep it full: only what a picture yet to come needs is worth them. */
  readonly jammed: boolean;
};

/** Answers requests for lost packets: each packet at most once in a round trip, all of them within a share of the estimate. What was lost twice is sent in two copies. */
export class Retransmitter {
  #budget = LEAST_SAVED;
  #at = Number.NaN;
  #count = 0;

  /** Packets sent again. */
  get count(): number {
    return this.#count;
  }

  /** Answers one generic NACK (RFC 4585, 6.2.1) in its order: the oldest is missed first. */
  answer(stream: OutgoingStream, sequenceNumbers: readonly number[], { estimate, rtt, jammed }: RetransmissionConditions, now: Millis): void {
    const share = jammed ? JAMMED_SHARE : SHARE;
    const most = Math.max((share * estimate * SAVED) / 8000, LEAST_SAVED);
    const since = Number.isNaN(this.#at) ? 0 : now - this.#at;
    this.#at = now;
    this.#budget = Math.min(this.#budget + (share * estimate * since) / 8000, most);
    const pause = Math.max(rtt, LEAST_ROUND_TRIP);
    for (const sequence of sequenceNumbers) {
      const packet = stream.history.find(sequence);
      if (packet === undefined || now - stream.history.resentAt(packet) < pause || (jammed && packet.sequence < stream.keySequence)) {
        continue;
      }
      // Lost twice already, and the picture has waited for two round trips: two copies make a third loss rare where losses are random.
      const copies = !jammed && stream.hasRtx(packet) && stream.history.resentAt(packet) > Number.NEGATIVE_INFINITY ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        if (stream.againBytes(packet) > this.#budget) {
          return;
        }
        this.#budget -= stream.again(packet, hasMarker(packet), now);
        stream.history.resent(packet, now);
        this.#count += 1;
      }
    }
  }
}

/** Whether a packet of video ended its frame. */
export function hasMarker({ frame, index }: SentPacket): boolean {
  return frame !== undefined && frame.config.kind === 'video' && index === frame.payloads.length - 1;
}

/** How long history is kept: three round trips, and never less than a second. */
export function historyTime(rtt: Millis): Millis {
  return millis(Math.max(1000, 3 * rtt));
}
