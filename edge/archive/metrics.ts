import { Counter, Gauge, type Registry } from 'prom-client';

/** What is asked of the archive at each scrape. */
export type ArchiveGauges = {
  readonly queuedBytes: () => number;
  readonly openFiles: () => number;
  readonly recordings: () => { readonly count: number; readonly bytes: number };
};

/** Why a segment was not kept: the queue was full, nothing could be kept at the time, or the write failed. */
export type LossReason = 'slow' | 'off' | 'failed';

/** The archive's metrics. */
export class ArchiveMetrics {
  readonly #written: Counter;
  readonly #lost: Counter;

  constructor(registry: Registry, gauges: ArchiveGauges) {
    const registers = [registry];
    this.#written = new Counter({ name: 'millrace_archive_written_bytes_total', help: 'Bytes of media written to disk for rewind and recordings.', registers });
    this.#lost = new Counter({
      name: 'millrace_archive_segments_lost_total',
      help: 'Segments that rewind and recordings lack, by reason: the disk was slow, nothing could be kept (off), the write failed.',
      labelNames: ['reason'],
      registers,
    });
    (['slow', 'off', 'failed'] as const).forEach((reason) => this.#lost.inc({ reason }, 0));
    new Gauge({ name: 'millrace_archive_queued_bytes', help: 'Bytes that wait in memory for the disk.', registers, collect() { this.set(gauges.queuedBytes()); } });
    new Gauge({ name: 'millrace_archive_open_files', help: 'Files that the archive holds open.', registers, collect() { this.set(gauges.openFiles()); } });
    new Gauge({ name: 'millrace_archive_recordings', help: 'Recordings on disk, those in progress included.', registers, collect() { this.set(gauges.recordings().count); } });
    new Gauge({ name: 'millrace_archive_recordings_bytes', help: 'Bytes of all recordings on disk.', registers, collect() { this.set(gauges.recordings().bytes); } });
  }

  written(bytes: number): void {
    this.#written.inc(bytes);
  }

  lost(reason: LossReason, segments = 1): void {
    this.#lost.inc({ reason }, segments);
  }
}
