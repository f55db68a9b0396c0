import type { NodeId, NodeInfo } from '../bus/node.ts';

/** Who is looked for. */
export type Wanted = {
  /** Where the asker stands; nodes of the same region come first. */
  readonly region?: string | undefined;
  /** Nodes that shall not be named: who asks for another. */
  readonly except?: readonly NodeId[];
};

/** A node that can be reached from outside. */
export type ReachableNode = NodeInfo & { readonly url: string };

/**
 * Edges that take viewers, best first: of the asker's region, then by load; equal ones in an order that differs from asker to asker, by `spread`.
 * Full and draining ones are left out.
 *
 * @param wanted.whep only those that serve WebRTC.
 * @param spread 0 to 1: who of equals comes first. A random number spreads viewers evenly.
 */
export function edgesFor(nodes: readonly NodeInfo[], wanted: Wanted & { readonly whep?: boolean } = {}, spread = 0): readonly ReachableNode[] {
  const fit = reachable(nodes, wanted).filter((node) => isOpenEdge(node) && (wanted.whep !== true || node.edge?.whep === true));
  return ordered(fit, wanted, edgeLoad, spread);
}

/** Every edge that lives, best first: those of {@link edgesFor}, then full ones, then draining ones. Whoever has lost the others is better off there than nowhere. */
export function livingEdges(nodes: readonly NodeInfo[], wanted: Wanted = {}, spread = 0): readonly ReachableNode[] {
  const living = reachable(nodes, wanted).filter(({ edge }) => edge !== undefined);
  const [open, others] = divided(living, isOpenEdge);
  const [draining, full] = divided(others, (node) => node.draining);
  return [open, full, draining].flatMap((group) => ordered(group, wanted, edgeLoad, spread));
}

/** Tells whether an edge takes further viewers. */
export function isOpenEdge({ edge, draining }: NodeInfo): boolean {
  return edge !== undefined && edge.load < 1 && !draining;
}

/**
 * Ingests that take publishers, best first. Full and draining ones are left out.
 *
 * @param wanted.takes `whip` (default): only those that take WHIP.
 */
export function ingestsFor(nodes: readonly NodeInfo[], wanted: Wanted & { readonly takes?: 'whip' | 'anything' } = {}, spread = 0): readonly ReachableNode[] {
  const { takes = 'whip' } = wanted;
  const fit = reachable(nodes, wanted).filter(
    ({ ingest, draining }) => ingest !== undefined && !draining && (takes === 'anything' || ingest.whip) && ingest.publishers < ingest.maxPublishers,
  );
  return ordered(fit, wanted, ({ ingest }) => (ingest === undefined ? 1 : ingest.publishers / ingest.maxPublishers), spread);
}

function reachable(nodes: readonly NodeInfo[], { except = [] }: Wanted): readonly ReachableNode[] {
  return nodes.flatMap((info) => (info.url === undefined || !URL.canParse(info.url) || except.includes(info.node) ? [] : [{ ...info, url: info.url }]));
}

function divided<T>(all: readonly T[], test: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter((one) => test(one)), all.filter((one) => !test(one))];
}

function edgeLoad({ edge }: NodeInfo): number {
  return edge?.load ?? 1;
}

/** Loads that differ by less count as equal: otherwise all go where it was emptiest a second ago. */
const LOAD_STEP = 0.1;

function ordered(nodes: readonly ReachableNode[], { region }: Wanted, loadOf: (node: NodeInfo) => number, spread: number): readonly ReachableNode[] {
  const rank = (node: NodeInfo): number => (region !== undefined && node.region !== region ? 1000 : 0) + Math.floor(loadOf(node) / LOAD_STEP);
  const byName = [...nodes].sort((a, b) => (a.node < b.node ? -1 : 1));
  const first = Math.floor(spread * byName.length) % Math.max(1, byName.length);
  // A stable sort keeps the turned order among equals.
  return [...byName.slice(first), ...byName.slice(0, first)].sort((a, b) => rank(a) - rank(b));
}
