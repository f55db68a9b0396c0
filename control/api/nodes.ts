import type { z } from 'zod';

import type { NodeInfo } from '#core/bus/node.ts';
import { ingestsFor, livingEdges } from '#core/placement/choose.ts';
import type { Nodes } from '#core/placement/nodes.ts';

import type { ControlConfig } from '../config.ts';
import { malformed, unauthorized } from './answers.ts';
import { instant } from './describe.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { regionOf } from './region.ts';
import type { Route } from './route.ts';
import type { edgesSchema, ingestsSchema, nodeSchema } from './schemas.ts';
import { streamNameOf } from './stream-name.ts';

/** What the routes of nodes work with. */
export type NodesOptions = { readonly config: ControlConfig; readonly nodes: Nodes | undefined };

/** Seconds for which an answer may be used. */
const TTL = 10;
/** Nobody tries more of them. */
const MAX_LISTED = 16;

const region = { name: 'region', description: 'Those of this region come first. Without it, the region that a trusted proxy tells.' };

/** The endpoints that tell which processes work together. */
export function nodeRoutes({ config, nodes }: NodesOptions): readonly Route[] {
  const known = (): readonly NodeInfo[] => nodes?.list() ?? [];
  return [
    {
      method: 'get', path: '/api/v1/edges', operationId: 'listEdges', access: 'open',
      summary: 'Where to watch',
      description: 'Edges that viewers can use, best first: of their region, then by load. Empty where this server is the only one.',
      query: [{ name: 'stream', description: 'What is to be watched. Every edge has every stream.' }, region],
      answers: { 200: { description: 'The edges.', schema: 'Edges' }, 400: malformed, 401: unauthorized },
      handle: (exchange) => {
        const stream = exchange.query.get('stream');
        if (stream !== null) {
          streamNameOf(stream);
        }
        answerOnce(exchange, listEdges(known(), regionOf(exchange, config)));
      },
    },
    {
      method: 'get', path: '/api/v1/ingests', operationId: 'listIngests', access: 'open',
      summary: 'Where to broadcast to',
      description: 'Servers that take another broadcaster, best first. Empty where this server is the only one. Browsers must ask before they publish by WHIP: they take the key out of a request that is sent on to another server.',
      query: [region],
      answers: { 200: { description: 'The ingests.', schema: 'Ingests' }, 400: malformed, 401: unauthorized },
      handle: (exchange) => answerOnce(exchange, listIngests(known(), regionOf(exchange, config))),
    },
    {
      method: 'get', path: '/api/v1/nodes', operationId: 'listNodes', access: 'token',
      summary: 'The processes that work together',
      description: 'Every process on the bus, by name: what it does, where it is reached, how full it is.',
      answers: { 200: { description: 'The processes.', schema: 'Nodes' }, 401: unauthorized },
      handle: (exchange) => answerJson(exchange, 200, { nodes: known().map(describeNode) }),
    },
  ];
}

/** The order differs from answer to answer: a cache between would send everybody to the same edge. */
function answerOnce(exchange: Exchange, body: unknown): void {
  exchange.response.setHeader('Cache-Control', 'no-store');
  answerJson(exchange, 200, body);
}

function listEdges(nodes: readonly NodeInfo[], wanted: string | undefined): z.output<typeof edgesSchema> {
  const edges = livingEdges(nodes, { region: wanted }, Math.random()).filter(({ draining }) => !draining);
  return { edges: edges.slice(0, MAX_LISTED).map(({ node, url, region: at, edge }) => ({ node, url, region: at ?? null, load: toHundredths(edge?.load ?? 1) })), ttl: TTL };
}

function listIngests(nodes: readonly NodeInfo[], wanted: string | undefined): z.output<typeof ingestsSchema> {
  const ingests = ingestsFor(nodes, { region: wanted, takes: 'anything' }, Math.random());
  return { ingests: ingests.slice(0, MAX_LISTED).map(({ node, url, region: at, ingest }) => ({ node, url, region: at ?? null, whip: ingest?.whip ?? false, rtmp: ingest?.rtmpUrl ?? null })), ttl: TTL };
}

function describeNode({ node, roles, version, startedAt, region: at, url, draining, ingest, transcode, edge }: NodeInfo): z.output<typeof nodeSchema> {
  return {
    node, roles: [...roles], version, startedAt: instant(startedAt), region: at ?? null, url: url ?? null, draining,
    ingest: ingest === undefined ? null : { publishers: ingest.publishers, maxPublishers: ingest.maxPublishers, rtmp: ingest.rtmpUrl ?? null, whip: ingest.whip },
    transcode:
      transcode === undefined
        ? null
        : {
            megapixelsPerSecond: toHundredths(transcode.megapixelsPerSecond), budget: toHundredths(transcode.budget), used: toHundredths(transcode.used),
            broadcasts: transcode.broadcasts, cores: transcode.cores,
          },
    edge: edge === undefined ? null : { viewers: { hls: edge.viewers.hls, dash: edge.viewers.dash, webrtc: edge.viewers.webrtc }, load: toHundredths(edge.load), whep: edge.whep, archive: edge.archive },
  };
}

function toHundredths(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : 0;
}
