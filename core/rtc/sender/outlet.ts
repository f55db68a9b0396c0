import type { PacketBatch } from '../packet-batch.ts';
import type { PacketSink } from '../transport.ts';

/** IPv4 and UDP: the estimate is about what the path carries, headers included. */
const UDP_IP_BYTES = 28;

/** Where a sender's packets go: the thread's batch, which is sent whenever it is full and at the end of each call. */
export class Outlet {
  readonly batch: PacketBatch;
  readonly #sink: PacketSink;
  packets = 0;
  bytes = 0;

  constructor(sink: PacketSink, batch: PacketBatch) {
    this.#sink = sink;
    this.batch = batch;
  }

  /** Takes the batch for this sender. Nobody else may use it until {@link flush}. */
  begin(): void {
    this.batch.reset(this.#sink.overhead);
  }

  /** Room for a packet. @returns where to write its `length` bytes. */
  add(length: number): number {
    if (!this.batch.fits(length)) {
      this.flush();
      this.begin();
    }
    this.packets += 1;
    this.bytes += length;
    return this.batch.add(length);
  }

  /** Bytes that a packet takes on the path. */
  wireBytes(length: number): number {
    return length + this.#sink.overhead + UDP_IP_BYTES;
  }

  flush(): void {
    if (this.batch.count > 0) {
      this.#sink.send(this.batch);
    }
  }

  rtcp(compound: Uint8Array): void {
    this.#sink.sendRtcp(compound);
  }
}
