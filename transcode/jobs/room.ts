import type { NodeId, NodeInfo, TranscodeLoad } from '#core/bus/node.ts';
import { millis, type Millis } from '#core/media/time.ts';

/** The longest wait before a broadcast is asked for: after it everybody does, however full. */
export const LONGEST_DELAY = millis(300);
/** The shortest wait of one that is not the emptiest: an announcement reaches two machines within a few milliseconds. */
const SHORTEST_DELAY = 40;

/** A transcoder of another process that takes jobs. */
export type Peer = { readonly node: NodeId; readonly load: TranscodeLoad };

/** The transcoders of other processes that take jobs. */
export function peersOf(nodes: readonly NodeInfo[], own: NodeId): readonly Peer[] {
  return nodes.flatMap(({ node, draining, transcode }) => (node === own || draining || transcode === undefined ? [] : [{ node, load: transcode }]));
}

/**
 * Megapixels per second that a transcoder has left. A broadcast that is only passed through spends none, and counts as one of them on one core: so
 * such broadcasts are spread too.
 */
export function roomOf({ budget, used, broadcasts, cores }: TranscodeLoad): number {
  return budget - used - broadcasts / Math.max(1, cores);
}

/** How long to wait before a broadcast is asked for: not at all where nobody has more room, else the longer the less there is beside the emptiest. */
export function claimDelay(own: TranscodeLoad, others: readonly TranscodeLoad[]): Millis {
  const most = Math.max(...others.map(roomOf));
  const missing = most - roomOf(own);
  if (others.length === 0 || missing <= 0) {
    return millis(0);
  }
  const share = Math.min(1, missing / Math.max(1, most, -roomOf(own)));
  return millis(SHORTEST_DELAY + share * (LONGEST_DELAY - SHORTEST_DELAY));
}

/** The one with most room, what was just promised to each taken off; undefined where there is nobody. */
export function roomiest(peers: readonly Peer[], promised: ReadonlyMap<NodeId, number>): NodeId | undefined {
  const left = ({ node, load }: Peer): number => roomOf(load) - (promised.get(node) ?? 0);
  return [...peers].sort((a, b) => left(b) - left(a))[0]?.node;
}
