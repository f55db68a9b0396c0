import type { WallTime } from '#core/media/time.ts';
import type { Routes } from '../address/address.ts';
import type { Edges } from '../edges/edges.ts';
import type { EngineWay } from '../engine/choose-engine.ts';
import type { Engine, EngineFailure, EngineListener } from '../engine/engine.ts';
import { EarlyPlaylist } from '../engine/hls/early-playlist.ts';
import { holdStill } from '../engine/still.ts';
import type { WhepConnection } from '../engine/whep/whep-connection.ts';
import type { Metadata } from '../events/metadata.ts';
import type { Early } from './early.ts';
import type { PlaybackMonitor } from './playback-monitor.ts';
import type { RungMemory } from './rung-memory.ts';
import type { WayChange } from './snapshot.ts';
import { recallThroughput, rememberThroughput } from './throughput-memory.ts';

/** What the engine in the seat does. */
export interface SeatEvents {
  changed(): void;
  buffered(): void;
  troubled(): void;
  ended(): void;
  failed(failure: EngineFailure): void;
}

/** Options of {@link EngineSeat}. */
export type SeatOptions = {
  readonly video: HTMLVideoElement;
  readonly stream: string;
  readonly routes: Routes;
  /** Who serves; without it, the page's own server does. */
  readonly edges?: Edges | undefined;
  /** The server's clock. */
  readonly now: () => WallTime;
  readonly monitor: PlaybackMonitor;
  readonly metadata: Metadata;
  readonly rungs: RungMemory;
  readonly early: Early;
  readonly events: SeatEvents;
};

/** Changes of the way remembered. */
const changesKept = 50;

/** One engine at a time on the one element. An engine that has left the seat is heard no more. */
export class EngineSeat {
  readonly #options: SeatOptions;
  readonly #sessionId = crypto.randomUUID?.() ?? Math.random().toString(36).slice(2);
  #early: Early;
  #engine: Engine | undefined;
  #changes: WayChange[] = [];

  constructor(options: SeatOptions) {
    this.#options = options;
    this.#early = options.early;
  }

  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** Which way came after which, and why. */
  get changes(): readonly WayChange[] {
    return this.#changes;
  }

  /** Asks for what HLS begins with, so that it is there when it is needed. */
  prepareHls(): void {
    const { routes, stream, edges } = this.#options;
    // Of another edge nothing can be early.
    if (edges === undefined || edges.route.base === edges.route.home) {
      this.#early = { ...this.#early, playlist: this.#early.playlist ?? new EarlyPlaylist(routes.hls(stream)) };
    }
  }

  /** Gives the seat to an engine of this way; what was shown stays in sight until it shows something. */
  give(way: EngineWay, because: string | undefined, connection?: WhepConnection): Engine {
    const { video, routes, stream, monitor, rungs } = this.#options;
    if (this.#engine !== undefined) {
      holdStill(video);
    }
    this.drop();
    const early = this.#early;
    const isWebrtc = way.kind === 'webrtc';
    this.#early = isWebrtc ? { playlist: early.playlist } : { connection: early.connection };
    const engine = way.make({
      video,
      url: routes.hls(stream),
      dashUrl: routes.dash(stream),
      whepUrl: routes.whep(stream),
      edges: this.#options.edges,
      now: this.#options.now,
      stream,
      sessionId: this.#sessionId,
      guess: recallThroughput(),
      choice: rungs.choice,
      playlist: isWebrtc ? undefined : early.playlist,
      connection: isWebrtc ? (connection ?? early.connection) : undefined,
      listener: this.#listener(() => this.#engine === engine),
    });
    this.#engine = engine;
    if (this.#changes.at(-1)?.engine !== way.kind) {
      this.#changes = [...this.#changes, { at: performance.now(), engine: way.kind, because: because ?? null }].slice(-changesKept);
    }
    monitor.following = way.kind !== 'rewind';
    monitor.watch(engine);
    this.#options.metadata.watch(engine);
    engine.start();
    return engine;
  }

  /** The viewer has chosen. */
  choose(): void {
    if (this.#engine !== undefined) {
      this.#engine.choice = this.#options.rungs.choice;
    }
  }

  /** Takes the engine out of the seat. */
  drop(): void {
    const { monitor, rungs } = this.#options;
    const engine = this.#engine;
    if (engine?.throughput !== undefined) {
      rememberThroughput(engine.throughput);
    }
    this.#engine = undefined;
    monitor.watch(undefined);
    this.#options.metadata.watch(undefined);
    engine?.destroy();
    rungs.clear();
  }

  /** Ends it, an early session that nobody took included. */
  close(): void {
    this.drop();
    this.#early.connection?.leave();
    this.#early = {};
  }

  /** Events of an engine count only while it is the one in the seat. */
  #listener(isCurrent: () => boolean): EngineListener {
    const { events, rungs } = this.#options;
    const when = (act: () => void): void => {
      if (isCurrent()) {
        act();
      }
    };
    return {
      rungs: (list) =>
        when(() => {
          rungs.learn(list);
          this.choose();
          events.changed();
        }),
      shown: (rung) =>
        when(() => {
          rungs.show(rung, performance.now());
          events.changed();
        }),
      buffered: () => when(() => events.buffered()),
      troubled: () => when(() => events.troubled()),
      recovered: () => when(() => events.changed()),
      event: (event) => when(() => this.#options.metadata.learn(event)),
      ended: () => when(() => events.ended()),
      failed: (failure) => when(() => events.failed(failure)),
    };
  }
}
