import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { EgressGauge } from './egress-facts.ts';

/** Registers the metrics of WHEP. They are read from plain numbers at a scrape; nothing is done for each packet. */
export class WhepMetrics {
  readonly #estimates: Histogram;
  readonly #rtts: Histogram;
  readonly #losses: Histogram;
  readonly #refused: Counter;
  readonly #egress: EgressGauge;

  constructor(registry: Registry, egress: EgressGauge) {
    this.#egress = egress;
    const registers = [registry];
    gauge(registry, 'millrace_whep_viewers', 'WebRTC viewers, those that are still connecting included.', () => egress.facts().viewers);
    gauge(registry, 'millrace_whep_feeds', 'Renditions that are packetised for WebRTC at this moment.', () => egress.facts().feeds);
    counter(registry, 'millrace_whep_key_requests_total', 'Times that a viewer asked for a key frame (PLI or FIR).', () => egress.facts().keyRequests);
    counter(registry, 'millrace_whep_groups_lost_total', 'Groups lost because WebRTC read its queue too slowly.', () => egress.facts().groupsLost);
    counter(registry, 'millrace_whep_packets_total', 'RTP packets sent to viewers, retransmissions and padding included.', () => egress.facts().totals.packets);
    counter(registry, 'millrace_whep_bytes_total', 'Bytes of RTP sent to viewers.', () => egress.facts().totals.bytes);
    counter(registry, 'millrace_whep_retransmitted_total', 'RTP packets sent again because a viewer missed them.', () => egress.facts().totals.retransmitted);
    counter(registry, 'millrace_whep_padding_total', 'RTP packets sent only to find out what a path carries.', () => egress.facts().totals.padding);
    counter(registry, 'millrace_whep_frames_skipped_total', 'Frames not sent because a viewer was too slow.', () => egress.facts().totals.framesSkipped);
    new Counter({
      name: 'millrace_whep_rung_switches_total',
      help: 'Times that a viewer went from one rung to another, by direction (up, down, other).',
      labelNames: ['direction'],
      registers,
      collect() {
        this.reset();
        for (const [direction, count] of Object.entries(egress.facts().switches)) {
          this.inc({ direction }, count);
        }
      },
    });
    this.#refused = new Counter({ name: 'millrace_whep_refused_total', help: 'Offers refused, by code.', labelNames: ['code'], registers });
    this.#estimates = new Histogram({
      name: 'millrace_whep_estimate_bits_per_second',
      help: 'What the paths of viewers carry, each asked every 5 seconds.',
      buckets: [250_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000],
      registers,
    });
    this.#rtts = new Histogram({
      name: 'millrace_whep_rtt_seconds',
      help: 'Round trip of the paths of viewers, each asked every 5 seconds.',
      buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
      registers,
    });
    this.#losses = new Histogram({
      name: 'millrace_whep_loss_ratio',
      help: 'Share of packets lost on the way to viewers, each asked every 5 seconds.',
      buckets: [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
      registers,
    });
  }

  /** An offer was refused. */
  refused(code: string): void {
    this.#refused.inc({ code });
  }

  /** Asks every viewer's sender once. Call it every 5 s. */
  sample(): void {
    for (const { estimate, rtt, loss } of this.#egress.samples()) {
      this.#estimates.observe(estimate);
      this.#losses.observe(loss);
      if (rtt !== undefined) {
        this.#rtts.observe(rtt / 1000);
      }
    }
  }
}

function gauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}

function counter(registry: Registry, name: string, help: string, value: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}
