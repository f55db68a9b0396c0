import type { PublishPolicy } from '#core/access/publish-policy.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { Clock } from '#core/media/time.ts';
import type { MonotonicClock } from '#core/rtc/monotonic.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';
import type { Asker, CreatedSession, SessionFactory, SessionRequest } from '#core/rtc/signalling/session-factory.ts';
import type { RtcTransport } from '#core/rtc/transport.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { AdmissionRefusal, PublisherRegistry } from '../source.ts';
import { encoderOf } from './encoder-name.ts';
import { healthLink } from './health.ts';
import type { RefusalReason, WhipMetrics } from './metrics.ts';
import { negotiate } from './negotiate.ts';
import { PublisherSession } from './publisher-session.ts';
import { CLOCK_RATE } from './stream-clock.ts';

/** What WHIP's sessions are made with. */
export type WhipFactoryOptions = {
  readonly rtc: RtcTransport;
  readonly policy: PublishPolicy;
  readonly registry: PublisherRegistry;
  readonly clock: Clock;
  readonly monotonic: MonotonicClock;
  readonly log: Logger;
  readonly metrics: WhipMetrics;
  /** Path of the public URL before `/whip`. */
  readonly basePath: string;
};


/** Status and count of the registry's refusals. 409 for a stream that is live (design, rule 11). */
const ADMISSION: Readonly<Record<AdmissionRefusal, { readonly status: number; readonly reason: RefusalReason; readonly retryAfter: number }>> = {
  'ingest/stream-busy': { status: 409, reason: 'busy', retryAfter: 2 },
  'ingest/too-many-publishers': { status: 503, reason: 'full', retryAfter: 10 },
  'ingest/backup-busy': { status: 409, reason: 'busy', retryAfter: 2 },
  'ingest/stopping': { status: 503, reason: 'stopping', retryAfter: 2 },
  'ingest/unreachable': { status: 503, reason: 'failed', retryAfter: 2 },
  'ingest/gone': { status: 503, reason: 'failed', retryAfter: 2 },
};

/** Makes the sessions of WHIP: asks the policy, negotiates, opens the transport, asks the registry. */
export class WhipFactory implements SessionFactory {
  readonly #options: WhipFactoryOptions;

  readonly #sessions = new Map<string, PublisherSession>();

  constructor(options: WhipFactoryOptions) {
    this.#options = options;
  }

  /** An open session by its id. */
  session(id: string): PublisherSession | undefined {
    return this.#sessions.get(id);
  }

  async admit({ stream, bearer, address }: Asker): Promise<StreamName> {
    const { policy, metrics } = this.#options;
    if (bearer === undefined) {
      metrics.refused.inc({ reason: 'key' });
      throw new Refusal(401, 'publish/no-key', 'The stream key is missing: send it as the Bearer token.');
    }
    const decision = await policy.decide({ key: bearer, address, protocol: 'whip' });
    if (!decision.allowed) {
      metrics.refused.inc({ reason: 'key' });
      throw new MillraceError(decision.code, decision.message);
    }
    if (stream !== undefined && stream !== decision.stream) {
      metrics.refused.inc({ reason: 'stream' });
      throw new Refusal(403, 'publish/other-stream', 'The stream key is of another stream than the URL names.');
    }
    return decision.stream;
  }

  async create(request: SessionRequest): Promise<CreatedSession> {
    const { rtc, registry, clock, monotonic, log, metrics, basePath } = this.#options;
    const { stream, address, offer, userAgent, signal } = request;
    const negotiated = this.#counted('offer', () => negotiate(offer));
    const session = this.#counted('failed', () => new PublisherSession({ request, negotiated, rtc, clock, monotonic, log, metrics }));
    const disconnect = (reason: string): void => session.disconnect(reason);
    try {
      const answer = session.answer();
      const backup = isBackup(request.query);
      const publisher = { stream, protocol: 'whip', address, clockRate: CLOCK_RATE, adaptive: negotiated.adaptive, backup, disconnect, requestKey: () => session.requestKey() } as const;
      const admission = await registry.admit(publisher, signal);
      if (!admission.admitted) {
        const { status, reason, retryAfter } = ADMISSION[admission.code];
        metrics.refused.inc({ reason });
        throw new Refusal(status, admission.code, admission.message, { retryAfter });
      }
      session.begin(admission.sink);
      const has = (kind: 'video' | 'audio'): boolean => negotiated.plan.media.some((media) => media.kind === kind);
      const encoder = encoderOf(userAgent);
      admission.sink.metadata({ hasVideo: has('video'), hasAudio: has('audio'), ...(encoder === undefined ? {} : { encoder }) });
      log.info({ stream, address, encoder, layers: negotiated.plan.media.find(({ kind }) => kind === 'video')?.rids }, 'a WHIP publisher was admitted');
      this.#sessions.set(session.id, session);
      void session.closed.then(() => this.#sessions.delete(session.id));
      return { answer, session, links: [healthLink(basePath, stream, session.id)] };
    } catch (error) {
      session.disconnect('refused');
      throw error;
    }
  }

  #counted<T>(reason: RefusalReason, work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.#options.metrics.refused.inc({ reason });
      throw error;
    }
  }
}

/** `?backup=1` in the URL (ADR 0013). */
function isBackup(query: URLSearchParams | undefined): boolean {
  const value = query?.get('backup');
  return value !== undefined && value !== null && ['1', 'true', 'yes', ''].includes(value);
}
