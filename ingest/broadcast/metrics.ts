import { Counter, Gauge, type Registry } from 'prom-client';

/** Why a stream went from one publisher or process to another. */
export type TakeoverReason = 'silent' | 'left' | 'returned' | 'handed-over' | 'lost' | 'orphan';

/** Ingest's metrics. Those of a stream are removed when its broadcast ends. */
export type IngestMetrics = {
  readonly live: Gauge;
  readonly bitrate: Gauge<'stream'>;
  readonly frameRate: Gauge<'stream'>;
  readonly groups: Counter<'stream'>;
  readonly jumps: Counter<'stream'>;
  readonly dropped: Counter<'stream'>;
  readonly messages: Counter<'stream'>;
  readonly messagesRefused: Counter<'stream'>;
  readonly standBys: Gauge;
  readonly takeovers: { inc(labels: { readonly reason: TakeoverReason }): void };
  forget(stream: string): void;
};

/** Registers ingest's metrics. */
export function ingestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry];
  const labelNames = ['stream'] as const;
  const live = new Gauge({ name: 'millrace_ingest_streams_live', help: 'Streams that a publisher is sending now.', registers });
  const bitrate = new Gauge({ name: 'millrace_ingest_bitrate_bits_per_second', help: 'Bits per second received from the publisher over the last 3 s.', labelNames, registers });
  const frameRate = new Gauge({ name: 'millrace_ingest_frame_rate', help: 'Video frames per second received from the publisher over the last 3 s.', labelNames, registers });
  const groups = new Counter({ name: 'millrace_ingest_groups_total', help: 'Groups (segments to be) given out.', labelNames, registers });
  const jumps = new Counter({ name: 'millrace_ingest_timestamp_jumps_total', help: 'Jumps of the encoder\'s clock that were spliced.', labelNames, registers });
  const dropped = new Counter({
    name: 'millrace_ingest_frames_dropped_total',
    help: 'Frames received that could not be used: before the first key frame, without a decoder configuration, or out of time.',
    labelNames,
    registers,
  });
  const messages = new Counter({ name: 'millrace_ingest_messages_total', help: 'Messages taken for the timeline, from the API and from publishers.', labelNames, registers });
  const messagesRefused = new Counter({
    name: 'millrace_ingest_messages_refused_total',
    help: 'Messages that were not put on a frame: too many, too large, malformed, off air, or no frame within 2 s.',
    labelNames,
    registers,
  });
  const standBys = new Gauge({ name: 'millrace_ingest_stand_bys', help: 'Publishers that are connected and not live: backups, and mains about to return.', registers });
  const takeovers = new Counter({
    name: 'millrace_ingest_takeovers_total',
    help: 'Streams that went from one publisher or process to another: `silent` and `left` to a stand-by, `returned` to the main, `handed-over` to another process that asked, `lost` to one that did not, `orphan` from a process that died.',
    labelNames: ['reason'],
    registers,
  });
  const ofStream = [bitrate, frameRate, groups, jumps, dropped, messages, messagesRefused];
  return { live, bitrate, frameRate, groups, jumps, dropped, messages, messagesRefused, standBys, takeovers, forget: (stream) => ofStream.forEach((metric) => metric.remove(stream)) };
}
