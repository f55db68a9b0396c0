import type { NatsConnection } from '@nats-io/transport-node';
import type { Registry } from 'prom-client';

import type { BroadcastId } from '../../../media/frame.ts';
import type { Clock } from '../../../media/time.ts';
import type { TrackName } from '../../../media/track.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { ConsumeOptions, TrackConsumer, TrackProducer } from '../../bus.ts';
import type { NodeId } from '../../node.ts';

/** What {@link createNatsMedia} builds on. */
export type NatsMediaDeps = {
  /** Of its own, with `noEcho`, and connected once at least. Not closed here. */
  readonly connection: NatsConnection;
  readonly node: NodeId;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly metrics?: Registry;
};

/** The frames of a bus over NATS. */
export interface NatsMedia {
  /** As `Bus.produce`. */
  produce(broadcast: BroadcastId, track: TrackName, options: { readonly fence: number }): TrackProducer;
  /** As `Bus.consume`. */
  consume(broadcast: BroadcastId, track: TrackName, options?: ConsumeOptions): TrackConsumer;
  /** The broadcast has ended, wherever it was written: its consumers end once they have read what is queued and under way. To be called once for each that ended. */
  end(broadcast: BroadcastId): void;
  /** The connection is lost: nothing is published until {@link NatsMedia.reconnected}. Idempotent. */
  disconnected(): void;
  /** The connection is there again: readers ask for what they missed. Idempotent. */
  reconnected(): void;
  /** Ends every producer and consumer. The connection stays open. Idempotent. */
  close(): Promise<void>;
}

/** Frames over core NATS. */
export function createNatsMedia(deps: NatsMediaDeps): NatsMedia {
  throw new Error(`not built yet: ${deps.node}`);
}
