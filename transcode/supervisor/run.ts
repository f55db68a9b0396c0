import { NutDemuxer } from '#core/media/containers/nut/demuxer.ts';
import type { Frame } from '#core/media/frame.ts';
import type { Ticks, WallTime, Clock } from '#core/media/time.ts';
import { configIdOf, type ConfigId, type TrackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';
import { ffmpegArguments } from '../ffmpeg/arguments.ts';
import type { EncoderName, EncoderSettings } from '../ffmpeg/encoders.ts';
import type { FfmpegExit } from '../ffmpeg/process.ts';
import type { EncodedRung } from '../plan/encoded-rung.ts';
import type { Encode } from '../plan/plan.ts';
import { encodedConfig, encodedPicture, type EncodedConfig, type EncodedPicture } from './encoded-picture.ts';
import { FedFfmpeg } from './fed-ffmpeg.ts';
import { nutFrameOf, nutHeaderOf } from './from-bus.ts';
import type { Replay } from './replay.ts';
import type { SourceConfigs } from './source-configs.ts';

/** How ffmpeg is to be started. */
export type RunSettings = EncoderSettings & { readonly ffmpegPath: string; readonly encoder: EncoderName };

/** Takes one rung's pictures. */
export type PictureSink = (track: TrackName, picture: EncodedPicture, config: EncodedConfig) => void;

/** What a run is started with. */
export type RunOptions = {
  readonly encode: Encode;
  readonly replay: Replay;
  readonly configs: SourceConfigs;
  readonly settings: RunSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onPicture: PictureSink;
};

/** One life of one ffmpeg: frames in, pictures of every rung out. */
export class Run {
  readonly encode: Encode;
  /** Media before the first missing frame, which is decoded only: the first picture may take so much longer. */
  readonly prelude: Ticks;
  readonly #ffmpeg: FedFfmpeg;
  readonly #outputs: RungOutput[];
  readonly #configs: SourceConfigs;
  /** The configuration that the decoder has. */
  #decoding: ConfigId;
  #lastFed: Ticks;

  constructor(options: RunOptions) {
    const { encode, replay, settings, clock, log } = options;
    this.encode = encode;
    this.#configs = options.configs;
    this.#decoding = configIdOf(encode.input);
    const firsts = [...replay.starts.values()].map(({ first }) => first);
    const begin = replay.frames[0]?.pts ?? (0 as Ticks);
    this.prelude = Math.max(0, Math.min(...firsts) - begin) as Ticks;
    this.#lastFed = begin;
    this.#outputs = encode.rungs.map((rung) => new RungOutput(rung, options.onPicture));
    this.#ffmpeg = new FedFfmpeg({
      path: settings.ffmpegPath,
      args: ffmpegArguments({ encode, encoder: settings.encoder, settings, starts: replay.starts }),
      outputs: encode.rungs.length,
      clock,
      log,
      onOutput: (output, chunk) => this.#outputs[output]?.take(chunk) === true,
    });
    this.#ffmpeg.header(nutHeaderOf(encode));
    replay.frames.forEach((frame) => this.feed(frame));
  }

  /** Settles when ffmpeg is gone and its last picture was handed over. */
  get exited(): Promise<FfmpegExit> {
    return this.#ffmpeg.exited;
  }

  get startedAt(): WallTime {
    return this.#ffmpeg.startedAt;
  }

  get pid(): number | undefined {
    return this.#ffmpeg.pid;
  }

  get congested(): boolean {
    return this.#ffmpeg.congested;
  }

  /** Source frames fed since the last picture came out. */
  get fedSincePicture(): number {
    return this.#ffmpeg.fed.sinceOutput;
  }

  get lastPictureAt(): WallTime {
    return this.#ffmpeg.lastOutputAt;
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
    if (!this.#ffmpeg.ended) {
      this.#lastFed = Math.max(this.#lastFed, frame.pts) as Ticks;
      this.#ffmpeg.feed(nutFrameOf(frame, this.#newSets(frame)));
    }
  }

  /** Parameter sets that the decoder does not have yet; they can only change at a key frame. */
  #newSets(frame: Frame): Uint8Array | undefined {
    if (!frame.key || frame.config === this.#decoding) {
      return undefined;
    }
    this.#decoding = frame.config;
    return this.#configs.parameterSets(frame.config);
  }

  relieved(): Promise<void> {
    return this.#ffmpeg.relieved();
  }

  /** Ends the input; what is still inside comes out. Idempotent. */
  end(): void {
    this.#ffmpeg.end();
  }

  /** Ends ffmpeg at once. Idempotent. */
  kill(): void {
    this.#ffmpeg.kill();
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
