import { Counter, Gauge, type Registry } from 'prom-client';

/** What a picture is for: `recording` is the poster of one. */
export type PictureKind = 'poster' | 'thumbnail' | 'storyboard' | 'recording';

/** Metrics of pictures. */
export class PictureMetrics {
  readonly #runs: Counter;
  readonly #requests: Counter;

  constructor(registry: Registry, waiting: () => number) {
    const registers = [registry];
    this.#runs = new Counter({
      name: 'millrace_picture_decodes_total',
      help: 'Runs of ffmpeg that make a picture, by what it is for (poster, thumbnail, storyboard, recording: the poster of one) and result: made, failed.',
      labelNames: ['kind', 'result'],
      registers,
    });
    this.#requests = new Counter({
      name: 'millrace_picture_requests_total',
      help: 'Requests for pictures answered, by kind (poster, thumbnail, storyboard, recording: the poster of one) and HTTP status.',
      labelNames: ['kind', 'status'],
      registers,
    });
    new Gauge({ name: 'millrace_picture_decodes_waiting', help: 'Pictures that wait for their turn to be made.', registers, collect() { this.set(waiting()); } });
  }

  /** A run ended. */
  ran(kind: PictureKind, result: 'made' | 'failed'): void {
    this.#runs.inc({ kind, result });
  }

  /** A request was answered. */
  answered(kind: PictureKind, status: number): void {
    this.#requests.inc({ kind, status });
  }
}
