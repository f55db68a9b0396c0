import type { Bus, Lease, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, LadderCatalog, SourceCatalog } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import { millis, ticksToMillis, VIDEO_TIMESCALE, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Capacity } from '../capacity.ts';
import type { WebrtcRenditions } from '../config.ts';
import type { FfmpegExit } from '../ffmpeg/process.ts';
import { Tenure } from '../jobs/tenure.ts';
import { beginningOf, type GroupPlace, type TakenGroups } from '../jobs/taken-groups.ts';
import type { H264Profile } from '../plan/level.ts';
import { inWords, planLadder, type Plan } from '../plan/plan.ts';
import { AudioTranscoder } from './audio/audio-transcoder.ts';
import type { EpochEncode } from './epoch.ts';
import { Health } from './health.ts';
import { Ladder } from './ladder.ts';
import type { LoadMeter } from './load.ts';
import type { TranscodeMetrics } from './metrics.ts';
import { PictureTranscoder } from './picture.ts';
import type { Run, RunSettings } from './run.ts';
import { sameSource } from './same-source.ts';
import { Shedding } from './shedding.ts';
import { Watch } from './watch.ts';

/** What a broadcast's transcoder works with. */
export type BroadcastOptions = {
  readonly bus: Bus;
  readonly info: BroadcastInfo;
  readonly lease: Lease;
  /** What the transcoder before left. */
  readonly before?: TakenGroups | undefined;
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

/** Encodes one broadcast from its first epoch to its end, or for as long as no other transcoder has it. */
export class BroadcastTranscoder {
  /** Settles when the broadcast is over, or another transcoder has it, and nothing of it runs here any more. */
  readonly closed: Promise<void>;
  readonly #options: BroadcastOptions;
  readonly #log: Logger;
  readonly #tenure: Tenure;
  readonly #ladder: Ladder;
  readonly #picture: PictureTranscoder;
  readonly #audio: AudioTranscoder;
  readonly #subscriptions: Unsubscribe[] = [];
  readonly #shedding = new Shedding();
  readonly #health: Health;
  readonly #timer: NodeJS.Timeout;
  #watch = new Watch();
  #watchedRun: Run | undefined;
  #source: SourceCatalog | undefined;
  /** What came while the broadcast was being handed over. */
  #missed: SourceCatalog | undefined;
  #plan: Plan | undefined;
  #state: BroadcastInfo['state'];
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
    const { bus, clock, metrics, settings, before, lease, info } = options;
    const { stream, broadcast } = info;
    const { fence } = lease;
    this.#state = info.state;
    this.#log = options.log.child({ stream, broadcast });
    this.#health = new Health({ bus, broadcast, stream, clock, metrics });
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#tenure = new Tenure({ bus, broadcast, lease, before, log: this.#log, onLost: () => void this.close() });
    this.#ladder = new Ladder({ bus, broadcast, fence, mayWrite: () => this.#tenure.mayWrite, onSuccessor: () => this.#tenure.succeeded() });
    const common = {
      bus,
      broadcast,
      fence,
      clock,
      log: this.#log,
      producers: this.#tenure.producers,
      backlog: BACKLOG,
      beginningOf: (epoch: number) => beginningOf(before, epoch),
      onGroup: (epoch: number, group: number) => this.#tenure.begins(epoch, group),
      onRestart: (now: WallTime) => this.#health.restarted(now),
      onFenced: (thrown: unknown) => this.#tenure.fenced(thrown),
    };
    this.#picture = new PictureTranscoder({ ...common, stream, settings, onBarren: options.onBarren, onGroupsLost: (groups) => metrics.groupsLost(stream, groups) });
    this.#audio = new AudioTranscoder({ ...common, ffmpegPath: () => settings().ffmpegPath });
    this.#timer = setInterval(() => this.#tick(), TICK);
    this.#subscriptions.push(
      bus.onCatalog(broadcast, 'audience', ({ viewers }) => this.#guarded(() => this.#watched((viewers.webrtc ?? 0) > 0))),
      bus.onCatalog(broadcast, 'source', (source) => this.#guarded(() => this.#take(source))),
    );
  }

  /** Process ids of the ffmpegs that run now: the picture's, then the sound's. */
  get pids(): readonly number[] {
    return [this.#picture.pid, this.#audio.pid].filter((pid) => pid !== undefined);
  }

  /** Megapixels per second that it spends. */
  get cost(): number {
    return this.#plan?.cost ?? 0;
  }

  /** Told of every change of the broadcast's state. */
  changed(info: BroadcastInfo): void {
    this.#state = info.state;
    this.#picture.changed(info.state !== 'live');
    this.#audio.changed(info.state !== 'live');
    if (info.state === 'ended' && this.#reading === 0) {
      void this.close();
    }
  }

  /**
   * Hands the broadcast to another transcoder: whole groups are given out up to one a little ahead, and the other begins with the next.
   *
   * @returns false where nobody took it and it goes on here; ask again.
   */
  async handOver(to: NodeId): Promise<boolean> {
    const handedOver = await this.#tenure.handOver(to, {
      newest: () => latest(this.#picture.newest, this.#audio.newest),
      leave: async (at) => {
        await Promise.all([this.#picture.leave(at), this.#audio.leave(at)]);
      },
      stay: () => [this.#picture.stay(), this.#audio.stay()].every(Boolean),
    });
    if (handedOver) {
      await this.close();
    } else if (this.#missed !== undefined) {
      this.#take(this.#missed);
    }
    return handedOver;
  }

  /** Ends every ffmpeg and gives everything back. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    this.#subscriptions.forEach((unsubscribe) => unsubscribe());
    this.#ladder.close();
    await Promise.all([this.#picture.close(), this.#audio.close()]);
    const { capacity, info, metrics } = this.#options;
    await this.#tenure.close({ isOver: this.#state === 'ended' });
    capacity.spend(info.broadcast, 0);
    metrics.forget(info.stream);
    this.#settle();
  }

  /** The broadcast is over: what was fed still comes out. */
  async #finish(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#picture.finish(), this.#audio.finish()]);
    await this.close();
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
    this.#missed = this.#tenure.isEnding ? source : undefined;
    if (this.#tenure.isEnding) {
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
      const inherited = this.#ladder.inheritedFor(source.epoch)?.renditions.some(isForWebrtcOnly) === true;
      this.#forWebrtc = webrtc === 'on' || (webrtc === 'auto' && (this.#webrtcViewers || inherited));
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
  #read(track: Promise<void> | undefined): void {
    if (track === undefined) {
      return;
    }
    this.#reading += 1;
    const over = async (): Promise<void> => {
      await track;
      this.#reading -= 1;
      await (this.#reading === 0 && this.#closing === undefined ? this.#finish() : undefined);
    };
    over().catch((thrown: unknown) => this.#failed(thrown));
  }

  #replan(source: SourceCatalog): void {
    const { capacity, ladder, info, profile, opus } = this.#options;
    const forWebrtc = { video: this.#forWebrtc, audio: this.#forWebrtc && opus };
    const inherited = this.#ladder.inheritedFor(source.epoch);
    this.#plan = planLadder({ source, ladder, budget: this.#budget, shed: this.#shedding.shed, profile, forWebrtc, inherited });
    capacity.spend(info.broadcast, this.#plan.cost);
    this.#ladder.put(source, this.#plan);
    this.#health.planned(this.#plan, this.#shedding.shed);
    this.#log.info({ epoch: source.epoch, ...inWords(this.#plan) }, 'ladder planned');
    this.#read(this.#audio.plan(source, this.#plan.audio));
    this.#read(this.#picture.plan(source, this.#plan.encode));
  }

  #tick(): void {
    const now = this.#options.clock();
    const { epoch } = this.#picture;
    const run = epoch?.run;
    const lag = epoch === undefined ? millis(0) : millis(epoch.lag + this.#queuedMedia());
    this.#tenure.tick();
    if (run !== this.#watchedRun) {
      this.#watchedRun = run;
      this.#watch = new Watch();
    }
    if (epoch !== undefined && run !== undefined) {
      this.#judge(epoch, run, lag, now);
    }
    this.#audio.tick(now);
    const back = this.#shedding.shed.length === 0 ? undefined : this.#shedding.observe(this.#options.load(), now);
    if (back !== undefined) {
      this.#log.info({ rung: back }, 'the machine has room again: the rung comes back');
      this.#changeRungs();
    }
    if (this.#tenure.mayWrite && !this.#tenure.isEnding) {
      this.#health.observe({ now, lag, epoch, audio: this.#audio.counts });
    }
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
    if (this.#source !== undefined && !this.#tenure.isEnding) {
      this.#replan(this.#source);
      this.#picture.change(this.#source.epoch, this.#plan?.encode);
    }
  }

  /** How much media waits to be fed. */
  #queuedMedia(): Millis {
    const rate = this.#source?.tracks.find(({ name }) => name === VIDEO)?.video?.frameRate ?? 30;
    return millis((this.#picture.queued * 1000) / rate);
  }
}

function isForWebrtcOnly({ mode, faces }: LadderCatalog['renditions'][number]): boolean {
  return mode === 'encoded' && !faces.includes('hls');
}

function latest(a: GroupPlace | undefined, b: GroupPlace | undefined): GroupPlace | undefined {
  if (a === undefined || b === undefined) {
    return a ?? b;
  }
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.group > b.group) ? a : b;
}
