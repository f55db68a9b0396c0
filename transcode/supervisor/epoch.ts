import type { TrackProducer } from '#core/bus/bus.ts';
import type { SourceCatalog } from '#core/bus/catalog.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, ticksToMillis, VIDEO_TIMESCALE, type Clock, type Millis, type Ticks } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { FfmpegExit } from '../ffmpeg/process.ts';
import type { EncodedRung } from '../plan/encoded-rung.ts';
import type { Beginning } from '../jobs/taken-groups.ts';
import type { Encode } from '../plan/plan.ts';
import type { EncodedConfig, EncodedPicture } from './encoded-picture.ts';
import { History } from './history.ts';
import { planReplay, REORDER_FRAMES } from './replay.ts';
import { Run, type RunSettings } from './run.ts';
import { SourceConfigs } from './source-configs.ts';
import { SourceTimeline } from './source-timeline.ts';
import { RungWriter, type RungCounts } from './to-bus.ts';

/** What an epoch's encode needs from its broadcast. */
export type EpochOptions = {
  readonly source: SourceCatalog;
  readonly fence: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: () => RunSettings;
  readonly producer: (track: TrackName) => Pick<TrackProducer, 'write'>;
  /** Where to begin, after another transcoder. */
  readonly beginning?: Beginning | undefined;
  /** Called with each group that may be begun from now on. */
  readonly onGroup?: (group: number) => void;
  /** Called when the present run is gone without having been asked to go. */
  readonly onFault: (run: Run, exit: FfmpegExit) => void;
  /** Called where a picture could not be written: another transcoder took over. */
  readonly onFenced: (thrown: unknown) => void;
};

type Held = { readonly track: TrackName; readonly picture: EncodedPicture; readonly config: EncodedConfig };

/**
 * The encode of one epoch: one ffmpeg at a time, and for the length of a hand-over two. Pictures of a new run are held
 * until the one before has given its last, so a rung's frames stay in order.
 */
export class EpochEncode {
  readonly source: SourceCatalog;
  readonly #options: EpochOptions;
  readonly #timeline: SourceTimeline;
  readonly #history = new History();
  readonly #configs = new SourceConfigs();
  readonly #writers = new Map<TrackName, RungWriter>();
  /** Runs that are not gone, or not written to their end, oldest first. */
  readonly #runs: { readonly run: Run; readonly held: Held[]; gone: boolean }[] = [];
  /** Settles before anything of this epoch may be written. */
  readonly #opened: Promise<void>;
  #open = false;
  #encode: Encode | undefined;
  /** What to change to at the next group. */
  #next: { readonly encode: Encode | undefined } | undefined;
  #run: Run | undefined;
  /** Where the rungs after a planned change begin. */
  #notBefore: Ticks | undefined;
  #paused = false;
  #finishing = false;
  /** Groups up to this one are another transcoder's, and none of ours was begun yet. */
  #after: number | undefined;
  /** This group and later ones are another transcoder's. */
  #before = Infinity;
  #isOver = false;
  /** Nothing was fed since {@link rest}; what was fed before still comes out. */
  #isResting = false;
  #isFlushing = false;

  constructor(options: EpochOptions, encode: Encode | undefined, after: Promise<void>) {
    this.source = options.source;
    this.#options = options;
    this.#timeline = new SourceTimeline(options.source.grouping);
    this.#encode = encode;
    this.#after = options.beginning?.after;
    this.#opened = after.then(() => {
      this.#open = true;
      this.#release();
    });
  }

  /** The run that is fed. */
  get run(): Run | undefined {
    return this.#run;
  }

  /** What is encoded, or will be from the next group on. */
  get encode(): Encode | undefined {
    return this.#next === undefined ? this.#encode : this.#next.encode;
  }

  /** Output behind what was fed. */
  get lag(): Millis {
    const run = this.#run;
    if (run === undefined) {
      return millis(0);
    }
    const written = run.encode.rungs.map(({ track }) => this.#writers.get(track)?.cursor.end ?? run.lastFed);
    const out = run.lastOut ?? Math.min(run.lastFed, ...written);
    return ticksToMillis(Math.max(0, run.lastFed - out) as Ticks, VIDEO_TIMESCALE);
  }

  /** What each rung has given out and lost. */
  get counts(): ReadonlyMap<TrackName, RungCounts> {
    return new Map([...this.#writers].map(([track, writer]) => [track, writer.counts]));
  }

  /** True while nothing comes: see {@link rest}. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** True once everything up to {@link endBefore} was fed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes the next source frame. */
  feed(frame: Frame): void {
    if (frame.index === 0 && this.#next !== undefined) {
      this.#handOver(frame);
    }
    this.#timeline.add(frame.group <= (this.#options.beginning?.told ?? -1) ? withoutEvents(frame) : frame);
    this.#configs.learn(frame);
    if (this.#isBeyond(frame)) {
      this.#isOver = true;
      this.#writers.forEach((writer) => writer.settle());
      return;
    }
    if (!this.#history.add(frame) || this.#isAnothers(frame)) {
      return;
    }
    this.#isResting = false;
    if (frame.index === 0 && frame.group < this.#before && this.#encode !== undefined) {
      this.#options.onGroup?.(frame.group);
    }
    if (this.#run === undefined) {
      this.#start();
    } else {
      this.#run.feed(frame);
    }
    this.#writers.forEach((writer) => writer.settle());
    if (frame.index === 0) {
      this.#forget(frame.pts);
    }
  }

  /** Frames are missing before the next one: a picture made across the hole would be broken. */
  skip(): void {
    this.#history.clear();
  }

  /** Changes to another set of rungs at the next group: the new ffmpeg begins where the old one ends. */
  change(encode: Encode | undefined): void {
    this.#next = { encode };
  }

  /** Leaves a group and all later ones to another transcoder; those before are given out whole. `Infinity` takes it back. */
  endBefore(group: number): void {
    this.#before = group;
    this.#writers.forEach((writer) => writer.endBefore(group));
  }

  /** Holds restarts back until {@link resume}. */
  pause(): void {
    this.#paused = true;
  }

  /** Starts again what a fault ended, as soon as the frames allow. */
  resume(): void {
    this.#paused = false;
    this.#start();
  }

  /**
   * Nothing comes any more, for now: what was fed comes out. Where the epoch goes on after all, the next ffmpeg begins where this one ended.
   */
  rest(): void {
    if (!this.#isResting && !this.#finishing) {
      this.#isResting = true;
      this.#isFlushing = true;
      this.#run?.end();
      this.#run = undefined;
      void this.#gone().then(() => this.#rested());
    }
  }

  /** Ends the input. Settles when all that was inside is written, or 2 s later. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#run?.end();
    await this.#gone();
    this.#flush();
  }

  /** Ends every ffmpeg at once. */
  async kill(): Promise<void> {
    this.#finishing = true;
    this.#runs.forEach(({ run }) => run.kill());
    await this.#gone();
  }

  #rested(): void {
    this.#flush();
    this.#isFlushing = false;
    if (!this.#isResting) {
      this.#start();
    }
  }

  #flush(): void {
    try {
      this.#writers.forEach((writer) => writer.flush());
    } catch (thrown) {
      this.#options.onFenced(thrown);
    }
  }

  async #gone(): Promise<void> {
    await this.#opened;
    await Promise.all(this.#runs.map(({ run }) => run.exited));
  }

  #start(): void {
    if (this.#paused || this.#finishing || this.#isFlushing || this.#encode === undefined || this.#run !== undefined) {
      return;
    }
    const encode = this.#encode;
    const cursors = encode.rungs.map((rung) => this.#writerOf(rung).cursor);
    const replay = planReplay(this.#history.frames, this.source.grouping, cursors, this.#notBefore);
    if (replay === undefined) {
      return;
    }
    this.#notBefore = undefined;
    const held: Held[] = [];
    const run = new Run({
      encode,
      replay,
      configs: this.#configs,
      settings: this.#options.settings(),
      clock: this.#options.clock,
      log: this.#options.log,
      onPicture: (track, picture, config) => {
        held.push({ track, picture, config });
        this.#release();
      },
    });
    this.#run = run;
    this.#runs.push({ run, held, gone: false });
    void run.exited.then((exit) => this.#left(run, exit));
  }

  /** B-frames of the last group may come after the first frame of the next one. */
  #isBeyond({ group, index }: Frame): boolean {
    return group >= this.#before && (index >= (this.#encode?.input.reordered === true ? REORDER_FRAMES : 0) || group > this.#before);
  }

  /** Frames of groups that another may have begun are only there to decode from. */
  #isAnothers(frame: Frame): boolean {
    if (this.#after !== undefined && frame.group > this.#after) {
      this.#after = undefined;
      this.#notBefore = frame.pts;
    }
    return this.#after !== undefined;
  }

  /** The old run gets no more; the new one begins with the group that `frame` starts. */
  #handOver(frame: Frame): void {
    this.#encode = this.#next?.encode;
    this.#next = undefined;
    this.#run?.end();
    this.#run = undefined;
    this.#notBefore = frame.pts;
  }

  #left(run: Run, exit: FfmpegExit): void {
    for (const known of this.#runs) {
      known.gone ||= known.run === run;
    }
    this.#release();
    if (this.#run === run) {
      this.#run = undefined;
      if (!this.#finishing) {
        this.#options.onFault(run, exit);
      }
    }
  }

  /** Writes what the oldest run gave; when it is gone, what the next one gave meanwhile. */
  #release(): void {
    while (this.#open && this.#runs.length > 0) {
      const oldest = this.#runs[0];
      this.#write(oldest?.held.splice(0) ?? []);
      if (oldest?.gone !== true) {
        return;
      }
      this.#runs.shift();
    }
  }

  #write(pictures: readonly Held[]): void {
    try {
      pictures.forEach(({ track, picture, config }) => this.#writers.get(track)?.write(picture, config));
    } catch (thrown) {
      this.#options.onFenced(thrown);
    }
  }

  #writerOf(rung: EncodedRung): RungWriter {
    let writer = this.#writers.get(rung.track);
    if (writer === undefined) {
      const { source, fence, producer, beginning } = this.#options;
      writer = new RungWriter({ broadcast: source.broadcast, epoch: source.epoch, fence, rung, timeline: this.#timeline, producer: producer(rung.track), after: beginning?.after });
      writer.endBefore(this.#before);
      this.#writers.set(rung.track, writer);
    }
    return writer;
  }

  /** What every rung has given out is not needed again. */
  #forget(now: Ticks): void {
    const ends = (this.#encode?.rungs ?? []).map(({ track }) => this.#writers.get(track)?.cursor.end);
    if (!ends.includes(undefined)) {
      this.#history.forgetBefore(Math.min(now, ...ends.map(Number)) as Ticks);
    }
  }
}

function withoutEvents(frame: Frame): Frame {
  const { events: _told, ...rest } = frame;
  return rest;
}
