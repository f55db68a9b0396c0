import type { NodeId, NodeInfo } from '#core/bus/node.ts';
import { isOpenEdge, livingEdges, type ReachableNode } from '#core/placement/choose.ts';

import { cloneForDash, cloneForHls, type PathwayClone } from './clones.ts';
import type { Steering } from './steering.ts';

export type { SteeredBroadcast, Steering } from './steering.ts';

/**
 * A steering manifest (draft-pantos-hls-rfc8216bis, 7.1; the same members in ETSI TS 103 998, 6). A pathway is an edge; its id is the node's name, `.` where the
 * serving edge has none.
 */
export type SteeringManifest = {
  readonly 'VERSION': 1;
  /** Seconds. */
  readonly 'TTL': number;
  readonly 'RELOAD-URI': string;
  readonly 'PATHWAY-PRIORITY': readonly string[];
  readonly 'PATHWAY-CLONES'?: readonly PathwayClone[];
};

/** Shorter than a drain: players that know nothing but steering have moved before the edge goes. */
export const STEERING_TTL = 10;

/** A player goes through them one after the other when edges fail; more would only make each answer larger. */
const MAX_PATHWAYS = 5;

/** The id of the only pathway where nobody has a name. */
const NAMELESS = '.';

/**
 * Puts the edges in order for one player. The edge that it uses stays first as long as it lives, is not draining and is of the player's region: load alone
 * moves nobody who is watching.
 */
export function steeringManifest(steering: Steering): SteeringManifest {
  const { own = NAMELESS, player, pathways } = steering;
  const priority = pathwaysFor(steering);
  // What a player has cloned before it may keep or forget: each answer has all clones anew, made of what its playlist has. An MPD may have come from elsewhere since.
  const base = steering.base ?? (player === 'hls' ? pathways[0] : undefined) ?? own;
  const bases = player === 'hls' ? [base] : [...new Set([base, ...pathways, own])];
  const clones = priority.flatMap((edge) => bases.flatMap((id) => (id === edge.node ? [] : (clone(steering, edge, id) ?? []))));
  return {
    'VERSION': 1,
    'TTL': STEERING_TTL,
    'RELOAD-URI': reloadUri(steering, base, priority[0]),
    // MUST NOT be empty.
    'PATHWAY-PRIORITY': priority.length === 0 ? [own] : priority.map(({ node }) => node),
    ...(clones.length === 0 ? {} : { 'PATHWAY-CLONES': clones }),
  };
}

function pathwaysFor({ nodes, own, pathways, region, spread }: Steering): readonly ReachableNode[] {
  const living = livingEdges(nodes, { region }, spread);
  const using = pathways.length > 0 || own === undefined ? pathways : [own];
  const used = using.flatMap((id) => living.find(({ node }) => node === id) ?? []);
  const isServed = region !== undefined && living.some((edge) => edge.region === region && isOpenEdge(edge));
  const stays = used.find((edge) => !edge.draining && (!isServed || edge.region === region));
  const others = living.filter((edge) => edge !== stays && !used.includes(edge)).slice(0, MAX_PATHWAYS - 1);
  // What the player uses and shall leave stays in the list, behind what takes viewers: its address is known to work.
  const left = used.filter((edge) => edge !== stays);
  return stays === undefined ? [...others, ...left] : [stays, ...sorted([...others, ...left], living)];
}

function sorted(edges: readonly ReachableNode[], order: readonly ReachableNode[]): readonly ReachableNode[] {
  return order.filter((edge) => edges.includes(edge));
}

/**
 * Followed to the edge that is watched, so that each edge is asked by its own viewers. Absolute: dash.js resolves by the address that the MPD names, not by the one that
 * answered.
 */
function reloadUri({ nodes, own, stream, region, token, basePath }: Steering, base: string, first: ReachableNode | undefined): string {
  const at = first?.url ?? urlOf(nodes, own);
  const query = new URLSearchParams({ base, ...(region === undefined ? {} : { region }), ...(token === undefined ? {} : { token }) });
  return `${at ?? basePath}/api/v1/steering/${stream}?${query.toString()}`;
}

function clone(steering: Steering, edge: ReachableNode, base: string): PathwayClone | undefined {
  const baseUrl = urlOf(steering.nodes, base);
  return steering.player === 'hls' ? cloneForHls(steering, edge, base, baseUrl) : cloneForDash(edge, base, baseUrl);
}

function urlOf(nodes: readonly NodeInfo[], id: NodeId | undefined): string | undefined {
  const url = nodes.find(({ node }) => node === id)?.url;
  return url !== undefined && URL.canParse(url) ? url : undefined;
}
