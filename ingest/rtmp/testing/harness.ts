import { pino } from 'pino';
import { Registry } from 'prom-client';

import type { PublishDecision, PublishPolicy, PublishRequest } from '#core/access/publish-policy.ts';
import type { IngestHealth } from '#core/bus/catalog.ts';
import type { MetadataRequest } from '#core/bus/metadata.ts';
import { wallTime } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Admission, NetworkFacts, Publisher, PublisherRegistry, SourceConfig, SourceSample, SourceSink } from '../../source.ts';
import { rtmpMetrics } from '../metrics.ts';
import { rtmpOptions, type RtmpConfig } from '../options.ts';
import { RtmpSession } from '../session.ts';
import { MESSAGE } from '../protocol.ts';
import { ServerReader, chunks, publishingBytes } from './client.ts';

/** Everything one publisher poured into its sink. */
export class RecordedPublisher {
  readonly publisher: Publisher;
  readonly configs: SourceConfig[] = [];
  readonly samples: SourceSample[] = [];
  readonly claims: object[] = [];
  readonly messages: MetadataRequest[] = [];
  readonly warnings: { readonly code: string; readonly message: string }[] = [];
  readonly network: NetworkFacts[] = [];
  /** What the sink says of the publisher. */
  health: IngestHealth | undefined;
  ended: 'unpublished' | 'lost' | undefined;
  /** Times that something was heard which is no sample. */
  heard = 0;

  constructor(publisher: Publisher) {
    this.publisher = publisher;
  }
}

/** A registry that admits everybody, unless told otherwise, and records what they pour. */
export class RecordingRegistry implements PublisherRegistry {
  readonly publishers: RecordedPublisher[] = [];
  refusal: Extract<Admission, { admitted: false }> | undefined;
  /** What an answer waits for. */
  deciding: Promise<void> | undefined;
  /** Aborted where the last publisher left before it was answered. */
  signal: AbortSignal | undefined;
  /** Called after every change; for tests that wait. */
  changed: () => void = () => undefined;

  /** See `PublisherRegistry`. */
  async admit(publisher: Publisher, signal?: AbortSignal): Promise<Admission> {
    this.signal = signal;
    await this.deciding;
    if (this.refusal !== undefined) {
      return this.refusal;
    }
    return { admitted: true, sink: this.seat(publisher) };
  }

  /** A sink that records what is poured into it. */
  seat(publisher: Publisher): SourceSink {
    const recorded = new RecordedPublisher(publisher);
    this.publishers.push(recorded);
    const noted = <A extends unknown[]>(note: (...args: A) => void) => (...args: A): void => {
      note(...args);
      this.changed();
    };
    return {
      config: noted((config: SourceConfig) => recorded.configs.push(config)),
      heard: () => {
        recorded.heard += 1;
      },
      sample: noted((sample: SourceSample) => recorded.samples.push(sample)),
      metadata: noted((claims: object) => recorded.claims.push(claims)),
      message: noted((message: MetadataRequest) => recorded.messages.push(message)),
      network: noted((facts: NetworkFacts) => recorded.network.push(facts)),
      get health() {
        return recorded.health;
      },
      warn: noted((code: string, message: string) => recorded.warnings.push({ code, message })),
      end: noted((how: 'unpublished' | 'lost') => (recorded.ended ??= how)),
    };
  }

  /** Waits until a condition on what was recorded is met. */
  until(met: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const before = this.changed;
      this.changed = () => {
        before();
        if (met()) {
          this.changed = before;
          resolve();
        }
      };
      this.changed();
    });
  }
}

/** The key that {@link openPolicy} takes. */
export const GOOD_KEY = 'demo_abcdefghijklmnop';

/** Takes {@link GOOD_KEY} only, and records who asked. */
export function openPolicy(): PublishPolicy & { readonly requests: PublishRequest[] } {
  const requests: PublishRequest[] = [];
  const decide = (request: PublishRequest): Promise<PublishDecision> => {
    requests.push(request);
    return Promise.resolve(
      request.key === GOOD_KEY ? { allowed: true, stream: 'demo' } : { allowed: false, code: 'publish/unknown-key', message: 'This stream key is not known. Check it.' },
    );
  };
  return { requests, decide };
}

/** A policy that decides when the test says so. */
export function slowPolicy(): PublishPolicy & { decideNow(decision: PublishDecision): void; fail(error: Error): void } {
  const asked = Promise.withResolvers<PublishDecision>();
  return { decide: () => asked.promise, decideNow: (decision) => asked.resolve(decision), fail: (error) => asked.reject(error) };
}

/** The defaults of the option table, with changes. */
export function rtmpConfig(changes: Partial<RtmpConfig> = {}): RtmpConfig {
  const defaults = Object.fromEntries(Object.entries(rtmpOptions).map(([name, { schema }]) => [name, schema.parse(undefined)]));
  return { ...(defaults as RtmpConfig), ...changes };
}

/** A logger that keeps its lines. */
export function memoryLog(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }), lines };
}

/** A session without a socket. */
export type SessionHarness = {
  readonly session: RtmpSession;
  readonly server: ServerReader;
  readonly registry: RecordingRegistry;
  readonly lines: readonly string[];
  readonly metrics: Registry;
  /** What the wire was told: `held`, `resumed`, `ended`. */
  readonly wire: string[];
};

/** Makes a session on a wire of its own; pieces that are not given are made. */
export function sessionHarness(
  options: { readonly config?: Partial<RtmpConfig>; readonly policy?: PublishPolicy; readonly registry?: RecordingRegistry } = {},
): SessionHarness {
  const server = new ServerReader();
  const registry = options.registry ?? new RecordingRegistry();
  const metrics = new Registry();
  const { log, lines } = memoryLog();
  const wire: string[] = [];
  const session = new RtmpSession({
    wire: { write: (bytes) => server.push(bytes), hold: (held) => wire.push(held ? 'held' : 'resumed'), end: () => wire.push('ended') },
    address: '192.0.2.1',
    protocol: 'rtmp',
    config: rtmpConfig(options.config),
    policy: options.policy ?? openPolicy(),
    registry,
    log,
    metrics: rtmpMetrics(metrics),
    clock: () => wallTime(1_700_000_000_000),
  });
  return { session, server, registry, lines, metrics, wire };
}

/** Lets every promise that is settled run on. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A session whose publisher has been accepted. */
export async function publishing(options: Parameters<typeof sessionHarness>[0] = {}): Promise<SessionHarness> {
  const harness = sessionHarness(options);
  harness.session.receive(publishingBytes(GOOD_KEY));
  await settled();
  if (!harness.session.publishing) {
    throw new Error(`not publishing: ${harness.server.codes.join(', ')}`);
  }
  return harness;
}

/** A video message in chunks, as a publisher sends it. */
export function video(payload: Uint8Array, timestamp = 0, streamId = 1): Uint8Array {
  return chunks({ type: MESSAGE.video, payload, timestamp, streamId, chunkStreamId: 6 });
}

/** An audio message in chunks, as a publisher sends it. */
export function audio(payload: Uint8Array, timestamp = 0, streamId = 1): Uint8Array {
  return chunks({ type: MESSAGE.audio, payload, timestamp, streamId, chunkStreamId: 4 });
}
