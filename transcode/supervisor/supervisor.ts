import type { Bus, Lease } from '#core/bus/bus.ts';
import type { BroadcastInfo, StreamName } from '#core/bus/catalog.ts';
import type { NodeId, TranscodeLoad } from '#core/bus/node.ts';
import { elapsed, millis, type Clock, type Millis } from '#core/media/time.ts';
import { Nodes } from '#core/placement/nodes.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Capacity } from '../capacity.ts';
import type { WebrtcRenditions } from '../config.ts';
import { Claims } from '../jobs/claims.ts';
import { claimDelay, peersOf, roomiest, type Peer } from '../jobs/room.ts';
import type { TakenGroups } from '../jobs/taken-groups.ts';
import type { H264Profile } from '../plan/level.ts';
import { BroadcastTranscoder } from './broadcast.ts';
import { systemLoad, type LoadMeter } from './load.ts';
import type { TranscodeMetrics } from './metrics.ts';
import type { Run, RunSettings } from './run.ts';

/** What the supervisor works with. */
export type SupervisorOptions = {
  readonly bus: Bus;
  /** Name of this process; absent where it is alone. */
  readonly node?: NodeId | undefined;
  /** The processes there are; default: as the bus tells. */
  readonly nodes?: Nodes | undefined;
  readonly cores: number;
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
/** How often it is looked for somebody to hand a broadcast over to. */
const LOOK_AGAIN = 100;
/** Broadcasts that are handed over at a time: others take them one after the other, and each within a group. */
const HAND_OVERS = 20;

/** Takes broadcasts on the bus that have no transcoder, and gives each one. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #broadcasts = new Set<BroadcastTranscoder>();
  readonly #claims: Claims;
  readonly #nodes: Nodes;
  readonly #load: LoadMeter;
  /** Megapixels per second that each of the others gets by what is being handed over to it. */
  readonly #promised = new Map<NodeId, number>();
  #settings: RunSettings;
  #closed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#nodes = options.nodes ?? new Nodes(options.bus);
    this.#load = options.load ?? systemLoad();
    this.#claims = new Claims({
      bus: options.bus,
      node: options.node,
      delay: () => claimDelay(this.load, this.#peers().map(({ load }) => load)),
      take: (info, lease, before) => this.#take(info, lease, before),
      log: options.log,
    });
  }

  /** Whether it has a broadcast. */
  get busy(): boolean {
    return this.#broadcasts.size > 0;
  }

  /** What it tells the others of itself. */
  get load(): TranscodeLoad {
    return { ...this.#options.capacity.facts, broadcasts: this.#broadcasts.size, cores: this.#options.cores };
  }

  /** Process ids of the encoders that run now. */
  get pids(): readonly number[] {
    return [...this.#broadcasts].flatMap(({ pids }) => pids);
  }

  /** Takes nothing new, and hands every broadcast to another transcoder; settles when that is done, or after `limit`. */
  async drain(limit: Millis): Promise<void> {
    this.#claims.stop();
    const until = performance.now() + limit;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limit);
    const waiting = [...this.#broadcasts];
    const handOverNext = async (): Promise<void> => {
      for (let broadcast = waiting.shift(); broadcast !== undefined; broadcast = waiting.shift()) {
        await this.#handOver(broadcast, until);
      }
    };
    await Promise.race([promise, Promise.all(Array.from({ length: HAND_OVERS }, handOverNext))]);
    clearTimeout(timer);
  }

  /** Ends every encoder. Idempotent; settles when all are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#claims.close();
    await Promise.all([...this.#broadcasts].map((broadcast) => broadcast.close()));
    if (this.#options.nodes === undefined) {
      this.#nodes.close();
    }
  }

  async #handOver(broadcast: BroadcastTranscoder, until: number): Promise<void> {
    while (this.#broadcasts.has(broadcast) && performance.now() < until && !this.#closed) {
      const to = roomiest(this.#peers(), this.#promised);
      if (to !== undefined) {
        // Those that are only passed through count a little too.
        this.#promised.set(to, (this.#promised.get(to) ?? 0) + Math.max(1, broadcast.cost));
        if (await broadcast.handOver(to)) {
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
    }
  }

  #peers(): readonly Peer[] {
    const { node } = this.#options;
    return node === undefined ? [] : peersOf(this.#nodes.list(), node);
  }

  #take(info: BroadcastInfo, lease: Lease, before: TakenGroups | undefined): BroadcastTranscoder {
    const { bus, capacity, clock, log, metrics, ladderOf, webrtc, profile, opus } = this.#options;
    const broadcast = new BroadcastTranscoder({
      bus,
      info,
      lease,
      before,
      ladder: ladderOf(info.stream),
      webrtc,
      profile,
      opus,
      capacity,
      settings: () => this.#settings,
      onBarren: (run) => this.#fallBack(run),
      clock,
      load: this.#load,
      log,
      metrics,
    });
    this.#broadcasts.add(broadcast);
    void broadcast.closed.then(() => this.#broadcasts.delete(broadcast));
    return broadcast;
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
