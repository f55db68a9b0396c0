import type { Bus, TrackConsumer } from '#core/bus/bus.ts';
import type { SourceCatalog, StreamName } from '#core/bus/catalog.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import { millis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { FfmpegExit } from '../ffmpeg/process.ts';
import type { Producers } from '../jobs/producers.ts';
import type { Beginning, GroupPlace } from '../jobs/taken-groups.ts';
import type { Encode } from '../plan/plan.ts';
import { Backoff } from './backoff.ts';
import { ByEpoch } from './by-epoch.ts';
import { EpochEncode } from './epoch.ts';
import { Idle } from './idle.ts';
import { Leaving } from './leaving.ts';
import type { Run, RunSettings } from './run.ts';

/** What a broadcast's transcoder of the picture works with. */
export type PictureOptions = {
  readonly bus: Bus;
  readonly stream: StreamName;
  readonly broadcast: BroadcastId;
  readonly fence: number;
  readonly producers: Producers;
  /** Where to begin in an epoch, after another transcoder. */
  readonly beginningOf: (epoch: number) => Beginning | undefined;
  /** Called with each group that may be begun from now on. */
  readonly onGroup: (epoch: number, group: number) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: () => RunSettings;
  /** How far back it begins. */
  readonly backlog: Millis;
  /** Called when an ffmpeg ended that was not asked to. */
  readonly onRestart: (now: WallTime) => void;
  /** Told of a run that ended without a picture; gives true where another encoder shall be tried. */
  readonly onBarren: (run: Run, exit: FfmpegExit) => boolean;
  readonly onGroupsLost: (groups: number) => void;
  readonly onFenced: (thrown: unknown) => void;
};

type Planned = { readonly source: SourceCatalog; readonly encode: Encode | undefined };

const VIDEO = trackName('video');

/** Encodes the picture of one broadcast, epoch by epoch. */
export class PictureTranscoder {
  readonly #options: PictureOptions;
  readonly #epochs = new ByEpoch<Planned>();
  readonly #backoff = new Backoff();
  readonly #leaving = new Leaving();
  #consumer: TrackConsumer | undefined;
  #epoch: EpochEncode | undefined;
  #newest: GroupPlace | undefined;
  #finishing: Promise<void> = Promise.resolve();
  readonly #idle = new Idle(() => this.#rest());
  /** Another transcoder has what comes. */
  #hasLeft = false;
  #restartTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PictureOptions) {
    this.#options = options;
  }

  /** ffmpeg's process id. */
  get pid(): number | undefined {
    return this.#epoch?.run?.pid;
  }

  /** The epoch whose frames come. */
  get epoch(): EpochEncode | undefined {
    return this.#epoch;
  }

  /** The newest group that was fed; undefined while nothing is encoded. */
  get newest(): GroupPlace | undefined {
    return this.#epoch?.encode === undefined || this.#epoch.isResting ? undefined : this.#newest;
  }

  /** Frames that wait to be fed. */
  get queued(): number {
    return this.#consumer?.queued.frames ?? 0;
  }

  /**
   * Takes what is planned for an epoch. Nothing is read from the bus before there is something to encode.
   *
   * @returns where it begins to read, what settles when the broadcast is over.
   */
  plan(source: SourceCatalog, encode: Encode | undefined): Promise<void> | undefined {
    this.#epochs.put(source.epoch, { source, encode });
    if (encode === undefined || this.#consumer !== undefined || this.#closed) {
      return undefined;
    }
    const { bus, broadcast, backlog } = this.#options;
    this.#consumer = bus.consume(broadcast, VIDEO, { backlog });
    return this.#pump(this.#consumer);
  }

  /** Changes to another set of rungs at the next group, where the epoch is being encoded. */
  change(epoch: number, encode: Encode | undefined): void {
    if (this.#epoch?.source.epoch === epoch) {
      this.#epoch.change(encode);
    }
  }

  /** Told whether a publisher is sending. */
  changed(interrupted: boolean): void {
    this.#idle.changed(interrupted);
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
    this.#epochs.close();
    await this.#epoch?.kill();
    await this.#finishing;
  }

  async #pump(consumer: TrackConsumer): Promise<void> {
    let losses = 0;
    for (let frame = await consumer.next(); frame !== undefined; frame = await consumer.next()) {
      const source = await this.#catalogOf(frame);
      if (source === undefined || this.#closed || this.#hasLeft) {
        continue;
      }
      if (this.#epoch?.source.epoch !== frame.epoch) {
        this.#beginEpoch(source);
      }
      if (consumer.losses.groups !== losses) {
        this.#options.onGroupsLost(consumer.losses.groups - losses);
        losses = consumer.losses.groups;
        this.#epoch?.skip();
      }
      await this.#feed(frame);
      this.#idle.came();
    }
  }

  async #feed(frame: Frame): Promise<void> {
    const epoch = this.#epoch;
    epoch?.feed(frame);
    this.#newest = { epoch: frame.epoch, group: frame.group };
    if (epoch?.isOver === true) {
      this.#leave();
    }
    // A run that does not read is a matter of the watch; the consumer's queue is what gives way meanwhile.
    while (epoch?.run?.congested === true && !this.#isClosed()) {
      await epoch.run.relieved();
    }
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  /** The catalog of a frame's epoch: at once, or when it comes; undefined where the frame is of the past. */
  async #catalogOf(frame: Frame): Promise<SourceCatalog | undefined> {
    if (this.#leaving.isBeyond(frame)) {
      this.#leave();
    } else if (this.#epoch !== undefined && this.#epoch.source.epoch < frame.epoch) {
      this.#endEpoch();
    }
    return (await this.#epochs.wait(frame.epoch))?.source;
  }

  #beginEpoch(source: SourceCatalog): void {
    this.#endEpoch();
    const { fence, clock, log, settings, producers, beginningOf, onGroup, onFenced } = this.#options;
    this.#epoch = new EpochEncode(
      {
        source,
        fence,
        clock,
        log,
        settings,
        producer: (track) => producers.of(track),
        beginning: beginningOf(source.epoch),
        onGroup: (group) => onGroup(source.epoch, group),
        onFault: (run, exit) => this.#fault(run, exit),
        onFenced,
      },
      this.#epochs.get(source.epoch)?.encode,
      this.#finishing,
    );
    this.#epoch.endBefore(this.#leaving.limitOf(source.epoch));
  }

  #leave(): void {
    this.#hasLeft = true;
    this.#endEpoch();
    this.#leaving.leave(this.#finishing);
  }

  /** The publisher is gone and all it sent was fed: what the decoder holds back may come out. */
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

  #fault(run: Run, exit: FfmpegExit): void {
    const { clock, log, onBarren, onRestart } = this.#options;
    const now = clock();
    const again = !run.productive && onBarren(run, exit);
    const wait = again ? millis(0) : this.#backoff.after(run.startedAt, now);
    onRestart(now);
    log.warn({ code: exit.code, signal: exit.signal, complaints: exit.complaints.slice(-5), restartsIn: wait }, 'ffmpeg ended; starting it again');
    const epoch = this.#epoch;
    if (wait === 0) {
      epoch?.resume();
      return;
    }
    epoch?.pause();
    this.#restartTimer = setTimeout(() => epoch?.resume(), wait);
  }
}
