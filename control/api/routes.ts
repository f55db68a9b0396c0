import type { z } from 'zod';

import type { Bus } from '#core/bus/bus.ts';
import type { NodeId, NodeInfo } from '#core/bus/node.ts';
import { elapsed, type Clock } from '#core/media/time.ts';
import type { Nodes } from '#core/placement/nodes.ts';

import type { ControlConfig } from '../config.ts';
import type { StreamsView, StreamView } from '../streams-view.ts';
import { malformed, unauthorized, unknown } from './answers.ts';
import { ApiError } from './api-error.ts';
import { basePathFor } from './base-path.ts';
import { asAnswer, BUS_AWAY } from './bus-errors.ts';
import { describeCapacity, describeStream, describeViewers, instant } from './describe.ts';
import type { EventStreams } from './event-streams.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { metadataRoute } from './metadata.ts';
import { nodeRoutes } from './nodes.ts';
import { openApiDocument, openApiServers } from './openapi.ts';
import { recordingRoutes } from './recordings.ts';
import type { Route } from './route.ts';
import type { capacitySchema, serverSchema } from './schemas.ts';
import { steeringRoute } from './steering.ts';
import { streamNameOf } from './stream-name.ts';

/** Room of this machine's encoders, in megapixels per second. */
export type Capacity = z.output<typeof capacitySchema>;

/** What the routes work with. */
export type RoutesOptions = {
  readonly config: ControlConfig;
  readonly bus: Bus;
  readonly view: StreamsView;
  readonly events: EventStreams;
  readonly clock: Clock;
  readonly version: string;
  readonly capacity: () => Capacity | undefined;
  /** The processes that work together, and which of them this is; undefined where there is but this one. */
  readonly nodes: Nodes | undefined;
  readonly node: NodeId | undefined;
};

/** Every endpoint of the API. */
export function apiRoutes(options: RoutesOptions): readonly Route[] {
  const { bus, config, view, events, nodes, node } = options;
  const basePath = basePathFor(config);
  const routes: Route[] = [];
  const document = documentOnce(routes, options);
  routes.push(
    {
      method: 'get', path: '/api/v1/streams', operationId: 'listStreams', access: 'more-with-token',
      summary: 'All streams',
      description: 'Every stream that may be published or is on air, by name.',
      answers: { 200: { description: 'The streams.', schema: 'Streams' }, 401: unauthorized },
      handle: (exchange) => answerJson(exchange, 200, { streams: view.list().map((stream) => describeStream(stream, basePath(exchange), exchange.authorized)) }),
    },
    {
      method: 'get', path: '/api/v1/streams/{stream}', operationId: 'getStream', access: 'more-with-token',
      summary: 'One stream',
      description: 'State, source, renditions, viewers, and where it is found. With the token, or with a key of the stream as Bearer token, also the broadcaster\'s address and software, how ingest and encoders do, and warnings in plain words.',
      answers: { 200: { description: 'The stream.', schema: 'Stream' }, 400: malformed, 401: unauthorized, 404: unknown, 503: { description: 'The stream key cannot be checked now (`unavailable`).', schema: 'Error' } },
      handle: (exchange) => answerJson(exchange, 200, describeStream(find(view, exchange), basePath(exchange), exchange.authorized)),
    },
    {
      method: 'get', path: '/api/v1/streams/{stream}/events', operationId: 'listenToStream', access: 'open',
      summary: 'When a stream starts and stops',
      description: 'Server-sent events: `state` at once and at each change, with a StateEvent as data. A comment every 15 s keeps the connection open.',
      answers: {
        200: { description: 'Events, until either side closes.', schema: 'StateEvent', contentType: 'text/event-stream' },
        400: malformed, 404: unknown,
        429: { description: 'Too many connections from one address (`too-many-connections`).', schema: 'Error' },
        503: { description: 'Too many connections in all (`too-many-connections`), or the server is stopping (`stopping`).', schema: 'Error' },
      },
      handle: (exchange) => events.open(exchange, find(view, exchange)),
    },
    {
      method: 'post', path: '/api/v1/streams/{stream}/disconnect', operationId: 'disconnectBroadcaster', access: 'token',
      summary: 'Disconnect the broadcaster',
      description: 'Ends the broadcaster\'s connection. Their key still works and most software comes back by itself: to keep somebody out, take the key away.',
      answers: {
        202: { description: 'The broadcaster is being disconnected.', schema: 'Disconnected' },
        400: malformed, 401: unauthorized, 404: unknown, 409: { description: 'Nobody is broadcasting (`offline`).', schema: 'Error' },
        503: { description: 'The broadcaster\'s server cannot be reached now (`unavailable`).', schema: 'Error' },
      },
      handle: (exchange) => disconnect(options, exchange),
    },
    metadataRoute({ bus, find: (exchange) => find(view, exchange) }),
    ...recordingRoutes({ bus, basePath, nodes, node }),
    ...nodeRoutes({ config, nodes }),
    steeringRoute({ config, view, nodes, node, basePath }),
    {
      method: 'get', path: '/api/v1/server', operationId: 'getServer', access: 'token',
      summary: 'The server',
      description: 'Version, uptime, what is on air and the encoders\' room on all processes that work together, limits.',
      answers: { 200: { description: 'The server.', schema: 'Server' }, 401: unauthorized },
      handle: (exchange) => answerJson(exchange, 200, describeServer(options, started)),
    },
    {
      method: 'get', path: '/api/v1/openapi.json', operationId: 'getOpenApi', access: 'open',
      summary: 'This document',
      description: 'The API as an OpenAPI 3.1 document.',
      answers: { 200: { description: 'The document.' } },
      handle: (exchange) => answerJson(exchange, 200, document(exchange.baseUrl)),
    },
  );
  const started = options.clock();
  return routes;
}

/** The document, written at the first request: that takes milliseconds, in which the thread carries no frame. */
function documentOnce(routes: readonly Route[], { version, config }: RoutesOptions): (baseUrl: string) => Record<string, unknown> {
  let written: Record<string, unknown> | undefined;
  return (baseUrl) => {
    const url = config.publicUrl ?? baseUrl;
    written ??= openApiDocument(routes, { version, url });
    return { ...written, servers: openApiServers(url) };
  };
}

function find(view: StreamsView, exchange: Exchange): StreamView {
  const stream = streamNameOf(exchange.stream);
  const found = view.get(stream);
  if (found === undefined) {
    throw new ApiError(404, 'unknown-stream', `There is no stream "${stream}".`);
  }
  return found;
}

/** Takes the lease of the stream's ingest, so that its holder lets its publisher go, and gives it back at once. */
async function disconnect({ bus, view }: RoutesOptions, exchange: Exchange): Promise<void> {
  const { stream, state, info } = find(view, exchange);
  if (info === undefined || state !== 'live') {
    throw new ApiError(409, 'offline', `Nobody is broadcasting on stream "${stream}" now.`);
  }
  const lease = await bus.lease(`ingest/${stream}`).catch((thrown: unknown) => {
    throw asAnswer(thrown, BUS_AWAY, 'The process that takes the broadcast cannot be reached now. Try again in some seconds.');
  });
  lease.release();
  answerJson(exchange, 202, { stream, broadcast: info.broadcast });
}

function describeServer({ config, view, clock, version, capacity, nodes }: RoutesOptions, started: ReturnType<Clock>): z.output<typeof serverSchema> {
  const streams = view.list();
  const count = (state: StreamView['state']): number => streams.filter((stream) => stream.state === state).length;
  const { publishAttemptsPerMinute, eventConnections, eventConnectionsPerAddress } = config;
  const room = roomOf(nodes?.list() ?? []) ?? capacity();
  return {
    version,
    startedAt: instant(started),
    uptimeSeconds: Math.max(0, Math.floor(elapsed(started, clock()) / 1000)),
    nodes: Math.max(1, nodes?.list().length ?? 1),
    streams: { known: streams.length, live: count('live'), interrupted: count('interrupted') },
    viewers: describeViewers(streams.flatMap(({ catalog }) => catalog.audience ?? [])),
    capacity: room === undefined ? null : describeCapacity(room),
    limits: { publishAttemptsPerMinute, eventConnections, eventConnectionsPerAddress },
  };
}

/** What all transcoders have together; undefined where there are none. */
function roomOf(nodes: readonly NodeInfo[]): Capacity | undefined {
  const rooms = nodes.flatMap(({ transcode }) => transcode ?? []);
  const sum = (fact: keyof Capacity): number => rooms.reduce((all, room) => all + room[fact], 0);
  return rooms.length === 0 ? undefined : { megapixelsPerSecond: sum('megapixelsPerSecond'), budget: sum('budget'), used: sum('used') };
}
