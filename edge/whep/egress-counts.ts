import type { Rendition } from '#core/bus/catalog.ts';
import type { SenderStats } from '#core/rtc/sender/media-sender.ts';

/** Which way a viewer went from one rung to another; `other` where neither is better. */
export type SwitchDirection = 'up' | 'down' | 'other';

/** What the senders of a thread have sent. */
export type SenderTotals = { packets: number; bytes: number; retransmitted: number; padding: number; framesSkipped: number };

/** Counts what becomes of viewers, for the metrics: plain numbers, looked at when they are scraped. */
export class EgressCounts {
  readonly switches: Record<SwitchDirection, number> = { up: 0, down: 0, other: 0 };
  keyRequests = 0;
  groupsLost = 0;
  /** Of the viewers that have gone. */
  readonly gone: SenderTotals = { packets: 0, bytes: 0, retransmitted: 0, padding: 0, framesSkipped: 0 };

  /** From a rung to another; the first is no switch. */
  switched(from: Rendition | undefined, to: Rendition | undefined): void {
    if (from === undefined || to === undefined) {
      return;
    }
    const difference = to.averageBandwidth - from.averageBandwidth;
    this.switches[difference > 0 ? 'up' : difference < 0 ? 'down' : 'other'] += 1;
  }

  keyRequested(): void {
    this.keyRequests += 1;
  }

  lost(groups: number): void {
    this.groupsLost += groups;
  }

  /** A viewer has gone: what it was sent stays counted. */
  ended(stats: SenderStats | undefined): void {
    if (stats !== undefined) {
      addStats(this.gone, stats);
    }
  }

  /** What was sent to everybody so far. */
  totals(present: Iterable<SenderStats>): Readonly<SenderTotals> {
    const totals = { ...this.gone };
    for (const stats of present) {
      addStats(totals, stats);
    }
    return totals;
  }
}

function addStats(totals: SenderTotals, stats: SenderStats): void {
  totals.packets += stats.packetsSent;
  totals.bytes += stats.bytesSent;
  totals.retransmitted += stats.retransmitted;
  totals.padding += stats.padding;
  totals.framesSkipped += stats.framesSkipped;
}
