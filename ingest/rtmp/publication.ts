import type { PublishPolicy } from '#core/access/publish-policy.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { Clock } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Admission, PublisherRegistry, SourceSink } from '../source.ts';
import type { RtmpMessage } from './chunk-reader.ts';
import type { RefusalReason, RtmpMetrics } from './metrics.ts';
import { MESSAGE } from './protocol.ts';
import { ToSource } from './to-source.ts';

/** What a publication needs of its session. */
export type PublicationOptions = {
  /** Message stream on which `publish` came. */
  readonly streamId: number;
  readonly address: string;
  readonly protocol: 'rtmp' | 'rtmps';
  /** The publisher stands in for another (ADR 0013). */
  readonly backup: boolean;
  readonly registry: PublisherRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: RtmpMetrics;
  /** The registry ends the publisher. */
  readonly disconnect: (reason: string) => void;
  /** The media cannot be taken. */
  readonly refuse: (reason: string) => void;
};

/** What came of a wish to publish. `status` is the code of the `onStatus` that tells it. */
export type Verdict =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly status: PublishStatus; readonly message: string; readonly reason: RefusalReason };

type PublishStatus = 'NetStream.Publish.BadName' | 'NetStream.Publish.Denied' | 'NetStream.Publish.Rejected' | 'NetStream.Failed';

/** librtmp, and so OBS, logs the description for exactly these codes and gives up. */
const ADMISSION_STATUS: Readonly<Record<Extract<Admission, { admitted: false }>['code'], { readonly status: PublishStatus; readonly reason: RefusalReason }>> = {
  'ingest/stream-busy': { status: 'NetStream.Publish.BadName', reason: 'busy' },
  'ingest/too-many-publishers': { status: 'NetStream.Publish.Rejected', reason: 'full' },
  'ingest/backup-busy': { status: 'NetStream.Publish.BadName', reason: 'busy' },
  'ingest/stopping': { status: 'NetStream.Failed', reason: 'stopping' },
  'ingest/unreachable': { status: 'NetStream.Failed', reason: 'failed' },
  'ingest/gone': { status: 'NetStream.Failed', reason: 'failed' },
};

const GONE: Verdict = { accepted: false, status: 'NetStream.Failed', message: 'The connection has ended.', reason: 'failed' };

/** RTMP counts milliseconds. */
const CLOCK_RATE = 1000;

/** One `publish` of a connection, from the wish to its end: first decided, then live, then over. */
export class Publication {
  readonly #options: PublicationOptions;
  #state: 'deciding' | 'live' | 'over' = 'deciding';
  #stream: StreamName | undefined;
  #sink: SourceSink | undefined;
  #toSource: ToSource | undefined;
  readonly #gone = new AbortController();

  constructor(options: PublicationOptions) {
    this.#options = options;
  }

  /** Message stream of the publication. */
  get streamId(): number {
    return this.#options.streamId;
  }

  /** True while media goes to the sink. */
  get live(): boolean {
    return this.#state === 'live';
  }

  /** Name of the stream once it is known. */
  get stream(): StreamName | undefined {
    return this.#stream;
  }

  /** Asks the policy, then the registry. Never rejects; the key is not kept. */
  async authorise(policy: PublishPolicy, key: string): Promise<Verdict> {
    const { address, protocol, backup, registry, log } = this.#options;
    try {
      const decision = await policy.decide({ key, address, protocol });
      if (this.#isOver()) {
        return GONE;
      }
      if (!decision.allowed) {
        return { accepted: false, status: 'NetStream.Publish.Denied', message: decision.message, reason: 'key' };
      }
      const { disconnect } = this.#options;
      const admission = await registry.admit({ stream: decision.stream, protocol, address, clockRate: CLOCK_RATE, backup, disconnect }, this.#gone.signal);
      if (this.#isOver()) {
        if (admission.admitted) {
          admission.sink.end('lost');
        }
        return GONE;
      }
      if (!admission.admitted) {
        return { accepted: false, message: admission.message, ...ADMISSION_STATUS[admission.code] };
      }
      this.#begin(decision.stream, admission.sink);
      return { accepted: true };
    } catch (error) {
      log.error({ err: error }, 'the stream key could not be checked');
      return { accepted: false, status: 'NetStream.Failed', message: 'The server could not check the stream key. Try again in a moment.', reason: 'failed' };
    }
  }

  /** Bytes came on the connection. */
  heard(): void {
    if (this.live) {
      this.#sink?.heard();
    }
  }

  /** A media or data message of the connection; those of other message streams are not listened to. */
  message(message: RtmpMessage): void {
    const { streamId } = this.#options;
    if (this.#toSource === undefined || this.#state !== 'live' || (streamId !== 0 && message.streamId !== streamId)) {
      return;
    }
    switch (message.type) {
      case MESSAGE.video:
        this.#toSource.video(message.timestamp, message.payload);
        break;
      case MESSAGE.audio:
        this.#toSource.audio(message.timestamp, message.payload);
        break;
      case MESSAGE.dataAmf0:
        this.#toSource.data(message.payload);
        break;
      case MESSAGE.dataAmf3:
        this.#toSource.data(message.payload.subarray(1));
        break;
      default:
    }
  }

  /** Ends it, whatever its state. Idempotent. */
  end(how: 'unpublished' | 'lost'): void {
    if (this.#state !== 'over') {
      this.#state = 'over';
      this.#gone.abort();
      this.#sink?.end(how);
    }
  }

  /** Asked anew after each wait. */
  #isOver(): boolean {
    return this.#state === 'over';
  }

  #begin(stream: StreamName, sink: SourceSink): void {
    const { clock, refuse, metrics } = this.#options;
    this.#state = 'live';
    this.#stream = stream;
    this.#sink = sink;
    this.#toSource = new ToSource({ sink, clock, refuse, dropped: (kind) => metrics.droppedMessages.inc({ kind }) });
  }
}
