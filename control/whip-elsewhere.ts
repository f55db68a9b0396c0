import type { IncomingMessage, ServerResponse } from 'node:http';

import type { NodeId } from '#core/bus/node.ts';
import { ingestsFor } from '#core/placement/choose.ts';
import type { Nodes } from '#core/placement/nodes.ts';
import { respondOptions, ALLOWED } from '#core/rtc/signalling/options-answer.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';
import { respond, respondError } from '#core/rtc/signalling/respond.ts';
import { statusOf } from '#core/rtc/signalling/status.ts';
import { parseTarget } from '#core/rtc/signalling/target.ts';

/** What {@link whipElsewhere} works with. */
export type WhipElsewhereOptions = {
  readonly nodes: Nodes;
  readonly node: NodeId;
  /** Where this node stands: ingests of the same region come first. */
  readonly region?: string | undefined;
  /** Path of the public URL, without a slash at its end; requests come with it or without it. */
  readonly basePath?: string;
};

/** As much of an Express handler as this is. */
export type WhipElsewhere = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;

/**
 * WHIP at a node without ingest: sends publishers by 307 to one that has room (RFC 9725, 4.5), and tells in `via` who sent them: whoever comes
 * with it is never sent on again, so two nodes that know old facts of each other do not send them back and forth. Where no ingest is known, 503 with Retry-After. OBS keeps
 * the key on the way; browsers take `Authorization` out at another origin and ask `/api/v1/ingests` first.
 */
export function whipElsewhere(options: WhipElsewhereOptions): WhipElsewhere {
  return (request, response, next) => {
    const url = request.url ?? '';
    const named = parseTarget('whip', options.basePath ?? '', url);
    if (named === undefined && next !== undefined) {
      next();
      return;
    }
    const target = named ?? { kind: 'nothing' };
    if (target.kind !== 'nothing' && request.method === 'OPTIONS') {
      respondOptions(request, response, target.kind, []);
      return;
    }
    // RFC 9725, 4.1: "MUST return a 2XX successful response with no content when a GET request is received".
    if (target.kind === 'endpoint' && (request.method === 'GET' || request.method === 'HEAD')) {
      respond(response, 204, {});
      return;
    }
    const refusal = target.kind === 'nothing' ? new Refusal(404, 'signalling/not-found', 'There is nothing here.') : answerTo(options, request.method, target.kind, url);
    const fields = refusal.status === 405 && target.kind !== 'nothing' ? { Allow: ALLOWED[target.kind] } : {};
    // What is left of the offer is of no use here, and must not be taken for the next request.
    request.resume();
    respondError(request, response, statusOf(refusal) ?? { status: 500, code: refusal.code, message: refusal.message }, fields);
  };
}

function answerTo({ nodes, node, region, basePath = '' }: WhipElsewhereOptions, method: string | undefined, kind: 'endpoint' | 'session', url: string): Refusal {
  if (kind === 'session') {
    return new Refusal(404, 'signalling/not-found', 'There is no such session here.');
  }
  if (method !== 'POST') {
    return new Refusal(405, 'signalling/method', `${method ?? 'This'} is not possible here.`);
  }
  const [path = '', ...rest] = url.split('?');
  const query = new URLSearchParams(rest.join('?'));
  const [ingest] = query.has('via') ? [] : ingestsFor(nodes.list(), { region, except: [node] }, Math.random());
  if (ingest === undefined) {
    return new Refusal(503, 'publish/no-ingest', 'No server that takes broadcasts has room now. Try again in some seconds.', { retryAfter: 5 });
  }
  query.set('via', node);
  const local = basePath !== '' && path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path;
  return new Refusal(307, 'signalling/elsewhere', 'Broadcasts are taken at another server.', { location: `${ingest.url}${local}?${query.toString()}` });
}
