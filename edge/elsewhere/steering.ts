import type { StreamName } from '#core/bus/catalog.ts';

import type { OtherEdges } from './other-edges.ts';

/** How a playlist or manifest names this edge among others, and who tells players which to use (ADR 0016). */
export type Steering = {
  /** The steering server, as an absolute path. */
  readonly path: string;
  /** The same as a URL, as others reach it; the path where they do not. dash.js 5.2 takes what is relative for relative to the page. */
  readonly url: string;
  /** This edge. */
  readonly pathway: string;
  /** Where what this edge serves of the stream lies, as others reach it, with a slash at the end; empty where they do not. */
  readonly base: string;
};

/** The pathway of an edge without a name (draft-pantos-hls-rfc8216bis, 4.4.6.6). */
const NAMELESS = '.';

/** What is said of a stream; undefined where there is no other edge. */
export function steeringOf(edges: OtherEdges, basePath: string): (stream: StreamName) => Steering | undefined {
  return (stream) => {
    if (!edges.some) {
      return undefined;
    }
    const { node = NAMELESS, ownUrl } = edges;
    const path = `/api/v1/steering/${stream}`;
    return { path: basePath + path, url: (ownUrl ?? basePath) + path, pathway: node, base: ownUrl === undefined ? '' : `${ownUrl}/live/${stream}/` };
  };
}
