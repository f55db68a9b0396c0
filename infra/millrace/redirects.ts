import type { Nodes } from '#core/placement/nodes.ts';
import { edgesFor } from '#core/placement/choose.ts';

/** What only an edge has. */
const EDGE_PATHS = /^\/(?:live|whep|recordings)(?:\/|$)/;

/** Tells where a process without an edge sends who asks it for media: to the best edge; nowhere where there is none, or no other process at all. */
export function edgeRedirects(nodes: Pick<Nodes, 'list'> | undefined, region: string | undefined): (request: unknown, path: string, query: string) => string | undefined {
  return (_request, path, query) => {
    if (nodes === undefined || !EDGE_PATHS.test(path)) {
      return undefined;
    }
    const [edge] = edgesFor(nodes.list(), { region }, Math.random());
    return edge && `${edge.url}${path}${query === '' ? '' : `?${query}`}`;
  };
}
