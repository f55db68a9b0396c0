import type { Bus, Lease, TrackConsumer, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, SourceCatalog } from '#core/bus/catalog.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, ticksToMillis, VIDEO_TIMESCALE, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Capacity } from '../capacity.ts';
import type { WebrtcRenditions } from '../config.ts';
import type { FfmpegExit } from '../ffmpeg/process.ts';
import type { H264Profile } from '../plan/level.ts';
import { inWords, planLadder, type Encode, type Plan } from '../plan/plan.ts';
import { AudioTranscoder } from './audio/audio-transcoder.ts';
import { Backoff } from './backoff.ts';
import { ByEpoch } from './by-epoch.ts';
import { EpochEncode } from './epoch.ts';
import { Health } from './health.ts';
import type { LoadMeter } from './load.ts';
import type { TranscodeMetrics } from './metrics.ts';
import { Producers } from './producers.ts';
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
  readonly profile: H264Profile;
  /** When to encode what only WebRTC viewers need. */
  readonly webrtc: WebrtcRenditions;
  /** Whether this ffmpeg encodes Opus. */
  readonly opus: boolean;
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

/** Encodes one broadcast from its first epoch to its end. */
export class BroadcastTranscoder {
  /** Settles when the broadcast is over, or was handed to another transcoder, and nothing of it runs any more. */
  readonly closed: Promise<void>;
  readonly #options: BroadcastOptions;
  readonly #log: Logger;
  /** By epoch: its source, and what was planned for it. */
  readonly #epochs = new ByEpoch<{ readonly source: SourceCatalog; readonly encode: Encode | undefined }>();
  readonly #audio: AudioTranscoder;
  readonly #producers: Producers;
  readonly #subscriptions: Unsubscribe[] = [];
  readonly #backoff = new Backoff();
  readonly #shedding = new Shedding();
  readonly #health: Health;
  #watch = new Watch();
  #watchedRun: Run | undefined;
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
  /** Tracks that are being read. */
  #reading = 0;
  /** Whether a WebRTC viewer is there now, and whether this epoch encodes for one. */
  #webrtcViewers = false;
  #forWebrtc = false;
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
    this.#producers = new Producers(options.bus, broadcast, options.lease.fence);
    this.#audio = new AudioTranscoder({
      bus: options.bus,
      broadcast,
      fence: options.lease.fence,
      clock: options.clock,
      log: this.#log,
      ffmpegPath: () => options.settings().ffmpegPath,
      backlog: BACKLOG,
      onRestart: (now) => this.#health.restarted(now),
      onFenced: (thrown) => this.#fenced(thrown),
    });
    this.#subscriptions.push(
      options.bus.onCatalog(broadcast, 'audience', ({ viewers }) => this.#guarded(() => this.#watched((viewers.webrtc ?? 0) > 0))),
      options.bus.onCatalog(broadcast, 'source', (source) => this.#guarded(() => this.#take(source))),
    );
    this.#timer = setInterval(() => this.#tick(), TICK);
    void options.lease.lost.then(() => this.close());
  }

  /** Process ids of the ffmpegs that run now: the picture's, then the sound's. */
  get pids(): readonly number[] {
    return [this.#epoch?.run?.pid, this.#audio.pid].filter((pid) => pid !== undefined);
  }

  /** Told of every change of the broadcast's state. */
  changed(info: BroadcastInfo): void {
    this.#interrupted = info.state !== 'live';
    // After this turn: its last frame may have left the queue and not be fed yet.
    setImmediate(() => this.#endIdle());
    this.#audio.changed(this.#interrupted);
    if (info.state === 'ended' && this.#reading === 0) {
      void this.close();
    }
  }

  /** The publisher is gone and all it sent was fed: what the decoder holds back may come out. */
  #endIdle(): void {
    if (this.#interrupted && this.#consumer?.queued.frames === 0 && this.#closing === undefined) {
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
    this.#subscriptions.forEach((unsubscribe) => unsubscribe());
    this.#consumer?.close();
    this.#epochs.close();
    await Promise.all([this.#epoch?.kill(), this.#audio.close()]);
    await this.#finishing;
    this.#release();
  }

  /** The broadcast is over: what was fed still comes out. */
  async #finish(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#restartTimer);
    this.#endEpoch();
    await Promise.all([this.#finishing, this.#audio.finish()]);
    await this.close();
  }

  #release(): void {
    this.#producers.close();
    this.#options.lease.release();
    this.#options.capacity.spend(this.#options.info.broadcast, 0);
    this.#options.metrics.forget(this.#options.info.stream);
    this.#settle();
  }

  /** Called from the turn in which somebody wrote a catalog: nothing may be thrown back at it. */
  #guarded(take: () => void): void {
    try {
      take();
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
    if (before?.epoch !== source.epoch) {
      const { webrtc } = this.#options;
      this.#forWebrtc = webrtc === 'on' || (webrtc === 'auto' && this.#webrtcViewers);
    }
    this.#replan(source);
  }

  /** A WebRTC viewer has come, or the last one has gone: what they need is encoded from then on to the epoch's end. */
  #watched(viewers: boolean): void {
    this.#webrtcViewers = viewers;
    if (viewers && this.#options.webrtc === 'auto' && !this.#forWebrtc && this.#source !== undefined && this.#closing === undefined) {
      this.#forWebrtc = true;
      this.#log.info({ epoch: this.#source.epoch }, 'a WebRTC viewer is here: encoding what WebRTC needs');
      this.#changeRungs();
    }
  }

  /** Reads a track to its end; when the last one has ended, the broadcast is over. */
  #read(track: Promise<void>): void {
    this.#reading += 1;
    const over = async (): Promise<void> => {
      await track;
      this.#reading -= 1;
      await (this.#reading === 0 && this.#closing === undefined ? this.#finish() : undefined);
    };
    over().catch((thrown: unknown) => this.#failed(thrown));
  }

  #replan(source: SourceCatalog): void {
    const { bus, capacity, lease, ladder, info } = this.#options;
    const forWebrtc = { video: this.#forWebrtc, audio: this.#forWebrtc && this.#options.opus };
    this.#plan = planLadder({ source, ladder, budget: this.#budget, shed: this.#shedding.shed, profile: this.#options.profile, forWebrtc });
    this.#revision += 1;
    capacity.spend(info.broadcast, this.#plan.cost);
    const { renditions, omitted, partTarget } = this.#plan;
    const { stream, broadcast, epoch } = source;
    bus.putCatalog(broadcast, 'ladder', { stream, broadcast, epoch, fence: lease.fence, revision: this.#revision, partTarget, renditions, omitted });
    this.#health.planned(this.#plan, this.#shedding.shed);
    this.#log.info({ epoch, ...inWords(this.#plan) }, 'ladder planned');
    this.#encode(source, this.#plan);
  }

  /** Lets the frames of an epoch be encoded as planned, and begins to read them. */
  #encode(source: SourceCatalog, plan: Plan): void {
    this.#epochs.put(source.epoch, { source, encode: plan.encode });
    const audio = this.#audio.plan(source, plan.audio);
    if (audio !== undefined) {
      this.#read(audio);
    }
    if (plan.encode !== undefined && this.#consumer === undefined) {
      this.#consumer = this.#options.bus.consume(source.broadcast, VIDEO, { backlog: BACKLOG });
      this.#read(this.#pump(this.#consumer));
    }
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
    return (await this.#epochs.wait(epoch))?.source;
  }

  #beginEpoch(source: SourceCatalog): void {
    this.#endEpoch();
    const { lease, clock, settings } = this.#options;
    this.#epoch = new EpochEncode(
      {
        source,
        fence: lease.fence,
        clock,
        log: this.#log,
        settings,
        producer: (track) => this.#producers.of(track),
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
    if (run !== this.#watchedRun) {
      this.#watchedRun = run;
      this.#watch = new Watch();
    }
    if (epoch !== undefined && run !== undefined) {
      this.#judge(epoch, run, lag, now);
    }
    this.#audio.tick(now);
    const back = this.#shedding.observe(this.#options.load(), now);
    if (back !== undefined) {
      this.#log.info({ rung: back }, 'the machine has room again: the rung comes back');
      this.#changeRungs();
    }
    this.#health.observe({ now, lag, epoch, audio: this.#audio.counts });
  }

  #judge(epoch: EpochEncode, run: Run, lag: Millis, now: WallTime): void {
    const { startedAt, lastPictureAt, prelude } = run;
    const verdict = this.#watch.observe({ now, startedAt, lastPictureAt, fedSincePicture: run.fedSincePicture, lag, prelude: ticksToMillis(prelude, VIDEO_TIMESCALE) });
    if (verdict === 'hung') {
      this.#log.warn({ ffmpeg: run.pid, fed: run.fedSincePicture }, 'ffmpeg takes frames and gives none; ending it');
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
