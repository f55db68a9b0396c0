/** What went out and what did not. */
export type EgressCounts = {
  /** Datagrams handed to the kernel, ... */
  readonly packets: number;
  /** ... their bytes without headers, ... */
  readonly bytes: number;
  /** ... system calls that took, and ... */
  readonly calls: number;
  /** ... datagrams dropped here: refused by the kernel, its queue full, or no way to their address. */
  readonly dropped: number;
};

/** Counts as they rise. */
export class Counts implements EgressCounts {
  packets = 0;
  bytes = 0;
  calls = 0;
  dropped = 0;

  /** Adds what was handed over. */
  handed(packets: number, bytes: number): void {
    this.packets += packets;
    this.bytes += bytes;
  }
}
