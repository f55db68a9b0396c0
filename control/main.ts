import type { Registry } from 'prom-client';

import type { PublishPolicy } from '#core/access/publish-policy.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { millis, systemClock, type Clock, type Millis } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';

import { EventStreams } from './api/event-streams.ts';
import { apiRouter, type ApiRouter } from './api/router.ts';
import { apiRoutes, type Capacity } from './api/routes.ts';
import type { ControlConfig } from './config.ts';
import { controlMetrics } from './metrics.ts';
import { AttemptLimiter } from './policy/attempt-limiter.ts';
import { configuredKeys } from './policy/configured-keys.ts';
import { KeyPolicy } from './policy/key-policy.ts';
import { StreamsView } from './streams-view.ts';
import { authorizer, bearerOf, type WithHeaders } from './token/authorize.ts';
import { loadApiToken } from './token/token-file.ts';

export type { Capacity } from './api/routes.ts';
export { controlOptions, type ControlConfig } from './config.ts';
export { configuredKeys, type ConfiguredKeys } from './policy/configured-keys.ts';

/** What {@link startControl} works with. */
export type ControlOptions = {
  readonly config: ControlConfig;
  readonly bus: Bus;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly clock?: Clock;
  /** Millrace's version, as the API tells it. */
  readonly version?: string;
  /** Room of this machine's encoders; undefined until it is measured. */
  readonly capacity?: () => Capacity | undefined;
  /** Between the comments that keep event connections open. Default 15 s. */
  readonly heartbeat?: Millis;
};

/** The application server: who may publish, what is on air, the API. */
export interface ControlStage extends Stage {
  readonly policy: PublishPolicy;
  /** Serves `/api/...`; mount it under the base path. */
  readonly router: ApiRouter;
  /** File of the API token. */
  readonly tokenPath: string;
  /** Tells whether a request carries the API token; for `/metrics` and whatever else is not public. */
  authorize(request: WithHeaders): boolean;
  /** Lets a further key publish and makes its stream known. Throws {@link MillraceError} `publish/malformed-key`. */
  addKey(key: string): StreamName;
  /** Streams that somebody may publish. */
  knownStreams(): readonly StreamName[];
}

/**
 * Starts the control stage.
 *
 * @throws {MillraceError} `config/invalid` where stream keys are malformed or double, all of them listed;
 *   `control/token-unusable` where the API token can be neither read nor made.
 */
export async function startControl({ config, bus, log, metrics, clock = systemClock, version = '0.0.0', capacity = () => undefined, heartbeat = millis(15_000) }: ControlOptions): Promise<ControlStage> {
  const { keys, problems } = configuredKeys(config);
  if (problems.length > 0) {
    throw new MillraceError('config/invalid', problems.join('\n'), { details: { problems } });
  }
  const { token, path: tokenPath, created } = await loadApiToken(config.dataDir, log);
  if (created) {
    log.info({ path: tokenPath }, 'made the API token');
  }
  const authorize = authorizer(token);
  const view = new StreamsView(bus);
  const events = new EventStreams({ view, heartbeat, maxConnections: config.eventConnections, maxConnectionsPerAddress: config.eventConnectionsPerAddress });
  const { decisions } = controlMetrics(metrics, { streams: () => countStates(view), listeners: () => events.size });
  const limiter = new AttemptLimiter({ perMinute: config.publishAttemptsPerMinute, clock });
  const policy = new KeyPolicy({ limiter, log, decisions, onStream: (stream) => view.know(stream) });
  keys.forEach((key) => policy.addKey(key));
  const routes = apiRoutes({ config, bus, view, events, clock, version, capacity });
  const ended = Promise.withResolvers<void>();
  return {
    policy,
    router: apiRouter({ routes, authorize, publishes: (request, stream, address) => policy.opens(bearerOf(request) ?? '', stream, address), log }),
    tokenPath,
    authorize: (request) => authorize(request) === 'token',
    addKey: (key) => policy.addKey(key),
    knownStreams: () => policy.knownStreams(),
    closed: ended.promise,
    close: () => {
      events.close();
      view.close();
      ended.resolve();
      return ended.promise;
    },
  };
}

function countStates(view: StreamsView): Record<'live' | 'interrupted' | 'offline', number> {
  const counts = { live: 0, interrupted: 0, offline: 0 };
  view.list().forEach(({ state }) => {
    counts[state] += 1;
  });
  return counts;
}
