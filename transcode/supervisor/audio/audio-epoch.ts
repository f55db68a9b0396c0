import type { TrackProducer } from '#core/bus/bus.ts';
import type { SourceCatalog } from '#core/bus/catalog.ts';
import { NutDemuxer } from '#core/media/containers/nut/demuxer.ts';
import type { Frame } from '#core/media/frame.ts';
import { millisToTicks, rescale, type Clock } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';
import { audioArguments } from '../../ffmpeg/arguments.ts';
import type { FfmpegExit } from '../../ffmpeg/process.ts';
import type { AudioEncode } from '../../plan/audio.ts';
import type { Beginning } from '../../jobs/taken-groups.ts';
import { FedFfmpeg } from '../fed-ffmpeg.ts';
import { nutFrameOf, nutHeaderOfAudio } from '../from-bus.ts';
import { MAX_REPLAY } from '../replay.ts';
import type { RungCounts } from '../to-bus.ts';
import { AudioGroups, type VideoHead } from './audio-groups.ts';
import { planAudioReplay } from './audio-replay.ts';
import { AudioWriter } from './audio-writer.ts';

/** What an epoch's encode of sound needs from its broadcast. */
export type AudioEpochOptions = {
  readonly source: SourceCatalog;
  readonly encode: AudioEncode;
  readonly fence: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ffmpegPath: () => string;
  readonly producer: (track: TrackName) => Pick<TrackProducer, 'write'>;
  /** Where to begin, after another transcoder. */
  readonly beginning?: Beginning | undefined;
  /** Called with each group that may be begun from now on. */
  readonly onGroup?: (group: number) => void;
  /** Called when an ffmpeg is gone without having been asked to go. */
  readonly onFault: (run: FedFfmpeg, exit: FfmpegExit) => void;
  /** Called where a frame could not be written: another transcoder took over. */
  readonly onFenced: (thrown: unknown) => void;
};

/** A longer hole in the source is left open: filled, it would come out as one burst of silence when it ends. */
const MAX_FILLED_SECONDS = 1;
/** Bound of the history beside its 4 s: no source has so many frames in them. */
const MAX_HISTORY_FRAMES = 1024;
/** Frames of the next group that are fed where another transcoder begins it: the last frame before it reaches into them. */
const FRAMES_BEYOND = 4;

/** The encode of one epoch's sound: one small ffmpeg at a time, each starting where the one before ended. */
export class AudioEpoch {
  readonly source: SourceCatalog;
  readonly #options: AudioEpochOptions;
  readonly #groups: AudioGroups;
  readonly #writer: AudioWriter;
  /** The source's last 4 s, without a hole too long to fill. */
  #history: Frame[] = [];
  #run: FedFfmpeg | undefined;
  /** The one that was asked to end because a hole came. */
  #draining: FedFfmpeg | undefined;
  /** False until everything of the epoch before is written, and while a restart is held back. */
  #ready = false;
  #finishing = false;
  /** This group and later ones are another transcoder's. */
  #before = Infinity;
  #isOver = false;
  /** Nothing was fed since {@link rest}. */
  #isResting = false;
  /** Settles when everything that ran so far is written. */
  #gone: Promise<void>;

  constructor(options: AudioEpochOptions, after: Promise<void>) {
    const { source, encode, fence } = options;
    this.source = source;
    this.#options = options;
    this.#groups = new AudioGroups(source.grouping, encode.config.timescale);
    const producer = options.producer(encode.track);
    this.#writer = new AudioWriter({ broadcast: source.broadcast, epoch: source.epoch, fence, encode, groups: this.#groups, producer, after: options.beginning?.after });
    this.#gone = after.then(() => this.resume());
  }

  /** The ffmpeg that is fed. */
  get run(): FedFfmpeg | undefined {
    return this.#run;
  }

  get counts(): ReadonlyMap<TrackName, RungCounts> {
    return new Map([[this.#options.encode.track, this.#writer.counts]]);
  }

  /** True while nothing comes: see {@link rest}. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** True once everything up to {@link endBefore} was fed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Leaves a group and all later ones to another transcoder; those before are given out whole. `Infinity` takes it back. */
  endBefore(group: number): void {
    this.#before = group;
    this.#writer.endBefore(group);
  }

  /** Takes the next frame of the source's sound. */
  feed(frame: Frame): void {
    this.#isOver ||= frame.group > this.#before || (frame.group === this.#before && frame.index >= FRAMES_BEYOND);
    if (this.#isOver) {
      return;
    }
    if (frame.index === 0 && frame.group > (this.#options.beginning?.after ?? -1) && frame.group < this.#before) {
      this.#options.onGroup?.(frame.group);
    }
    this.#isResting = false;
    const { timescale } = this.#options.encode.input;
    const before = this.#history.at(-1);
    if (before !== undefined && frame.pts - (before.pts + before.duration) > MAX_FILLED_SECONDS * timescale) {
      this.#history = [];
      // What follows the hole is for a new one, which starts when this one has given its last.
      this.#draining = this.#run;
      this.#run?.end();
    }
    this.#groups.addAudio(frame, timescale, frame.group > (this.#options.beginning?.told ?? -1));
    this.#history.push(frame);
    const oldest = this.#history.findIndex(({ pts }) => pts >= frame.pts - millisToTicks(MAX_REPLAY, timescale));
    this.#history.splice(0, Math.max(oldest, this.#history.length - MAX_HISTORY_FRAMES));
    if (this.#run === undefined) {
      this.#start();
    } else {
      this.#run.feed(nutFrameOf(frame));
    }
    this.#settle();
  }

  /** Takes the first frame of a group of the source's picture. */
  feedVideoHead(head: VideoHead): void {
    this.#groups.addVideoHead(head);
    this.#settle();
  }

  /** Nothing comes any more, for now: what was fed comes out. Where the epoch goes on after all, the next ffmpeg continues to the sample. */
  rest(): void {
    if (!this.#isResting && !this.#finishing) {
      this.#isResting = true;
      this.#draining = this.#run;
      this.#run?.end();
    }
  }

  /** Holds restarts back until {@link resume}. */
  pause(): void {
    this.#ready = false;
  }

  /** Starts (again). */
  resume(): void {
    this.#ready = true;
    this.#start();
  }

  /** Ends the input. Settles when all that was inside is written. */
  async finish(): Promise<void> {
    // Where the epoch before is still being written, or a hole is being passed, the last one has not begun.
    for (let gone; gone !== this.#gone && (this.#run === undefined || this.#run === this.#draining); ) {
      gone = this.#gone;
      await gone;
    }
    this.#finishing = true;
    this.#run?.end();
    await this.#gone;
    this.#guarded(() => this.#writer.flush());
  }

  /** Ends ffmpeg at once. */
  async kill(): Promise<void> {
    this.#finishing = true;
    this.#run?.kill();
    await this.#gone;
  }

  #start(): void {
    const { encode, clock, log, ffmpegPath } = this.#options;
    const replay = planAudioReplay(this.#history, encode, this.#writer.end);
    if (!this.#ready || this.#finishing || this.#isResting || this.#run !== undefined || replay === undefined) {
      return;
    }
    const demuxer = new NutDemuxer();
    const run = new FedFfmpeg({
      path: ffmpegPath(),
      args: audioArguments({ encode, first: replay.first }),
      outputs: 1,
      clock,
      log,
      onOutput: (_output, chunk) => this.#take(demuxer, chunk),
    });
    this.#run = run;
    this.#gone = run.exited.then((exit) => this.#left(run, exit));
    run.header(nutHeaderOfAudio(encode.input));
    replay.frames.forEach((frame) => run.feed(nutFrameOf(frame)));
  }

  #take(demuxer: NutDemuxer, chunk: Uint8Array): boolean {
    const packets = demuxer.push(chunk);
    const { timescale } = this.#options.encode.config;
    this.#guarded(() => packets.forEach(({ stream, pts, data }) => this.#writer.write(rescale(pts, stream.timescale, timescale), data)));
    return packets.length > 0;
  }

  #left(run: FedFfmpeg, exit: FfmpegExit): void {
    this.#run = undefined;
    if (this.#finishing) {
      return;
    }
    if (this.#isResting) {
      this.#guarded(() => this.#writer.flush());
    } else if (this.#draining === run) {
      this.#start();
    } else {
      this.#options.onFault(run, exit);
    }
  }

  #settle(): void {
    this.#guarded(() => this.#writer.settle());
  }

  #guarded(write: () => void): void {
    try {
      write();
    } catch (thrown) {
      this.#options.onFenced(thrown);
    }
  }
}
