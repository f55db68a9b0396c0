import { NutDemuxer } from '#core/media/containers/nut/demuxer.ts';
import type { Frame } from '#core/media/frame.ts';
import type { Ticks, WallTime, Clock } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import { ffmpegArguments } from '../ffmpeg/arguments.ts';
import type { EncoderName, EncoderSettings } from '../ffmpeg/encoders.ts';
import { FfmpegProcess, type FfmpegExit } from '../ffmpeg/process.ts';
import type { EncodedRung } from '../plan/encoded-rung.ts';
import type { Encode } from '../plan/plan.ts';
import { encodedConfig, encodedPicture, type EncodedConfig, type EncodedPicture } from './encoded-picture.ts';
import { nutFrameOf, nutHeaderOf } from './from-bus.ts';
import type { Replay } from './replay.ts';

/** How ffmpeg is to be started. */
export type RunSettings = EncoderSettings & { readonly ffmpegPath: string; readonly encoder: EncoderName };

/** Takes one rung's pictures. */
export type PictureSink = (track: TrackName, picture: EncodedPicture, config: EncodedConfig) => void;

/** What a run is started with. */
export type RunOptions = {
  readonly encode: Encode;
  readonly replay: Replay;
  readonly settings: RunSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onPicture: PictureSink;
};

/** How long a run whose input ended may go without a picture, and how long it may take in all, before it is killed. */
const FLUSH_MILLIS = 2000;
const LONGEST_FLUSH_MILLIS = 10_000;

/** One life of one ffmpeg: frames in, pictures of every rung out. */
export class Run {
  readonly encode: Encode;
  readonly startedAt: WallTime;
  /** Settles when ffmpeg is gone and its last picture was handed over. */
  readonly exited: Promise<FfmpegExit>;
  /** Media before the first missing frame, which is decoded only: the first picture may take so much longer. */
  readonly prelude: Ticks;
  readonly #process: FfmpegProcess;
  readonly #outputs: RungOutput[];
  readonly #clock: Clock;
  #fed = 0;
  #lastFed: Ticks;
  #lastPictureAt: WallTime;
  #fedSincePicture = 0;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushLimit: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: RunOptions) {
    this.encode = options.encode;
    this.#clock = options.clock;
    this.startedAt = options.clock();
    this.#lastPictureAt = this.startedAt;
    const firsts = [...options.replay.starts.values()].map(({ first }) => first);
    const begin = options.replay.frames[0]?.pts ?? (0 as Ticks);
    this.prelude = Math.max(0, Math.min(...firsts) - begin) as Ticks;
    this.#lastFed = begin;
    this.#outputs = options.encode.rungs.map((rung) => new RungOutput(rung, options.onPicture));
    const { ffmpegPath, encoder } = options.settings;
    const args = ffmpegArguments({ encode: options.encode, encoder, settings: options.settings, starts: options.replay.starts });
    this.#process = new FfmpegProcess({
      path: ffmpegPath,
      args,
      outputs: options.encode.rungs.length,
      log: options.log,
      onOutput: (output, chunk) => this.#take(output, chunk, options.log),
    });
    this.exited = this.#process.exited.finally(() => {
      clearTimeout(this.#flushTimer);
      clearTimeout(this.#flushLimit);
    });
    this.#process.write([nutHeaderOf(options.encode)]);
    options.replay.frames.forEach((frame) => this.feed(frame));
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

  /** Source frames fed, and those fed since the last picture came out. */
  get fed(): { readonly frames: number; readonly sincePicture: number } {
    return { frames: this.#fed, sincePicture: this.#fedSincePicture };
  }

  get lastPictureAt(): WallTime {
    return this.#lastPictureAt;
  }

  /** True once a picture came out of any rung. */
  get productive(): boolean {
    return this.#outputs.some(({ last }) => last !== undefined);
  }

  /** Newest pts that went in. */
  get lastFed(): Ticks {
    return this.#lastFed;
  }

  /** Newest pts that came out of the slowest rung; undefined before every rung has given one. */
  get lastOut(): Ticks | undefined {
    const last = this.#outputs.map((output) => output.last);
    return last.includes(undefined) ? undefined : (Math.min(...last.map(Number)) as Ticks);
  }

  feed(frame: Frame): void {
    if (this.#ended) {
      return;
    }
    this.#fed += 1;
    this.#fedSincePicture += 1;
    this.#lastFed = Math.max(this.#lastFed, frame.pts) as Ticks;
    this.#process.write(nutFrameOf(frame));
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

  #take(output: number, chunk: Uint8Array, log: Logger): void {
    try {
      if (this.#outputs[output]?.take(chunk) === true) {
        this.#lastPictureAt = this.#clock();
        this.#fedSincePicture = 0;
        this.#flushTimer?.refresh();
      }
    } catch (thrown) {
      log.error({ ffmpeg: this.pid, reason: messageOf(thrown) }, 'ffmpeg gave output that cannot be used');
      this.kill();
    }
  }
}

/** One rung's pipe taken apart. */
class RungOutput {
  last: Ticks | undefined;
  readonly #rung: EncodedRung;
  readonly #sink: PictureSink;
  readonly #demuxer = new NutDemuxer();
  #config: EncodedConfig | undefined;

  constructor(rung: EncodedRung, sink: PictureSink) {
    this.#rung = rung;
    this.#sink = sink;
  }

  /** True where the chunk completed a picture. */
  take(chunk: Uint8Array): boolean {
    const packets = this.#demuxer.push(chunk);
    for (const packet of packets) {
      this.#config ??= encodedConfig(packet.stream, this.#rung);
      const picture = encodedPicture(packet);
      this.last = picture.pts;
      this.#sink(this.#rung.track, picture, this.#config);
    }
    return packets.length > 0;
  }
}
