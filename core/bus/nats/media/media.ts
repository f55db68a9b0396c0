import { randomInt } from 'node:crypto';

import type { NatsConnection } from '@nats-io/transport-node';
import type { Registry } from 'prom-client';

import type { BroadcastId } from '../../../media/frame.ts';
import type { Millis } from '../../../media/time.ts';
import type { TrackName } from '../../../media/track.ts';
import { MillraceError } from '../../../runtime/errors.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { ConsumeOptions, TrackConsumer, TrackProducer } from '../../bus.ts';
import type { NodeId } from '../../node.ts';
import { MediaCounters, registerMediaMetrics } from './counters.ts';
import { Inbox } from './inbox.ts';
import { Outlet } from './outlet.ts';
import { NatsTrack, type NatsTrackDeps } from './track.ts';

/** What {@link createNatsMedia} builds on. */
export type NatsMediaDeps = {
  /** Of its own, with `noEcho`, and connected once at least. Not closed here. */
  readonly connection: NatsConnection;
  /** Connections over which frames are read besides, each frame over all. They may be lost: then nothing is missing. */
  readonly spareLines?: readonly NatsConnection[];
  readonly node: NodeId;
  readonly log: Logger;
  readonly metrics?: Registry;
};

/** The frames of a bus over NATS. */
export interface NatsMedia {
  /** False between {@link NatsMedia.disconnected} and {@link NatsMedia.reconnected}. */
  readonly isConnected: boolean;
  /** As `Bus.produce`. */
  produce(broadcast: BroadcastId, track: TrackName, options: { readonly fence: number }): TrackProducer;
  /** As `Bus.consume`. */
  consume(broadcast: BroadcastId, track: TrackName, options?: ConsumeOptions): TrackConsumer;
  /** The broadcast has ended, wherever it was written: its consumers end once they have read what is queued and under way, after 5 s at the latest. Idempotent for 60 s. */
  end(broadcast: BroadcastId): void;
  /** The connection is lost: nothing is published until {@link NatsMedia.reconnected}. Idempotent. */
  disconnected(): void;
  /** The connection is there again: readers ask for what they missed. Idempotent. */
  reconnected(): void;
  /** Ends every producer and consumer. The connection stays open. Idempotent. */
  close(): Promise<void>;
}

/**
 * Frames over core NATS (ADR 0012). One {@link NatsTrack} for each track that is written or read here; one {@link Outlet} through which all frames go, so
 * that a slow NATS slows no writer and no reader in this process.
 *
 * | subject | from, to | message |
 * | --- | --- | --- |
 * | `millrace.f.<broadcast>.<track>` | writer, readers | frames as they are written, `message.ts` |
 * | `millrace.b.<broadcast>.<track>` | reader, origins | what it wants (JSON, `backlog.ts`), with an inbox |
 * | `millrace.i.<run>.<n>` | origin, reader | an offer, then the frames that were asked for, then the end |
 * | `millrace.i.<run>.<n>` | reader, origin | grants: 1 MiB is on its way unasked, then as much as was read |
 *
 * **Reading.** With a track's first consumer here it is subscribed to, then the origin is asked for the consumer's backlog, of which each frame goes on as it comes; what comes live
 * meanwhile is held, and follows. With the last consumer it is let go. All frames pass one {@link Intake}, which takes a group from its first frame, from one
 * writer, without a missing number. Where a number is missing the origin is asked once for what came after the newest frame here: so are a reader's own
 * outage, the writer's, and one between servers healed, as long as the origin keeps what is missing (8 s). What it does not have is lost by whole groups, and counted.
 * Numbers that the writer itself dropped, because NATS is too slow, are marked: nobody asks for them.
 *
 * **Who answers.** Whoever wrote to the track answers. Who writes now is taken at once; somebody who does not (closed, paused, taken over from) only when nobody better has answered
 * for 100 ms. An answer of a higher fence that comes later replaces the one that was taken.
 *
 * **The end** is told on another connection, and may overtake the last frames. So the reader asks the origin once more for what follows its newest frame, and ends with the answer,
 * or after 5 s. Where the newest frame was written in this process it ends at once.
 */
export function createNatsMedia(deps: NatsMediaDeps): NatsMedia {
  return new CoreNatsMedia(deps);
}

/** As long as the link remembers an ended broadcast. */
const FORGET_AFTER = 60_000 as Millis;
/** How often what is left behind is looked for: pieces whose frame never became whole. */
const SWEEP_EVERY = 1_000 as Millis;

class CoreNatsMedia implements NatsMedia {
  readonly #deps: NatsTrackDeps;
  readonly #tracks = new Map<BroadcastId, Map<TrackName, NatsTrack>>();
  readonly #ended = new Map<BroadcastId, NodeJS.Timeout>();
  readonly #sweeper: NodeJS.Timeout;
  #isOnline = true;
  #isClosed = false;

  constructor({ connection, spareLines = [], log, metrics }: NatsMediaDeps) {
    const counters = new MediaCounters();
    const outlet = new Outlet({ connection, log, counters });
    const run = randomInt(2 ** 48 - 1);
    this.#deps = { connection, lines: [connection, ...spareLines], log, run, inbox: new Inbox(connection, run, log), outlet, counters };
    if (metrics !== undefined) {
      registerMediaMetrics(metrics, counters, () => outlet.unconfirmed);
    }
    this.#sweeper = setInterval(() => this.#each((track) => track.sweep()), SWEEP_EVERY);
    this.#sweeper.unref();
  }

  get isConnected(): boolean {
    return this.#isOnline;
  }

  produce(broadcast: BroadcastId, track: TrackName, { fence }: { readonly fence: number }): TrackProducer {
    return this.#open(broadcast, track).produce(fence);
  }

  consume(broadcast: BroadcastId, track: TrackName, options: ConsumeOptions = {}): TrackConsumer {
    return this.#open(broadcast, track).consume(options);
  }

  end(broadcast: BroadcastId): void {
    if (this.#isClosed || this.#ended.has(broadcast)) {
      return;
    }
    const timer = setTimeout(() => this.#forget(broadcast), FORGET_AFTER);
    timer.unref();
    this.#ended.set(broadcast, timer);
    this.#tracks.get(broadcast)?.forEach((track) => track.end());
  }

  disconnected(): void {
    if (this.#isOnline) {
      this.#isOnline = false;
      this.#deps.outlet.disconnected();
      this.#each((track) => track.disconnected());
    }
  }

  reconnected(): void {
    if (!this.#isOnline && !this.#isClosed) {
      this.#isOnline = true;
      this.#deps.outlet.reconnected();
      this.#each((track) => track.reconnected());
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    this.#ended.forEach((timer) => clearTimeout(timer));
    this.#ended.clear();
    this.#each((track) => track.close());
    this.#tracks.clear();
    this.#deps.inbox.close();
    return Promise.resolve();
  }

  #open(broadcast: BroadcastId, name: TrackName): NatsTrack {
    if (this.#isClosed) {
      throw new MillraceError('bus/closed', 'the bus is closed');
    }
    const tracks = this.#tracks.get(broadcast) ?? new Map<TrackName, NatsTrack>();
    this.#tracks.set(broadcast, tracks);
    let track = tracks.get(name);
    if (track === undefined) {
      track = new NatsTrack(broadcast, name, this.#deps, () => this.#forgetUnused(broadcast, name));
      tracks.set(name, track);
      if (this.#ended.has(broadcast)) {
        track.end();
      }
    }
    return track;
  }

  #each(visit: (track: NatsTrack) => void): void {
    [...this.#tracks.values()].flatMap((tracks) => [...tracks.values()]).forEach(visit);
  }

  /** Lets go of a track that was only asked for and never came. */
  #forgetUnused(broadcast: BroadcastId, name: TrackName): void {
    const tracks = this.#tracks.get(broadcast);
    const track = tracks?.get(name);
    if (track?.isIdle === true) {
      track.close();
      tracks?.delete(name);
    }
    if (tracks?.size === 0) {
      this.#tracks.delete(broadcast);
    }
  }

  #forget(broadcast: BroadcastId): void {
    this.#ended.delete(broadcast);
    this.#tracks.get(broadcast)?.forEach((track) => track.close());
    this.#tracks.delete(broadcast);
  }
}
