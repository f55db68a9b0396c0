import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import type { Nodes } from '#core/placement/nodes.ts';

import type { ControlConfig } from '../config.ts';
import { steeringManifest, type SteeredBroadcast } from '../steering/manifest.ts';
import type { StreamsView } from '../streams-view.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { malformed } from './answers.ts';
import { regionOf } from './region.ts';
import type { Route } from './route.ts';
import { streamNameOf } from './stream-name.ts';

/** What the route of content steering works with. */
export type SteeringOptions = {
  readonly config: ControlConfig;
  readonly view: StreamsView;
  readonly nodes: Nodes | undefined;
  readonly node: NodeId | undefined;
  readonly basePath: (exchange: Pick<Exchange, 'baseUrl'>) => string;
};

/** A pathway's id (draft-pantos-hls-rfc8216bis, 7.1). */
const pathwayPattern = /^[A-Za-z0-9._-]{1,64}$/;
/** As paths of media take it: each clone has it in each of its URLs, so no answer is made large for nothing. */
const tokenPattern = /^[A-Za-z0-9._~-]{1,2048}$/;
/** More than a player can have used between two answers. */
const MAX_USED = 8;

/** The endpoint that players of HLS and DASH ask which edge to use. */
export function steeringRoute(options: SteeringOptions): Route {
  return {
    method: 'get', path: '/api/v1/steering/{stream}', operationId: 'steer', access: 'open',
    summary: 'Content steering',
    description: 'The steering manifest of HLS (rfc8216bis) and DASH (ETSI TS 103 998), asked by players themselves: edges as pathways, in the order in which to use them. The edge that a player uses stays first as long as it lives and is not draining.',
    query: [
      { name: '_HLS_pathway', description: 'The pathway in use, as players of HLS say it.' },
      { name: '_DASH_pathway', description: 'The pathways in use, quoted and with commas between them, as players of DASH say it.' },
      { name: 'region', description: 'Edges of this region come first.' },
      { name: 'token', description: 'Of signed playback: it goes into the URLs of the answer.' },
      { name: 'base', description: 'The pathway of the player\'s own playlist, as a RELOAD-URI repeats it.' },
    ],
    answers: { 200: { description: 'The steering manifest.', schema: 'SteeringManifest' }, 400: malformed, 401: { description: 'The token is wrong (`unauthorized`).', schema: 'Error' } },
    handle: (exchange) => {
      exchange.response.setHeader('Cache-Control', 'no-store');
      answerJson(exchange, 200, steer(options, exchange));
    },
  };
}

function steer({ config, view, nodes, node, basePath }: SteeringOptions, exchange: Exchange) {
  const { query } = exchange;
  const stream = streamNameOf(exchange.stream);
  const ofHls = query.get('_HLS_pathway');
  const token = query.get('token') ?? '';
  return steeringManifest({
    nodes: nodes?.list() ?? [],
    own: node,
    stream,
    onAir: onAirOf(view, stream),
    player: ofHls === null ? 'dash' : 'hls',
    pathways: pathwaysOf(ofHls ?? query.getAll('_DASH_pathway').join(',')),
    base: pathwaysOf(query.get('base') ?? '')[0],
    region: regionOf(exchange, config),
    token: tokenPattern.test(token) ? token : undefined,
    basePath: basePath(exchange),
    spread: Math.random(),
  });
}

function pathwaysOf(text: string): readonly string[] {
  return text.replaceAll('"', '').split(',', MAX_USED).map((id) => id.trim()).filter((id) => pathwayPattern.test(id));
}

function onAirOf(view: StreamsView, stream: StreamName): SteeredBroadcast | undefined {
  const { info, catalog } = view.get(stream) ?? {};
  const offered = catalog?.ladder?.renditions.filter(({ faces }) => faces.includes('hls')) ?? [];
  const tracksOf = (kind: 'video' | 'audio'): readonly string[] => offered.filter(({ config }) => config.kind === kind).map(({ track }) => track);
  return info === undefined || offered.length === 0 ? undefined : { broadcast: info.broadcast, video: tracksOf('video'), audio: tracksOf('audio') };
}
