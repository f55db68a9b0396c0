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
  const fit = open(nodes, wanted).filter(({ edge }) => edge !== undefined && edge.load < 1 && (wanted.whep !== true || edge.whep));
  return ordered(fit, wanted, ({ edge }) => edge?.load ?? 1, spread);
}

/** Ingests that take WHIP publishers, best first. Full and draining ones are left out. */
export function ingestsFor(nodes: readonly NodeInfo[], wanted: Wanted = {}, spread = 0): readonly ReachableNode[] {
  const fit = open(nodes, wanted).filter(({ ingest }) => ingest !== undefined && ingest.whip && ingest.publishers < ingest.maxPublishers);
  return ordered(fit, wanted, ({ ingest }) => (ingest === undefined ? 1 : ingest.publishers / ingest.maxPublishers), spread);
}

function open(nodes: readonly NodeInfo[], { except = [] }: Wanted): readonly ReachableNode[] {
  return nodes.flatMap((info) => (info.url === undefined || info.draining || except.includes(info.node) ? [] : [{ ...info, url: info.url }]));
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
