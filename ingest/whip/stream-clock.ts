import type { SenderReport } from '#core/media/rtp/rtcp/packets.ts';
import type { Millis } from '#core/media/time.ts';

import { TwinStamps } from './twin-stamps.ts';

/** Ticks per second of what {@link StreamClock} gives. */
export const CLOCK_RATE = 90_000;

type Source = {
  readonly kind: 'video' | 'audio';
  readonly beganAt: Millis;
  /** Added to the stream's own time in milliseconds, gives the common time. */
  offset: number;
  /** Least (arrival - own time) seen: the way without delay. */
  leastDelay: number;
  /** NTP time minus own time, by the newest sender report. */
  ntp: number | undefined;
  /** Newest timestamp, unwrapped. */
  timestamp: number;
  heardAt: Millis;
  /** A layer of simulcast shows the frames of another: their timestamps differ by one number. */
  readonly twins: TwinStamps;
};

/** Two clocks may drift apart this fast (quartz: 100 ppm) without it being called delay. */
const CLOCK_DRIFT = 2e-4;
/** How fast a stream is led to its true place: at first, when nothing is given out yet, and later, when nobody may notice. */
const BEGINNING = 1500;
const SLEW = { beginning: 0.2, video: 0.05, audio: 0.01 } as const;
/** Sender reports that contradict the arrival by more than this come from clocks that have nothing to do with each other. */
const IMPLAUSIBLE = 1000;
/** The common time begins above 0: what came earlier in another stream has a time too. */
const ORIGIN = 60_000;
const NTP_FRACTION = 2 ** 32;

/**
 * One clock for all streams of a publisher. Each RTP stream counts from a random number of its own. Their relation is in
 * the sender reports (RFC 3550, 6.4.1), which may come seconds late, for sound after more than two. Until then streams are aligned by
 * their arrival, taking the least delayed packets. What the reports then tell is approached slowly: timestamps never jump.
 *
 * The first video, or the one that leads, is what the others are led to; it is never moved itself, so that its frame rate
 * shows undistorted.
 */
export class StreamClock<Key extends object> {
  readonly #sources = new Map<Key, Source>();
  #reference: Key | undefined;

  /** Places a timestamp: a 32-bit count of 1/90,000 s that wraps. `timestamp`: unwrapped. */
  read(key: Key, kind: 'video' | 'audio', timestamp: number, clockRate: number, arrival: Millis): number {
    const own = (timestamp * 1000) / clockRate;
    const source = this.#sources.get(key) ?? this.#begin(key, kind, own, timestamp, arrival);
    const passed = Math.max(0, arrival - source.heardAt);
    source.leastDelay = Math.min(source.leastDelay + passed * CLOCK_DRIFT, arrival - own);
    source.timestamp = timestamp;
    source.heardAt = arrival;
    if (kind === 'video') {
      this.#compare(key, source, timestamp);
    }
    this.#approach(key, source, passed, arrival);
    return Math.round((own + source.offset) * (CLOCK_RATE / 1000)) >>> 0;
  }

  /** Takes note of a sender report. */
  senderReport(key: Key, report: SenderReport, clockRate: number): void {
    const source = this.#sources.get(key);
    if (source) {
      const timestamp = source.timestamp + ((report.rtpTimestamp - source.timestamp) | 0);
      source.ntp = report.ntpSeconds * 1000 + (report.ntpFraction * 1000) / NTP_FRACTION - (timestamp * 1000) / clockRate;
    }
  }

  /** From now on this stream stays where it is, and the others are led to it. */
  lead(key: Key): void {
    if (this.#sources.has(key)) {
      this.#reference = key;
    }
  }

  /** The stream has another source: its numbers mean nothing any more. */
  restart(key: Key): void {
    this.#sources.delete(key);
    if (this.#reference === key) {
      this.#reference = [...this.#sources].find(([, { kind }]) => kind === 'video')?.[0] ?? this.#sources.keys().next().value;
    }
  }

  #begin(key: Key, kind: Source['kind'], own: number, timestamp: number, arrival: Millis): Source {
    const reference = this.#reference && this.#sources.get(this.#reference);
    const delay = arrival - own;
    const offset = reference ? reference.offset + delay - reference.leastDelay : ORIGIN - own;
    // Whole ticks, so that nothing is added to the rounding of video's own timestamps.
    const source: Source = { kind, beganAt: arrival, offset: Math.round(offset * 90) / 90, leastDelay: delay, ntp: undefined, timestamp, heardAt: arrival, twins: new TwinStamps() };
    this.#sources.set(key, source);
    if (!reference || (reference.kind === 'audio' && kind === 'video')) {
      this.#reference = key;
    }
    return source;
  }

  /** Looks for the frames that a layer shares with the one that leads. */
  #compare(key: Key, source: Source, timestamp: number): void {
    source.twins.note(timestamp);
    const reference = this.#reference && this.#sources.get(this.#reference);
    if (reference?.kind !== 'video') {
      return;
    }
    // By arrival alone, a neighbour may be taken for the twin.
    const shiftOf = (layer: Source): number => ((layer.ntp ?? NaN) - (reference.ntp ?? NaN)) * 90;
    if (this.#reference !== key) {
      source.twins.compare(timestamp, reference.twins, shiftOf(source));
      return;
    }
    for (const [other, layer] of this.#sources) {
      if (layer.kind === 'video' && other !== key) {
        layer.twins.compareReference(timestamp, shiftOf(layer));
      }
    }
  }

  #approach(key: Key, source: Source, passed: number, now: Millis): void {
    const reference = this.#reference && this.#sources.get(this.#reference);
    if (!reference || this.#reference === key) {
      return;
    }
    const byArrival = reference.offset + source.leastDelay - reference.leastDelay;
    const byReport = source.ntp === undefined || reference.ntp === undefined ? byArrival : reference.offset + source.ntp - reference.ntp;
    const told = Math.abs(byReport - byArrival) > IMPLAUSIBLE ? byArrival : byReport;
    const { difference } = source.twins;
    const target = difference === undefined ? told : reference.offset - difference / 90;
    const speed = now - source.beganAt < BEGINNING ? SLEW.beginning : SLEW[source.kind];
    const most = passed * speed;
    source.offset += Math.max(-most, Math.min(most, target - source.offset));
  }
}
