import type { Bus, Lease, TrackConsumer, TrackProducer, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, SourceCatalog } from '#core/bus/catalog.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, ticksToMillis, VIDEO_TIMESCALE, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import { trackName, type TrackName } from '#core/media/track.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Capacity } from '../capacity.ts';
import type { FfmpegExit } from '../ffmpeg/process.ts';
import { planLadder, type Encode, type Plan } from '../plan/plan.ts';
import { Backoff } from './backoff.ts';
import { EpochEncode } from './epoch.ts';
import { Health } from './health.ts';
import type { LoadMeter } from './load.ts';
import type { TranscodeMetrics } from './metrics.ts';
import type { Run, RunSettings } from './run.ts';
import { sameSource } from './same-source.ts';
import { Shedding } from './shedding.ts';
import { Watch } from './watch.ts';

/** What a broadcast's transcoder works with. */
export type BroadcastOptions = {
  readonly bus: Bus;
  readonly info: BroadcastInfo;
  readonly lease: Lease;
  readonly ladder: LadderSetting;
  readonly capacity: Capacity;
  readonly settings: () => RunSettings;
  /** Told of a run that ended without a picture; gives true where another encoder shall be tried. */
  readonly onBarren: (run: Run, exit: FfmpegExit) => boolean;
  readonly clock: Clock;
  readonly load: LoadMeter;
  readonly log: Logger;
  readonly metrics: TranscodeMetrics;
};

/** How far back a late start begins, so that viewers of rungs get a playlist with something in it. */
const BACKLOG = millis(8000);
const TICK = 250;
const VIDEO = trackName('video');
/** Epochs whose catalog is kept while their frames are still to come. */
const KEPT_EPOCHS = 4;

/** Encodes one broadcast from its first epoch to its end. */
export class BroadcastTranscoder {
  /** Settles when the broadcast is over, or was handed to another transcoder, and nothing of it runs any more. */
  readonly closed: Promise<void>;
  readonly #options: BroadcastOptions;
  readonly #log: Logger;
  /** By epoch: its source, and what was planned for it. */
  readonly #epochs = new Map<number, { readonly source: SourceCatalog; encode: Encode | undefined }>();
  readonly #producers = new Map<TrackName, TrackProducer>();
  readonly #unsubscribe: Unsubscribe;
  readonly #backoff = new Backoff();
  readonly #shedding = new Shedding();
  readonly #health: Health;
  #watch = new Watch();
  #watched: Run | undefined;
  #consumer: TrackConsumer | undefined;
  #source: SourceCatalog | undefined;
  #plan: Plan | undefined;
  #revision = 0;
  #epoch: EpochEncode | undefined;
  #finishing: Promise<void> = Promise.resolve();
  #interrupted = false;
  /** Epochs up to this one are over, whatever still comes of them. */
  #finishedEpoch = -1;
  #timer: NodeJS.Timeout;
  #restartTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #settle: () => void = () => undefined;
  /** Lets the pump go on when a catalog came. */
  #wake: () => void = () => undefined;
  /** Megapixels per second that the source's ladder may spend, fixed while the source stays the same. */
  #budget = 0;

  constructor(options: BroadcastOptions) {
    this.#options = options;
    const { stream, broadcast } = options.info;
    this.#log = options.log.child({ stream, broadcast });
    this.#health = new Health({ bus: options.bus, broadcast, stream, clock: options.clock, metrics: options.metrics });
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#unsubscribe = options.bus.onCatalog(broadcast, 'source', (source) => this.#plansFor(source));
    this.#timer = setInterval(() => this.#tick(), TICK);
    void options.lease.lost.then(() => this.close());
  }

  /** ffmpeg's process id, for tests and the log. */
  get pid(): number | undefined {
    return this.#epoch?.run?.pid;
  }

  /** Told of every change of the broadcast's state. */
  changed(info: BroadcastInfo): void {
    this.#interrupted = info.state !== 'live';
    this.#endIdle();
    if (info.state === 'ended' && this.#consumer === undefined) {
      void this.close();
    }
  }

  /** The publisher is gone and all it sent was fed: what the decoder holds back may come out. */
  #endIdle(): void {
    if (this.#interrupted && this.#consumer?.queued.frames === 0) {
      this.#finishedEpoch = Math.max(this.#finishedEpoch, this.#epoch?.source.epoch ?? -1);
      this.#endEpoch();
    }
  }

  /** Ends every ffmpeg and gives everything back. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#restartTimer);
    this.#unsubscribe();
    this.#consumer?.close();
    this.#wake();
    await this.#epoch?.kill();
    await this.#finishing;
    this.#release();
  }

  /** The broadcast is over: what was fed still comes out. */
  async #finish(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#restartTimer);
    this.#endEpoch();
    await this.#finishing;
    await this.close();
  }

  #release(): void {
    this.#producers.forEach((producer) => producer.close());
    this.#options.lease.release();
    this.#options.capacity.spend(this.#options.info.broadcast, 0);
    this.#options.metrics.forget(this.#options.info.stream);
    this.#settle();
  }

  /** Called from the turn in which ingest wrote the catalog: nothing may be thrown back at it. */
  #plansFor(source: SourceCatalog): void {
    try {
      this.#take(source);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #failed(thrown: unknown): void {
    this.#log.error({ reason: messageOf(thrown) }, 'the transcoder of this broadcast cannot go on');
    void this.close();
  }

  #take(source: SourceCatalog): void {
    if (this.#closing !== undefined) {
      return;
    }
    const before = this.#source;
    this.#source = source;
    if (before === undefined || !sameSource(before, source)) {
      this.#shedding.clear();
      this.#budget = this.#options.capacity.leftFor(source.broadcast);
    }
    this.#replan(source);
    this.#wake();
    if (this.#plan?.encode !== undefined && this.#consumer === undefined) {
      this.#consumer = this.#options.bus.consume(source.broadcast, VIDEO, { backlog: BACKLOG });
      this.#pump(this.#consumer).catch((thrown: unknown) => this.#failed(thrown));
    }
  }

  #replan(source: SourceCatalog): void {
    const { bus, capacity, lease, ladder, info } = this.#options;
    this.#plan = planLadder({ source, ladder, budget: this.#budget, shed: this.#shedding.shed });
    this.#epochs.set(source.epoch, { source, encode: this.#plan.encode });
    [...this.#epochs.keys()].slice(0, -KEPT_EPOCHS).forEach((epoch) => this.#epochs.delete(epoch));
    this.#revision += 1;
    capacity.spend(info.broadcast, this.#plan.cost);
    const { renditions, omitted, partTarget } = this.#plan;
    const { stream, broadcast, epoch } = source;
    bus.putCatalog(broadcast, 'ladder', { stream, broadcast, epoch, fence: lease.fence, revision: this.#revision, partTarget, renditions, omitted });
    this.#health.rungs(renditions, this.#shedding.shed);
    this.#log.info(
      {
        epoch,
        renditions: renditions.map(({ label, mode }) => `${label} ${mode}`),
        omitted: omitted.map(({ label, reason }) => `${label}: ${reason}`),
        megapixelsPerSecond: Math.round(this.#plan.cost),
      },
      'ladder planned',
    );
  }

  async #pump(consumer: TrackConsumer): Promise<void> {
    let losses = 0;
    for (;;) {
      const frame = await consumer.next();
      if (frame === undefined) {
        break;
      }
      const source = await this.#catalogOf(frame.epoch);
      if (source === undefined || this.#closing !== undefined || frame.epoch <= this.#finishedEpoch) {
        continue;
      }
      if (this.#epoch?.source.epoch !== frame.epoch) {
        this.#beginEpoch(source);
      }
      if (consumer.losses.groups !== losses) {
        this.#options.metrics.groupsLost(source.stream, consumer.losses.groups - losses);
        losses = consumer.losses.groups;
        this.#epoch?.skip();
      }
      await this.#feed(frame);
      this.#endIdle();
    }
    if (this.#closing === undefined) {
      await this.#finish();
    }
  }

  async #feed(frame: Frame): Promise<void> {
    const epoch = this.#epoch;
    epoch?.feed(frame);
    // A run that does not read is a matter of the watch; the consumer's queue is what gives way meanwhile.
    while (epoch?.run?.congested === true && this.#closing === undefined) {
      await epoch.run.relieved();
    }
  }

  /** The catalog of a frame's epoch: at once, or when it comes; undefined where the frame is of the past. */
  async #catalogOf(epoch: number): Promise<SourceCatalog | undefined> {
    if (this.#epoch !== undefined && this.#epoch.source.epoch < epoch) {
      this.#endEpoch();
    }
    while (!this.#epochs.has(epoch) && epoch > (this.#source?.epoch ?? -1) && this.#closing === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#epochs.get(epoch)?.source;
  }

  #beginEpoch(source: SourceCatalog): void {
    this.#endEpoch();
    const { lease, clock, settings, bus } = this.#options;
    this.#epoch = new EpochEncode(
      {
        source,
        fence: lease.fence,
        clock,
        log: this.#log,
        settings,
        producer: (track) => this.#producer(bus, track),
        onFault: (run, exit) => this.#fault(run, exit),
        onFenced: (thrown) => this.#fenced(thrown),
      },
      this.#epochs.get(source.epoch)?.encode,
      this.#finishing,
    );
  }

  #endEpoch(): void {
    if (this.#epoch !== undefined) {
      clearTimeout(this.#restartTimer);
      this.#finishing = this.#epoch.finish();
      this.#epoch = undefined;
    }
  }

  #producer(bus: Bus, track: TrackName): TrackProducer {
    let producer = this.#producers.get(track);
    if (producer === undefined) {
      producer = bus.produce(this.#options.info.broadcast, track, { fence: this.#options.lease.fence });
      this.#producers.set(track, producer);
    }
    return producer;
  }

  #fault(run: Run, exit: FfmpegExit): void {
    const now = this.#options.clock();
    const again = !run.productive && this.#options.onBarren(run, exit);
    const wait = again ? millis(0) : this.#backoff.after(run.startedAt, now);
    this.#health.restarted(now);
    this.#log.warn({ code: exit.code, signal: exit.signal, complaints: exit.complaints.slice(-5), restartsIn: wait }, 'ffmpeg ended; starting it again');
    const epoch = this.#epoch;
    if (wait === 0) {
      epoch?.resume();
      return;
    }
    epoch?.pause();
    this.#restartTimer = setTimeout(() => epoch?.resume(), wait);
  }

  #fenced(thrown: unknown): void {
    this.#log.warn({ reason: messageOf(thrown) }, 'another transcoder has taken this broadcast over');
    void this.close();
  }

  #tick(): void {
    const now = this.#options.clock();
    const epoch = this.#epoch;
    const run = epoch?.run;
    const lag = epoch === undefined ? millis(0) : millis(epoch.lag + this.#queuedMedia());
    if (run !== this.#watched) {
      this.#watched = run;
      this.#watch = new Watch();
    }
    if (epoch !== undefined && run !== undefined) {
      this.#judge(epoch, run, lag, now);
    }
    const back = this.#shedding.observe(this.#options.load(), now);
    if (back !== undefined) {
      this.#log.info({ rung: back }, 'the machine has room again: the rung comes back');
      this.#changeRungs();
    }
    this.#health.observe({ now, lag, epoch });
  }

  #judge(epoch: EpochEncode, run: Run, lag: Millis, now: WallTime): void {
    const { startedAt, lastPictureAt, prelude } = run;
    const verdict = this.#watch.observe({ now, startedAt, lastPictureAt, fedSincePicture: run.fed.sincePicture, lag, prelude: ticksToMillis(prelude, VIDEO_TIMESCALE) });
    if (verdict === 'hung') {
      this.#log.warn({ ffmpeg: run.pid, fed: run.fed.sincePicture }, 'ffmpeg takes frames and gives none; ending it');
      run.kill();
    } else if (verdict === 'behind') {
      const hls = this.#plan?.renditions.some(({ mode, faces, config }) => mode === 'passthrough' && faces.includes('hls') && config.kind === 'video');
      const shed = this.#shedding.shedCostliest(epoch.encode?.rungs ?? [], now, hls !== true);
      this.#health.behind(now);
      this.#log.warn({ lag, ...(shed === undefined ? {} : { shed }) }, shed === undefined ? 'the encoder falls behind and has no rung left to shed' : 'the encoder falls behind: leaving out its costliest rung');
      if (shed !== undefined) {
        this.#changeRungs();
      }
    }
  }

  #changeRungs(): void {
    if (this.#source !== undefined) {
      this.#replan(this.#source);
      if (this.#epoch?.source.epoch === this.#source.epoch) {
        this.#epoch.change(this.#plan?.encode);
      }
    }
  }

  /** How much media waits in the consumer's queue. */
  #queuedMedia(): Millis {
    const rate = this.#source?.tracks.find(({ name }) => name === VIDEO)?.video?.frameRate ?? 30;
    return millis(((this.#consumer?.queued.frames ?? 0) * 1000) / rate);
  }
}
