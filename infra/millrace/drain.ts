import type { NodeId, NodeInfo } from '#core/bus/node.ts';
import type { Millis } from '#core/media/time.ts';
import { edgesFor } from '#core/placement/choose.ts';
import type { Logger } from '#core/runtime/log.ts';

/** A stage that others can take over. */
type Drainable = { drain(limit: Millis): Promise<void> };

/** What {@link drainStages} works with. */
export type DrainOptions = {
  readonly nodes: readonly NodeInfo[];
  /** This process. */
  readonly node: NodeId;
  readonly limit: Millis;
  readonly edge?: Drainable | undefined;
  readonly transcode?: Drainable | undefined;
  readonly log: Logger;
};

/** Hands viewers and encodes on where another process can take them; settles when they have gone, or at the limit. Without another there is nothing to wait for. */
export async function drainStages({ nodes, node, limit, edge, transcode, log }: DrainOptions): Promise<void> {
  const others = nodes.filter((other) => other.node !== node && !other.draining);
  const waiting: Promise<void>[] = [];
  if (edge !== undefined && edgesFor(others).length > 0) {
    waiting.push(edge.drain(limit));
  }
  if (transcode !== undefined && others.some((other) => other.transcode !== undefined)) {
    waiting.push(transcode.drain(limit));
  }
  if (waiting.length === 0 || limit === 0) {
    return;
  }
  log.info({ limitSeconds: limit / 1000 }, 'draining: others take over what this process does');
  await Promise.all(waiting);
  log.info('drained');
}
