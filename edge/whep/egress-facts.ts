import type { SenderStats } from '#core/rtc/sender/media-sender.ts';

import type { SenderTotals, SwitchDirection } from './egress-counts.ts';
import type { Egress } from './egress.ts';

/** What the metrics tell of an egress, of whichever thread. Can be posted. */
export type EgressFacts = {
  readonly viewers: number;
  readonly feeds: number;
  readonly keyRequests: number;
  readonly groupsLost: number;
  readonly switches: Readonly<Record<SwitchDirection, number>>;
  readonly totals: Readonly<SenderTotals>;
};

/** What one viewer's path carries. */
export type PathSample = Pick<SenderStats, 'estimate' | 'rtt' | 'loss'>;

/** What of an egress the metrics read. */
export interface EgressGauge {
  facts(): EgressFacts;
  /** Of each viewer one. Called every 5 s. */
  samples(): readonly PathSample[];
}

/** What an egress of this thread tells. */
export function gaugeOf(egress: Egress): EgressGauge {
  const present = (): readonly SenderStats[] => [...egress.viewers.values()].flatMap((viewer) => viewer.stats ?? []);
  return {
    facts: () => {
      const { keyRequests, groupsLost, switches } = egress.counts;
      return { viewers: egress.size, feeds: egress.feeds, keyRequests, groupsLost, switches: { ...switches }, totals: egress.counts.totals(present()) };
    },
    samples: () => present().map(({ estimate, rtt, loss }) => ({ estimate, rtt, loss })),
  };
}
