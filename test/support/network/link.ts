/** What a link does to packets in one direction. */
export type LinkConditions = {
  /** Time on the way, in milliseconds. Default 0. */
  readonly delayMillis?: number;
  /** Share of packets lost at random, 0 to 1. Default 0. */
  readonly loss?: number;
  /** Bits per second; default without bound. */
  readonly rate?: number;
  /** What waits before the bottleneck at most, in milliseconds of its rate. Default 250, as home routers have. */
  readonly queueMillis?: number;
  /** IP protocols that do not get through: 17 is UDP, 6 is TCP. */
  readonly blockedProtocols?: readonly number[];
  /** Ports of TCP and UDP, of either side, that do not get through. */
  readonly blockedPorts?: readonly number[];
};

type Waiting = { readonly at: number; readonly packet: Uint8Array };

/**
 * One direction of a link: a queue before a bottleneck, then a delay, then loss. A pure state machine in milliseconds.
 * Losses come from a seeded generator, so that two runs lose the same packets in the same order.
 */
export class LinkDirection {
  #conditions: LinkConditions = {};
  #random: number;
  #freeAt = 0;
  readonly #waiting: Waiting[] = [];
  #lost = 0;
  #overflowed = 0;

  constructor(seed: number) {
    this.#random = seed >>> 0 || 1;
  }

  /** Packets lost at random, and packets that found the queue full. */
  get counts(): { readonly lost: number; readonly overflowed: number } {
    return { lost: this.#lost, overflowed: this.#overflowed };
  }

  set(conditions: LinkConditions): void {
    this.#conditions = conditions;
    this.#freeAt = 0;
  }

  /** A packet enters at an instant. It is kept: hand over a copy. */
  push(packet: Uint8Array, now: number): void {
    const { delayMillis = 0, loss = 0, rate, queueMillis = 250, blockedProtocols, blockedPorts } = this.#conditions;
    if (blockedProtocols?.includes(protocolOf(packet)) === true || blockedPorts?.some((port) => hasPort(packet, port)) === true) {
      return;
    }
    if (rate !== undefined) {
      const start = Math.max(now, this.#freeAt);
      if (start - now > queueMillis) {
        this.#overflowed += 1;
        return;
      }
      this.#freeAt = start + (packet.byteLength * 8000) / rate;
    }
    if (loss > 0 && this.#next() < loss) {
      this.#lost += 1;
      return;
    }
    const at = (rate === undefined ? now : this.#freeAt) + delayMillis;
    // In order, also after the delay was changed: routes do not overtake themselves here.
    this.#waiting.push({ at: Math.max(at, this.#waiting.at(-1)?.at ?? 0), packet });
  }

  /** The next packet that has arrived by now. */
  pop(now: number): Uint8Array | undefined {
    const first = this.#waiting[0];
    return first !== undefined && first.at <= now ? this.#waiting.shift()?.packet : undefined;
  }

  /** xorshift32 */
  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random / 2 ** 32;
  }
}

/** IPv4: byte 9; IPv6: the next header. */
function protocolOf(packet: Uint8Array): number {
  return (packet[0] ?? 0) >> 4 === 6 ? (packet[6] ?? 0) : (packet[9] ?? 0);
}

/** Source and destination port are the first four bytes after the IP header, in TCP as in UDP. */
function hasPort(packet: Uint8Array, port: number): boolean {
  const at = (packet[0] ?? 0) >> 4 === 6 ? 40 : ((packet[0] ?? 0) & 0x0f) * 4;
  const read = (offset: number): number => ((packet[offset] ?? 0) << 8) | (packet[offset + 1] ?? 0);
  return read(at) === port || read(at + 2) === port;
}
