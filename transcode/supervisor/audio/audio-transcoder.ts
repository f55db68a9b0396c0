import type { Bus, TrackConsumer } from '#core/bus/bus.ts';
import type { SourceCatalog } from '#core/bus/catalog.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import { millis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import { trackName, type TrackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { FfmpegExit } from '../../ffmpeg/process.ts';
import type { AudioEncode } from '../../plan/audio.ts';
import type { Producers } from '../../jobs/producers.ts';
import type { Beginning, GroupPlace } from '../../jobs/taken-groups.ts';
import { Backoff } from '../backoff.ts';
import { ByEpoch } from '../by-epoch.ts';
import type { FedFfmpeg } from '../fed-ffmpeg.ts';
import { Idle } from '../idle.ts';
import { Leaving } from '../leaving.ts';
import type { RungCounts } from '../to-bus.ts';
import { Watch } from '../watch.ts';
import { AudioEpoch } from './audio-epoch.ts';
import type { VideoHead } from './audio-groups.ts';

/** What a broadcast's transcoder of sound works with. */
export type AudioTranscoderOptions = {
  readonly bus: Bus;
  readonly broadcast: BroadcastId;
  readonly fence: number;
  readonly producers: Producers;
  /** Where to begin in an epoch, after another transcoder. */
  readonly beginningOf: (epoch: number) => Beginning | undefined;
  /** Called with each group that may be begun from now on. */
  readonly onGroup: (epoch: number, group: number) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ffmpegPath: () => string;
  /** How far back it begins. */
  readonly backlog: Millis;
  /** Called when an ffmpeg ended that was not asked to. */
  readonly onRestart: (now: WallTime) => void;
  readonly onFenced: (thrown: unknown) => void;
};

type Planned = { readonly source: SourceCatalog; readonly encode: AudioEncode | undefined };

const AUDIO = trackName('audio');
const VIDEO = trackName('video');
/** Starts of groups that are kept: those of an epoch may come before its sound does. */
const KEPT_HEADS = 64;

/**
 * Encodes the sound of one broadcast, in an ffmpeg of its own: sound never waits for the picture inside ffmpeg, nor the
 * picture for sound that has stopped, and a restart of the one is not heard or seen in the other. It costs one to two
 * per cent of a core.
 */
export class AudioTranscoder {
  readonly #options: AudioTranscoderOptions;
  readonly #epochs = new ByEpoch<Planned>();
  readonly #heads: VideoHead[] = [];
  readonly #backoff = new Backoff();
  #watch = new Watch();
  #watched: FedFfmpeg | undefined;
  #consumer: TrackConsumer | undefined;
  #video: TrackConsumer | undefined;
  #epoch: AudioEpoch | undefined;
  #finishing: Promise<void> = Promise.resolve();
  readonly #idle = new Idle(() => this.#rest());
  /** Another transcoder has what comes. */
  #hasLeft = false;
  #restartTimer: NodeJS.Timeout | undefined;
  #closed = false;
  #newest: GroupPlace | undefined;
  readonly #leaving = new Leaving();

  constructor(options: AudioTranscoderOptions) {
    this.#options = options;
  }

  /** ffmpeg's process id. */
  get pid(): number | undefined {
    return this.#epoch?.run?.pid;
  }

  /** What the encoded track has given out. */
  get counts(): ReadonlyMap<TrackName, RungCounts> {
    return this.#epoch?.counts ?? new Map<TrackName, RungCounts>();
  }

  /**
   * Takes what is planned for an epoch. Nothing is read from the bus before there is something to encode.
   *
   * @returns where it begins to read, what settles when the broadcast is over.
   */
  plan(source: SourceCatalog, encode: AudioEncode | undefined): Promise<void> | undefined {
    this.#epochs.put(source.epoch, { source, encode });
    if (encode === undefined || this.#closed) {
      return undefined;
    }
    const { bus, broadcast, backlog } = this.#options;
    if (source.grouping.mode === 'source' && source.tracks.some(({ name }) => name === VIDEO)) {
      this.#video ??= bus.consume(broadcast, VIDEO, { backlog });
    }
    if (this.#consumer !== undefined) {
      return undefined;
    }
    this.#consumer = bus.consume(broadcast, AUDIO, { backlog });
    return this.#pump(this.#consumer);
  }

  /** The newest group that was fed; undefined while nothing is encoded. */
  get newest(): GroupPlace | undefined {
    return this.#epoch === undefined || this.#epoch.isResting ? undefined : this.#newest;
  }

  /** Leaves a group and all that follow to another transcoder; settles when everything before is written. */
  leave(at: GroupPlace): Promise<void> {
    const written = this.#leaving.begin(at, this.#epoch === undefined || this.#epoch.isResting);
    this.#epoch?.endBefore(this.#leaving.limitOf(this.#epoch.source.epoch));
    return written;
  }

  /** Nobody has followed: goes on. False where it was too late. */
  stay(): boolean {
    const stays = this.#leaving.takeBack();
    if (stays) {
      this.#epoch?.endBefore(Infinity);
    }
    return stays;
  }

  /** Told whether a publisher is sending. */
  changed(interrupted: boolean): void {
    this.#idle.changed(interrupted);
  }

  /** Judges the present ffmpeg; called a few times a second. */
  tick(now: WallTime): void {
    // Where no sound comes, the picture must not pile up.
    this.#readHeads();
    const run = this.#epoch?.run;
    if (run !== this.#watched) {
      this.#watched = run;
      this.#watch = new Watch();
    }
    if (run === undefined) {
      return;
    }
    const seen = { now, startedAt: run.startedAt, lastPictureAt: run.lastOutputAt, fedSincePicture: run.fed.sinceOutput };
    if (this.#watch.observe({ ...seen, lag: millis(0), prelude: millis(0) }) === 'hung') {
      this.#options.log.warn({ ffmpeg: run.pid, fed: run.fed.sinceOutput }, 'the ffmpeg of the sound takes frames and gives none; ending it');
      run.kill();
    }
  }

  /** The broadcast is over: settles when what was fed has come out. */
  async finish(): Promise<void> {
    this.#endEpoch();
    await this.#finishing;
  }

  /** Ends everything at once. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#idle.close();
    clearTimeout(this.#restartTimer);
    this.#consumer?.close();
    this.#video?.close();
    this.#epochs.close();
    await this.#epoch?.kill();
    await this.#finishing;
  }

  async #pump(consumer: TrackConsumer): Promise<void> {
    for (let frame = await consumer.next(); frame !== undefined; frame = await consumer.next()) {
      if (this.#epoch !== undefined && this.#epoch.source.epoch < frame.epoch) {
        this.#endEpoch();
      }
      if (this.#leaving.isBeyond(frame)) {
        this.#leave();
      }
      const planned = await this.#epochs.wait(frame.epoch);
      if (planned === undefined || this.#closed || this.#hasLeft) {
        continue;
      }
      this.#feed(frame, planned);
      while (this.#epoch?.run?.congested === true && !this.#isClosed()) {
        await this.#epoch.run.relieved();
      }
      this.#idle.came();
    }
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #feed(frame: Frame, { source, encode }: Planned): void {
    if (encode === undefined) {
      return;
    }
    this.#epoch ??= this.#newEpoch(source, encode);
    this.#readHeads();
    this.#epoch.feed(frame);
    this.#newest = { epoch: frame.epoch, group: frame.group };
    if (this.#epoch.isOver) {
      this.#leave();
    }
  }

  #leave(): void {
    this.#hasLeft = true;
    this.#endEpoch();
    this.#leaving.leave(this.#finishing);
  }

  #newEpoch(source: SourceCatalog, encode: AudioEncode): AudioEpoch {
    const { fence, clock, log, ffmpegPath, onFenced, producers, beginningOf, onGroup } = this.#options;
    const epoch = new AudioEpoch(
      {
        source,
        encode,
        fence,
        clock,
        log,
        ffmpegPath,
        onFenced,
        producer: (track) => producers.of(track),
        beginning: beginningOf(source.epoch),
        onGroup: (group) => onGroup(source.epoch, group),
        onFault: (run, exit) => this.#fault(run, exit),
      },
      this.#finishing,
    );
    epoch.endBefore(this.#leaving.limitOf(source.epoch));
    this.#heads.filter((head) => head.epoch === source.epoch).forEach((head) => epoch.feedVideoHead(head));
    return epoch;
  }

  /**
   * Reads the picture for nothing but where its groups start. Ingest gives a group's picture out before its sound, so
   * what is needed is there when it is needed.
   */
  #readHeads(): void {
    for (let frame = this.#video?.tryNext(); frame !== undefined; frame = this.#video?.tryNext()) {
      const { head, epoch, group, pts } = frame;
      if (head !== undefined) {
        this.#heads.push({ epoch, group, pts });
        this.#heads.splice(0, Math.max(0, this.#heads.length - KEPT_HEADS));
        if (this.#epoch?.source.epoch === epoch) {
          this.#epoch.feedVideoHead({ epoch, group, pts });
        }
      }
    }
  }

  /** The publisher is gone and all it sent was fed: what the encoder holds may come out. */
  #rest(): void {
    if (this.#consumer?.queued.frames === 0 && !this.#closed) {
      this.#epoch?.rest();
      if (this.#leaving.isWanted) {
        this.#leave();
      }
    }
  }

  #endEpoch(): void {
    if (this.#epoch !== undefined) {
      clearTimeout(this.#restartTimer);
      this.#finishing = this.#epoch.finish();
      this.#epoch = undefined;
    }
  }

  #fault(run: FedFfmpeg, exit: FfmpegExit): void {
    const { clock, log, onRestart } = this.#options;
    const now = clock();
    const wait = this.#backoff.after(run.startedAt, now);
    onRestart(now);
    log.warn({ code: exit.code, signal: exit.signal, complaints: exit.complaints.slice(-5), restartsIn: wait }, 'the ffmpeg of the sound ended; starting it again');
    const epoch = this.#epoch;
    if (wait === 0) {
      epoch?.resume();
      return;
    }
    epoch?.pause();
    this.#restartTimer = setTimeout(() => epoch?.resume(), wait);
  }
}
