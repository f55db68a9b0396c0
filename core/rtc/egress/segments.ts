import { MAX_BATCH_PACKETS, type PacketBatch } from '../packet-batch.ts';

/**
 * A batch as messages for the kernel: each a run of packets that lie side by side and have one length, but for the last, which may
 * be shorter (udp(7), UDP_SEGMENT). One per thread, filled anew.
 */
export class Segments {
  /** Messages found. */
  count = 0;
  /** Of each message: where it begins, how long it is, ... */
  readonly starts = new Uint32Array(MAX_BATCH_PACKETS);
  readonly lengths = new Uint32Array(MAX_BATCH_PACKETS);
  /** ... bytes of each of its packets but the last, and ... */
  readonly sizes = new Uint32Array(MAX_BATCH_PACKETS);
  /** ... its packets: the first and how many. Packets of no bytes, which are not sent, may lie between messages. */
  readonly firsts = new Uint32Array(MAX_BATCH_PACKETS);
  readonly packets = new Uint32Array(MAX_BATCH_PACKETS);

  /** Splits the packets from `first` on; into one message for each packet unless `segmented`. */
  split(batch: PacketBatch, first: number, segmented: boolean): void {
    let count = 0;
    let open = false;
    let end = 0;
    for (let i = first; i < batch.count; i += 1) {
      const length = batch.lengths[i] ?? 0;
      const start = batch.starts[i] ?? 0;
      if (length === 0) {
        open = false;
        continue;
      }
      if (open && start === end && length <= (this.sizes[count - 1] ?? 0)) {
        this.lengths[count - 1] = (this.lengths[count - 1] ?? 0) + length;
        this.packets[count - 1] = (this.packets[count - 1] ?? 0) + 1;
        open = length === this.sizes[count - 1];
      } else {
        this.starts[count] = start;
        this.lengths[count] = length;
        this.sizes[count] = length;
        this.firsts[count] = i;
        this.packets[count] = 1;
        count += 1;
        open = segmented;
      }
      end = start + length;
    }
    this.count = count;
  }
}
