import type { Registry } from 'prom-client';

import { KnownStreams } from '#core/access/known-streams.ts';
import type { AccessPolicy } from '#core/access/publish-policy.ts';
import { createRemotePolicy } from '#core/access/remote-policy.ts';
import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import { millis, systemClock, type Clock, type Millis } from '#core/media/time.ts';
import { edgesFor } from '#core/placement/choose.ts';
import type { Nodes } from '#core/placement/nodes.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';

import { EventStreams } from './api/event-streams.ts';
import { apiRouter, type ApiRouter } from './api/router.ts';
import { apiRoutes, type Capacity } from './api/routes.ts';
import type { ControlConfig } from './config.ts';
import { controlMetrics, type ControlMetrics } from './metrics.ts';
import { StreamsView } from './streams-view.ts';
import { authorizer, bearerOf, type WithHeaders } from './token/authorize.ts';
import { apiTokenOf } from './token/api-token.ts';

/** What {@link startApi} works with. */
export type ApiOptions = {
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
  /** The processes that work together; without it the API knows of this one alone. */
  readonly nodes?: Nodes;
  /** Which of them this is. */
  readonly node?: NodeId;
};

/** The API, and what guards it. */
export interface ApiStage extends Stage {
  /** Who may publish: asks whoever has the keys. */
  readonly policy: AccessPolicy;
  /** Serves `/api/...`; mount it under the base path. */
  readonly router: ApiRouter;
  /** File of the API token; `MILLRACE_API_TOKEN` where the configuration has it. */
  readonly tokenPath: string;
  /** Tells whether a request carries the API token; for `/metrics` and whatever else is not public. */
  authorize(request: WithHeaders): boolean;
  /** Streams that somebody may publish. */
  knownStreams(): readonly StreamName[];
}

/**
 * Starts the API in a process without stream keys (ingest, transcode, edge): it asks the control role over the bus who may publish, and learns from it which streams
 * are known.
 *
 * @throws {MillraceError} `control/token-unusable` where the API token can be neither read nor made.
 */
export async function startApi(options: ApiOptions): Promise<ApiStage> {
  const known = new KnownStreams(options.bus);
  try {
    return await openApi(options, (metrics) => ({ policy: watched(createRemotePolicy(options.bus), options.log, metrics), known, close: () => known.close() }));
  } catch (error) {
    known.close();
    throw error;
  }
}

/** The same policy; the operator learns of it when nobody could be asked. */
function watched(policy: AccessPolicy, log: Logger, { decisions }: ControlMetrics): AccessPolicy {
  return {
    decide: async (request) => {
      const decision = await policy.decide(request);
      if (!decision.allowed && decision.code === 'publish/unavailable') {
        decisions.inc({ result: 'unavailable' });
        log.warn({ address: request.address, protocol: request.protocol }, 'a publisher was refused because no process with the control role answers');
      }
      return decision;
    },
    opens: (key, stream, address) => policy.opens(key, stream, address),
  };
}

/** Where an API's policy comes from. */
export type PolicySource = {
  readonly policy: AccessPolicy;
  readonly known: Pick<KnownStreams, 'list' | 'onChange'>;
  readonly close: () => void;
};

/** Composes the API around a policy. Nothing of the policy is started where the token cannot be had. */
export async function openApi(options: ApiOptions, policyFor: (metrics: ControlMetrics) => PolicySource): Promise<ApiStage> {
  const { config, bus, log, metrics, clock = systemClock, version = '0.0.0', capacity = () => undefined, heartbeat = millis(15_000), nodes, node } = options;
  const { token, place } = await apiTokenOf(config, log);
  const authorize = authorizer(token);
  const view = new StreamsView(bus);
  const events = new EventStreams({ view, heartbeat, maxConnections: config.eventConnections, maxConnectionsPerAddress: config.eventConnectionsPerAddress });
  const { policy, known, close } = policyFor(controlMetrics(metrics, { streams: () => countStates(view), listeners: () => events.size }));
  known.onChange((streams) => view.setKnown(streams));
  const stopMoving = nodes === undefined || node === undefined ? undefined : moveListeners(events, nodes, node);
  const routes = apiRoutes({ config, bus, view, events, clock, version, capacity, nodes, node });
  const ended = Promise.withResolvers<void>();
  return {
    policy,
    router: apiRouter({ routes, authorize, publishes: (request, stream, address) => policy.opens(bearerOf(request) ?? '', stream, address), log }),
    tokenPath: place,
    authorize: (request) => authorize(request) === 'token',
    knownStreams: () => known.list(),
    closed: ended.promise,
    close: () => {
      close();
      stopMoving?.();
      events.close();
      view.close();
      ended.resolve();
      return ended.promise;
    },
  };
}

/** Once this node drains, listeners are told where else they find their events. */
function moveListeners(events: EventStreams, nodes: Nodes, node: NodeId): Unsubscribe {
  return nodes.onChange(() => {
    const own = nodes.get(node);
    if (own?.draining === true) {
      events.drain(() => edgesFor(nodes.list(), { region: own.region, except: [node] }, Math.random())[0]?.url);
    }
  });
}

function countStates(view: StreamsView): Record<'live' | 'interrupted' | 'offline', number> {
  const counts = { live: 0, interrupted: 0, offline: 0 };
  view.list().forEach(({ state }) => {
    counts[state] += 1;
  });
  return counts;
}
