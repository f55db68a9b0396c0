import { Counter, Gauge, type Registry } from 'prom-client';

import type { Rendition, StreamName, TranscodeHealth } from '#core/bus/catalog.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Capacity } from '../capacity.ts';
import type { RungCounts } from './to-bus.ts';

/** The transcoder's metrics. */
export type TranscodeMetrics = {
  health(stream: StreamName, health: TranscodeHealth, counts: ReadonlyMap<TrackName, RungCounts>): void;
  restarted(stream: StreamName): void;
  groupsLost(stream: StreamName, groups: number): void;
  rungs(stream: StreamName, renditions: readonly Rendition[], shed: readonly TrackName[]): void;
  /** Takes a stream's values out when its broadcast is over. */
  forget(stream: StreamName): void;
};

/** Registers the metrics, `millrace_transcode_...`. */
export function transcodeMetrics(registry: Registry, capacity: Capacity): TranscodeMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[]): Gauge => new Gauge({ name: `millrace_transcode_${name}`, help, labelNames, registers });
  const speed = gauge('speed', 'Media seconds encoded per second that passed; 1 keeps up.', ['stream']);
  const lag = gauge('lag_seconds', 'Output of the slowest rung behind the input of the encoder.', ['stream']);
  const rungState = gauge('rung', 'Rungs of a stream by state (passthrough, encoded, shed): 1 where the rung is in it.', ['stream', 'track', 'state']);
  const frames = gauge('frames', 'Frames a rung has given out in this epoch.', ['stream', 'track']);
  const dropped = gauge('dropped_frames', 'Encoded frames of this epoch that had no place: doubles, or of a group that did not begin where the source did.', ['stream', 'track']);
  const restarts = new Counter({ name: 'millrace_transcode_restarts_total', help: 'Encoders that ended without being asked to, or hung.', labelNames: ['stream'], registers });
  const lost = new Counter({ name: 'millrace_transcode_groups_lost_total', help: 'Source groups dropped before the encoder because it did not read fast enough.', labelNames: ['stream'], registers });
  new Gauge({
    name: 'millrace_transcode_capacity_megapixels_per_second',
    help: 'Encoding speed of this machine (kind measured), what ladders may spend of it (budget) and what they spend (used).',
    labelNames: ['kind'],
    registers,
    collect(): void {
      const facts = capacity.facts;
      this.set({ kind: 'measured' }, facts.megapixelsPerSecond);
      this.set({ kind: 'budget' }, facts.budget);
      this.set({ kind: 'used' }, facts.used);
    },
  });
  const perTrack = new Map<StreamName, { readonly metric: Gauge; readonly labels: Record<string, string> }[]>();
  const set = (metric: Gauge, labels: Record<string, string> & { readonly stream: StreamName }, value: number): void => {
    const known = perTrack.get(labels.stream) ?? [];
    perTrack.set(labels.stream, known);
    if (!known.some((entry) => entry.metric === metric && Object.entries(labels).every(([name, text]) => entry.labels[name] === text))) {
      known.push({ metric, labels });
    }
    metric.set(labels, value);
  };
  const remove = (stream: StreamName, which: (metric: Gauge) => boolean): void => {
    const known = perTrack.get(stream) ?? [];
    known.filter(({ metric }) => which(metric)).forEach(({ metric, labels }) => metric.remove(labels));
    perTrack.set(stream, known.filter(({ metric }) => !which(metric)));
  };
  return {
    health(stream, health, counts) {
      speed.set({ stream }, health.speed);
      lag.set({ stream }, health.lag / 1000);
      counts.forEach((count, track) => {
        set(frames, { stream, track }, count.frames);
        set(dropped, { stream, track }, count.droppedFrames);
      });
    },
    restarted: (stream) => restarts.inc({ stream }),
    groupsLost: (stream, groups) => lost.inc({ stream }, groups),
    rungs(stream, renditions, shed) {
      remove(stream, (metric) => metric === rungState);
      renditions.forEach(({ track, mode }) => set(rungState, { stream, track, state: mode }, 1));
      shed.forEach((track) => set(rungState, { stream, track, state: 'shed' }, 1));
    },
    forget(stream) {
      remove(stream, () => true);
      perTrack.delete(stream);
      speed.remove({ stream });
      lag.remove({ stream });
    },
  };
}
