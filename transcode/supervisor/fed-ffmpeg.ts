import type { Clock, WallTime } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import { FfmpegProcess, type FfmpegExit } from '../ffmpeg/process.ts';

/** What an ffmpeg that is fed with frames is started with. */
export type FedFfmpegOptions = {
  readonly path: string;
  readonly args: readonly string[];
  readonly outputs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Takes a chunk of an output; true where it completed a frame. What it throws ends ffmpeg. */
  readonly onOutput: (output: number, chunk: Uint8Array) => boolean;
};

/** How long a run whose input ended may go without a frame, and how long it may take in all, before it is killed. */
const FLUSH_MILLIS = 2000;
const LONGEST_FLUSH_MILLIS = 10_000;

/** One life of one ffmpeg, frames in and frames out, counted so that a watch can judge it. */
export class FedFfmpeg {
  readonly startedAt: WallTime;
  /** Settles when ffmpeg is gone and its last frame was handed over. */
  readonly exited: Promise<FfmpegExit>;
  readonly #process: FfmpegProcess;
  readonly #options: FedFfmpegOptions;
  #fed = 0;
  #fedSinceOutput = 0;
  #lastOutputAt: WallTime;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushLimit: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: FedFfmpegOptions) {
    this.#options = options;
    this.startedAt = options.clock();
    this.#lastOutputAt = this.startedAt;
    const { path, args, outputs, log } = options;
    this.#process = new FfmpegProcess({ path, args, outputs, log, onOutput: (output, chunk) => this.#take(output, chunk) });
    this.exited = this.#process.exited.finally(() => {
      clearTimeout(this.#flushTimer);
      clearTimeout(this.#flushLimit);
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** True once {@link end} or {@link kill} was called. */
  get ended(): boolean {
    return this.#ended;
  }

  get congested(): boolean {
    return this.#process.congested;
  }

  /** Frames fed, and those fed since the last one came out. */
  get fed(): { readonly frames: number; readonly sinceOutput: number } {
    return { frames: this.#fed, sinceOutput: this.#fedSinceOutput };
  }

  /** When a frame last came out; before the first, when it was started. */
  get lastOutputAt(): WallTime {
    return this.#lastOutputAt;
  }

  /** Hands over what stands before the first frame. */
  header(bytes: Uint8Array): void {
    this.#process.write([bytes]);
  }

  /** Hands over one frame; dropped once the input has ended. */
  feed(chunks: readonly Uint8Array[]): void {
    if (!this.#ended) {
      this.#fed += 1;
      this.#fedSinceOutput += 1;
      this.#process.write(chunks);
    }
  }

  relieved(): Promise<void> {
    return this.#process.relieved();
  }

  /** Ends the input; what is still inside comes out, and ffmpeg goes: killed where nothing comes for 2 s. Idempotent. */
  end(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#process.end();
      this.#flushTimer = setTimeout(() => this.#process.kill(), FLUSH_MILLIS);
      this.#flushLimit = setTimeout(() => this.#process.kill(), LONGEST_FLUSH_MILLIS);
    }
  }

  /** Ends ffmpeg at once. Idempotent. */
  kill(): void {
    this.#ended = true;
    this.#process.kill();
  }

  #take(output: number, chunk: Uint8Array): void {
    try {
      if (this.#options.onOutput(output, chunk)) {
        this.#lastOutputAt = this.#options.clock();
        this.#fedSinceOutput = 0;
        this.#flushTimer?.refresh();
      }
    } catch (thrown) {
      this.#options.log.error({ ffmpeg: this.pid, reason: messageOf(thrown) }, 'ffmpeg gave output that cannot be used');
      this.kill();
    }
  }
}
