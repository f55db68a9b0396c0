import type { BroadcastId, Frame } from '../media/frame.ts';
import type { Millis } from '../media/time.ts';
import type { TrackName } from '../media/track.ts';
import type { BroadcastInfo, CatalogSections } from './catalog.ts';
import type { NodeId, NodeInfo } from './node.ts';
import type { SharedState } from './shared-state.ts';
import type { Unsubscribe } from './unsubscribe.ts';

export type { Unsubscribe } from './unsubscribe.ts';

/**
 * What joins the stages: broadcast > track > group > frame. One interface, several links: in process, worker threads,
 * NATS. Every link passes `core/bus/link.suite.ts`.
 *
 * Frames and catalogs of a broadcast reach a consumer in any order relative to each other; frames of one track in order.
 */
export interface Bus {
  /**
   * Makes a broadcast known, or changes what is known of it. The state `ended` closes its consumers once they have
   * read what is queued; the link forgets the broadcast about 60 s later. What comes under a lower fence than was heard before is ignored.
   */
  announce(info: BroadcastInfo): void;

  /** Calls back at once with each broadcast that is known, then with every change, in order. */
  onBroadcast(listener: (info: BroadcastInfo) => void): Unsubscribe;

  /** Opens a track for writing. The fence comes from a {@link Lease}; the broadcast need not be announced yet. */
  produce(broadcast: BroadcastId, track: TrackName, options: { readonly fence: number }): TrackProducer;

  /** Subscribes to a track, which need not exist yet. Only what is subscribed to is passed on. */
  consume(broadcast: BroadcastId, track: TrackName, options?: ConsumeOptions): TrackConsumer;

  /** Writes a section of a broadcast's catalog; the newest value replaces the one before. */
  putCatalog<S extends keyof CatalogSections>(broadcast: BroadcastId, section: S, value: CatalogSections[S]): void;

  /** Calls back at once with a section's value where there is one, then with every change. */
  onCatalog<S extends keyof CatalogSections>(
    broadcast: BroadcastId,
    section: S,
    listener: (value: CatalogSections[S]) => void,
  ): Unsubscribe;

  /**
   * Takes the lease of a resource (`ingest/<stream>`, `transcode/<broadcast>`). Who takes a held lease takes it over:
   * its fence is above every earlier one, across restarts of the server too, and the earlier holder is told by `lost`.
   */
  lease(resource: string): Promise<Lease>;

  /** Takes a lease where nobody who lives holds it; gives undefined at once where somebody does. Fences as those of {@link Bus.lease}. */
  tryLease(resource: string): Promise<Lease | undefined>;

  /**
   * Answers what is asked under a subject (`metadata/<stream>`, `recordings`). Payloads and answers are plain values as JSON knows them. What the handler
   * throws reaches who asked, with its code. Where several serve one subject, any one of them answers.
   */
  serve(subject: string, handler: (payload: unknown) => unknown): Unsubscribe;

  /**
   * Asks whoever serves a subject.
   *
   * @throws {MillraceError} `bus/unserved` where nobody does, `bus/timeout` after `timeout` (5 s), or what the handler threw.
   */
  request(subject: string, payload: unknown, options?: { readonly timeout?: Millis }): Promise<unknown>;

  /** Small values that all processes on the bus share. */
  readonly shared: SharedState;

  /** Makes a process known to the others, or changes what is told of it. It is gone when the bus is closed, or was not heard of for `NODE_SILENCE`. */
  present(info: NodeInfo): void;

  /** Calls back at once with each process that is known, then with every change; with undefined when one is gone. */
  onNode(listener: (node: NodeId, info: NodeInfo | undefined) => void): Unsubscribe;

  /** Closes every producer, consumer and lease. Idempotent. */
  close(): Promise<void>;
}

/** The right to write, with the fence that proves it. */
export interface Lease {
  readonly fence: number;
  /** Settles when the lease is taken over, released or runs out. */
  readonly lost: Promise<void>;
  release(): void;
}

/** Writes the frames of one track. */
export interface TrackProducer {
  /**
   * Hands a frame to every consumer; never waits for one. A frame at or before a place already written (by epoch,
   * group, index) is a double: it is dropped and counted.
   *
   * @returns false where the frame was a double.
   * @throws {MillraceError} `bus/fenced` where a higher fence has written to the track.
   */
  write(frame: Frame): boolean;
  /** Releases the producer; consumers stay, waiting for another. Idempotent. */
  close(): void;
}

/** Options of a subscription. */
export type ConsumeOptions = {
  /**
   * What to begin with. `newest` (default): the newest group from its first frame. `none`: the next group to start.
   * A duration: all groups that the link still has and that started at most so long before the newest frame.
   */
  readonly backlog?: 'newest' | 'none' | Millis;
  /** Bound of the queue in frames. Default 1,024; a smaller one loses groups sooner when the consumer is slow. */
  readonly maxFrames?: number;
  /** Bound of the queue in bytes. Default 32 MiB. */
  readonly maxBytes?: number;
};

/** What a consumer lost because it was slow. */
export type Losses = { readonly groups: number; readonly frames: number };

/**
 * Reads the frames of one track. When its queue is full it loses whole groups, oldest first, never the middle of one:
 * a group of which a frame was already handed over is cut there and its rest lost with it.
 */
export interface TrackConsumer extends AsyncIterable<Frame> {
  /** The next frame that is already here, or undefined. */
  tryNext(): Frame | undefined;
  /** Waits for the next frame; undefined once the consumer is closed or the broadcast ended and all is read. One caller at a time. */
  next(): Promise<Frame | undefined>;
  readonly losses: Losses;
  /**
   * True while frames of the backlog are still on their way, on a link that takes time: what was handed over last is not the
   * newest there is. Absent where all of the backlog is here at once.
   */
  readonly isBehind?: boolean;
  /** Frames and bytes waiting. */
  readonly queued: { readonly frames: number; readonly bytes: number };
  /** Ends the subscription and drops what is queued. Idempotent. */
  close(): void;
  /** Settles when the consumer has ended, by whichever side. */
  readonly closed: Promise<void>;
}
