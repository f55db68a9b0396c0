import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, StreamName } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, millis, type Clock } from '#core/media/time.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Capacity } from '../capacity.ts';
import type { WebrtcRenditions } from '../config.ts';
import type { H264Profile } from '../plan/level.ts';
import { BroadcastTranscoder } from './broadcast.ts';
import { systemLoad, type LoadMeter } from './load.ts';
import type { TranscodeMetrics } from './metrics.ts';
import type { Run, RunSettings } from './run.ts';

/** What the supervisor works with. */
export type SupervisorOptions = {
  readonly bus: Bus;
  readonly capacity: Capacity;
  readonly settings: RunSettings;
  /** The ladder that the configuration sets for a stream. */
  readonly ladderOf: (stream: StreamName) => LadderSetting;
  /** When to encode what only WebRTC viewers need. */
  readonly webrtc: WebrtcRenditions;
  readonly profile: H264Profile;
  /** Whether this ffmpeg encodes Opus. */
  readonly opus: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: TranscodeMetrics;
  /** The machine's load; default: the system's. */
  readonly load?: LoadMeter;
};

/** An encoder that ends within this time without a picture does not work here at all. */
const AT_ONCE = millis(5000);

/** Gives every broadcast on the bus its transcoder, as long as it lives. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #broadcasts = new Map<BroadcastId, BroadcastTranscoder>();
  /** Broadcasts whose lease is on its way, with their newest state. */
  readonly #leasing = new Map<BroadcastId, BroadcastInfo>();
  readonly #unsubscribe: Unsubscribe;
  #settings: RunSettings;
  #closed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#unsubscribe = options.bus.onBroadcast((info) => this.#take(info));
  }

  /** Whether a broadcast is on, or about to begin. */
  get busy(): boolean {
    return this.#broadcasts.size + this.#leasing.size > 0;
  }

  /** Process ids of the encoders that run now. */
  get pids(): readonly number[] {
    return [...this.#broadcasts.values()].flatMap(({ pids }) => pids);
  }

  /** Ends every encoder. Idempotent; settles when all are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    await Promise.all([...this.#broadcasts.values()].map((broadcast) => broadcast.close()));
  }

  #take(info: BroadcastInfo): void {
    const known = this.#broadcasts.get(info.broadcast);
    if (known !== undefined) {
      known.changed(info);
    } else if (this.#leasing.has(info.broadcast)) {
      this.#leasing.set(info.broadcast, info);
    } else if (info.state !== 'ended') {
      this.#leasing.set(info.broadcast, info);
      void this.#begin(info);
    }
  }

  async #begin(info: BroadcastInfo): Promise<void> {
    try {
      const lease = await this.#options.bus.lease(`transcode/${info.broadcast}`);
      const newest = this.#leasing.get(info.broadcast) ?? info;
      this.#leasing.delete(info.broadcast);
      if (this.#closed || newest.state === 'ended') {
        lease.release();
        return;
      }
      const broadcast = this.#transcoder(newest, lease);
      this.#broadcasts.set(info.broadcast, broadcast);
      broadcast.changed(newest);
      await broadcast.closed;
      this.#broadcasts.delete(info.broadcast);
    } catch (thrown) {
      this.#leasing.delete(info.broadcast);
      this.#options.log.error({ stream: info.stream, reason: messageOf(thrown) }, 'the broadcast gets no transcoder');
    }
  }

  #transcoder(info: BroadcastInfo, lease: Awaited<ReturnType<Bus['lease']>>): BroadcastTranscoder {
    const { bus, capacity, clock, log, metrics, ladderOf, webrtc, profile, opus } = this.#options;
    return new BroadcastTranscoder({
      bus,
      info,
      lease,
      ladder: ladderOf(info.stream),
      webrtc,
      profile,
      opus,
      capacity,
      settings: () => this.#settings,
      onBarren: (run) => this.#fallBack(run),
      clock,
      load: this.#options.load ?? systemLoad(),
      log,
      metrics,
    });
  }

  /** Hardware that is not there fails at once: from then on x264 encodes. */
  #fallBack(run: Run): boolean {
    if (this.#settings.encoder === 'x264' || elapsed(run.startedAt, this.#options.clock()) > AT_ONCE) {
      return false;
    }
    this.#options.log.warn({ encoder: this.#settings.encoder }, 'the configured encoder does not work on this machine: x264 takes over');
    this.#settings = { ...this.#settings, encoder: 'x264' };
    return true;
  }
}
