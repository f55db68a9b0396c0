import { AckPolicy, DeliverPolicy, ReplayPolicy, type JetStreamManager } from '@nats-io/jetstream';
import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';

import { messageOf } from '../../../runtime/errors.ts';
import type { Entry } from './entry.ts';

/** A watch that runs. */
export type Watch = {
  /** Settles once everything that the bucket held was told; rejects where that cannot be. */
  readonly complete: Promise<void>;
  /** Nothing is told any more. Idempotent. */
  stop(): void;
};

/** What {@link watchBucket} needs. */
export type WatchOptions = {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly bucket: string;
  readonly entry: (escapedKey: string, entry: Entry) => void;
  /** Called once where the watch has a hole or fell silent after it was complete. */
  readonly lost: (reason: string) => void;
};

/** The server says so often that the watch is alive. */
const HEARTBEAT_MS = 1000;
/** Silence after which it is taken for dead: the server forgot it, or lost the bucket. */
const SILENCE_MS = 3500;

/**
 * Tells what a bucket holds, the newest of each key in the order of writing, then every change. An ephemeral push consumer (ADR-8 of NATS): each message
 * carries its number, so a hole is seen; heartbeats tell a quiet bucket from a dead watch. It does not repair itself: whoever watches reads all anew, which
 * also heals a bucket that was lost with its server.
 */
export function watchBucket({ connection, manager, bucket, entry, lost }: WatchOptions): Watch {
  const prefix = `$KV.${bucket}.`;
  const stream = `KV_${bucket}`;
  const complete = Promise.withResolvers<void>();
  let subscription: Subscription | undefined;
  let silence: NodeJS.Timeout | undefined;
  let consumer: string | undefined;
  let stopped = false;
  let isComplete = false;
  let next = 1;
  /** Messages wait for the answer that says how many there are. */
  let early: Msg[] | undefined = [];

  const stop = (): void => {
    if (stopped) {
      return;
    }
    stopped = true;
    clearTimeout(silence);
    subscription?.unsubscribe();
    if (consumer !== undefined && !connection.isClosed()) {
      // The server would notice by itself after a while.
      manager.consumers.delete(stream, consumer).catch(() => undefined);
    }
    complete.reject(new Error('the watch was stopped'));
  };
  const fail = (reason: string): void => {
    if (stopped) {
      return;
    }
    complete.reject(new Error(reason));
    stop();
    if (isComplete) {
      lost(reason);
    }
  };
  const heard = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => fail('it fell silent'), SILENCE_MS);
    silence.unref();
  };
  const finish = (): void => {
    isComplete = true;
    complete.resolve();
  };
  const take = (message: Msg): void => {
    if (message.headers !== undefined && message.headers.code === 100) {
      const waitsFor = message.headers.get('Nats-Consumer-Stalled');
      if (message.reply !== undefined && message.reply !== '') {
        message.respond();
      } else if (waitsFor !== '') {
        connection.publish(waitsFor);
      } else if (Number(message.headers.get('Nats-Last-Consumer')) >= next) {
        fail('it has a hole');
      } else if (early === undefined && !isComplete) {
        // Idle: nothing is pending, whatever the counts said (keys were written anew meanwhile).
        finish();
      }
      return;
    }
    const place = placeOf(message);
    if (place === undefined || !message.subject.startsWith(prefix)) {
      fail(`the server ended it (${message.headers?.description ?? 'unknown message'})`);
      return;
    }
    if (place.number !== next) {
      fail('it has a hole');
      return;
    }
    next += 1;
    const removed = (message.headers?.get('KV-Operation') ?? '') !== '';
    entry(message.subject.slice(prefix.length), { revision: place.revision, bytes: removed ? undefined : message.data });
    if (place.pending === 0 && !isComplete) {
      finish();
    }
  };
  const receive = (error: Error | null, message: Msg): void => {
    if (stopped) {
      return;
    }
    heard();
    if (error !== null) {
      fail(error.message);
    } else if (early === undefined) {
      guarded(message);
    } else {
      early.push(message);
    }
  };
  // What is thrown out of a callback would end the client's reader for good.
  const guarded = (message: Msg): void => {
    try {
      take(message);
    } catch (thrown) {
      fail(messageOf(thrown));
    }
  };

  const start = async (): Promise<void> => {
    const inbox = createInbox();
    subscription = connection.subscribe(inbox, { callback: receive });
    heard();
    const info = await manager.consumers.add(stream, {
      deliver_subject: inbox,
      deliver_policy: DeliverPolicy.LastPerSubject,
      filter_subject: `${prefix}>`,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      max_deliver: 1,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(30_000),
      mem_storage: true,
      num_replicas: 1,
    });
    consumer = info.name;
    const waiting = early ?? [];
    early = undefined;
    waiting.forEach(guarded);
    // What was told before its answer is no longer counted as pending by it, or was told above.
    if (!isComplete && info.num_pending === 0 && info.delivered.consumer_seq < next) {
      finish();
    }
  };
  complete.promise.catch(() => undefined);
  start().catch((error: unknown) => fail(messageOf(error)));
  return { complete: complete.promise, stop };
}

/** `$JS.ACK.<stream>.<consumer>.<times>.<revision>.<number>.<time>.<pending>`; newer servers put domain and account before the stream, and a token behind. */
function placeOf({ reply = '' }: Msg): { readonly revision: number; readonly number: number; readonly pending: number } | undefined {
  const tokens = reply.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) {
    return undefined;
  }
  const at = tokens.length === 9 ? 5 : 7;
  return { revision: Number(tokens[at]), number: Number(tokens[at + 1]), pending: Number(tokens[at + 3]) };
}
