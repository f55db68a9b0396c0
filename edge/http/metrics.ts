import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { Millis } from '#core/media/time.ts';

import type { ViewerProtocol } from '../audience/audience.ts';

/** Kinds of requests that are told apart. */
export type RequestKind = 'master' | 'playlist' | 'part' | 'segment' | 'init' | 'manifest' | 'rewind' | 'picture' | 'malformed' | 'other';

/** What is asked of others at each scrape. */
export type EdgeGauges = { readonly viewers: () => Readonly<Record<ViewerProtocol, number>>; readonly waiting: () => number; readonly connections: () => number; readonly followed: () => number; readonly load: () => number };

/** Counts of a part of the edge that runs elsewhere: what was added since it last told. */
export type EdgeCounts = {
  readonly requests: readonly (readonly [kind: RequestKind, status: number, count: number])[];
  readonly bytes: number;
  readonly blocked: number;
  readonly groupsLost: number;
  /** Of each part that became available. */
  readonly delays: readonly Millis[];
};

/** What is told of requests. */
export type RequestObserver = Pick<EdgeMetrics, 'answered' | 'blocked'>;

/**
 * The edge's metrics. Requests are counted in plain numbers and handed to the registry at a scrape: looking up labels for
 * each request would cost more than the request.
 */
export class EdgeMetrics {
  readonly #requests = new Map<RequestKind, Map<number, number>>();
  readonly #delay: Histogram;
  readonly #lost: Counter;
  #bytes = 0;
  #blocked = 0;

  constructor(registry: Registry, gauges: EdgeGauges) {
    const registers = [registry];
    this.#delay = new Histogram({
      name: 'millrace_ingest_to_part_seconds',
      help: 'Time from the last frame of a part leaving the camera, as ingest estimates it, to the part being available to viewers.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5],
      registers,
    });
    this.#lost = new Counter({ name: 'millrace_edge_groups_lost_total', help: 'Groups lost because the edge read its queue too slowly.', registers });
    const requests = this.#requests;
    new Counter({
      name: 'millrace_edge_requests_total',
      help: 'Media requests answered, by kind (master, playlist, part, segment, init, DASH manifest, rewind, picture, malformed, other) and HTTP status.',
      labelNames: ['kind', 'status'],
      registers,
      collect() {
        this.reset();
        for (const [kind, statuses] of requests) {
          for (const [status, count] of statuses) {
            this.inc({ kind, status }, count);
          }
        }
      },
    });
    pulled(registry, 'millrace_edge_sent_bytes_total', 'Bytes of media and playlists sent, headers not counted.', () => this.#bytes);
    pulled(registry, 'millrace_edge_blocked_requests_total', 'Requests that waited for media to come.', () => this.#blocked);
    new Gauge({
      name: 'millrace_viewers',
      help: 'Viewers who asked for media in the last 5 seconds, by protocol.',
      labelNames: ['protocol'],
      registers,
      collect() {
        for (const [protocol, count] of Object.entries(gauges.viewers())) {
          this.set({ protocol }, count);
        }
      },
    });
    new Gauge({ name: 'millrace_edge_waiting_requests', help: 'Requests that wait for media at this moment.', registers, collect() { this.set(gauges.waiting()); } });
    new Gauge({ name: 'millrace_edge_followed_tracks', help: 'Tracks subscribed to because somebody watches them, in a process on NATS.', registers, collect() { this.set(gauges.followed()); } });
    new Gauge({ name: 'millrace_edge_load', help: 'How full the edge is, as other nodes are told: 0 idle, 1 full. The largest of processor, WebRTC viewers and connections, each by its limit.', registers, collect() { this.set(gauges.load()); } });
    new Gauge({ name: 'millrace_edge_connections', help: 'Open connections of viewers.', registers, collect() { this.set(gauges.connections()); } });
  }

  /** A request was answered. */
  answered(kind: RequestKind, status: number, bytes: number): void {
    this.#answered(kind, status, 1);
    this.#bytes += bytes;
  }

  /** Adds what was counted elsewhere. */
  add({ requests, bytes, blocked, groupsLost, delays }: EdgeCounts): void {
    requests.forEach(([kind, status, count]) => this.#answered(kind, status, count));
    this.#bytes += bytes;
    this.#blocked += blocked;
    this.#lost.inc(groupsLost);
    delays.forEach((delay) => this.partAvailable(delay));
  }

  #answered(kind: RequestKind, status: number, count: number): void {
    let statuses = this.#requests.get(kind);
    if (statuses === undefined) {
      statuses = new Map();
      this.#requests.set(kind, statuses);
    }
    statuses.set(status, (statuses.get(status) ?? 0) + count);
  }

  /** A request begins to wait. */
  blocked(): void {
    this.#blocked++;
  }

  /** A part became available. */
  partAvailable(delay: Millis): void {
    this.#delay.observe(Math.max(0, delay / 1000));
  }

  groupsLost(groups: number): void {
    this.#lost.inc(groups);
  }
}

function pulled(registry: Registry, name: string, help: string, value: () => number): void {
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
