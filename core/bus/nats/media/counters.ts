import { Counter, Gauge, type Registry } from 'prom-client';

/** Why groups were lost: messages were missing, they could not be read, or the queue in front of the connection was full. */
export const LOSS_REASONS = ['gap', 'damaged', 'queue'] as const;

/** One of {@link LOSS_REASONS}. */
export type LossReason = (typeof LOSS_REASONS)[number];

/** How a request for a backlog ended: all that was asked for, nobody who has it, or no answer to the end. */
export type BacklogOutcome = 'whole' | 'nobody' | 'failed';

/** What the link counts as it goes: plain numbers, which the registry reads when it is asked. */
export class MediaCounters {
  readonly out = { frames: 0, bytes: 0 };
  readonly in = { frames: 0, bytes: 0 };
  readonly groupsLost: Record<LossReason, number> = { gap: 0, damaged: 0, queue: 0 };
  readonly backlog: Record<BacklogOutcome, number> = { whole: 0, nobody: 0, failed: 0 };
  /** Messages that were none, or none that belong there. */
  damaged = 0;
  /** Frames of lower fences. */
  fenced = 0;
  /** Frames too large for the link. */
  oversized = 0;
  /** Tracks whose frames come from other processes. */
  subscriptions = 0;
}

/** Registers what the link counts. `unconfirmed`: bytes that the server has not confirmed yet. */
export function registerMediaMetrics(registry: Registry, counters: MediaCounters, unconfirmed: () => number): void {
  const registers = [registry];
  const byDirection = { out: counters.out, in: counters.in };
  labelled(registry, 'millrace_nats_frames_total', 'Frames sent to and received from other processes over NATS.', 'direction', () => ({ out: byDirection.out.frames, in: byDirection.in.frames }));
  labelled(registry, 'millrace_nats_media_bytes_total', 'Bytes of the messages that carried frames over NATS.', 'direction', () => ({ out: byDirection.out.bytes, in: byDirection.in.bytes }));
  labelled(registry, 'millrace_nats_groups_lost_total', 'Groups lost or cut between processes.', 'reason', () => counters.groupsLost);
  labelled(registry, 'millrace_nats_backlog_requests_total', 'Requests to a track\'s origin for what was written before.', 'outcome', () => counters.backlog);
  labelled(registry, 'millrace_nats_frames_rejected_total', 'Frames that were not taken or not sent: damaged messages, lower fences, larger than the link allows.', 'reason', () => ({ damaged: counters.damaged, fenced: counters.fenced, oversized: counters.oversized }));
  new Gauge({
    name: 'millrace_nats_tracks_subscribed',
    help: 'Tracks whose frames come from other processes now.',
    registers,
    collect() {
      this.set(counters.subscriptions);
    },
  });
  new Gauge({
    name: 'millrace_nats_unconfirmed_bytes',
    help: 'Bytes of frames that were sent and not confirmed by the NATS server yet.',
    registers,
    collect() {
      this.set(unconfirmed());
    },
  });
}

function labelled(registry: Registry, name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      Object.entries(read()).forEach(([value, count]) => this.inc({ [label]: value }, count));
    },
  });
}
