import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A second and third name of one server: to a player an edge like any other, with the same bytes. */
export type EdgeProxy = {
  /** Base URL, with a closing slash. */
  readonly url: string;
  /** Paths that were asked for, with their queries. */
  readonly asked: readonly string[];
  /** What `GET /api/v1/edges` answers. */
  edges: readonly string[];
  /** Connections break, and none is accepted any more: as after kill -9. */
  kill(): void;
  /** Connections stay, are accepted, and bring nothing any more: as after SIGSTOP. */
  hang(): void;
  /** Playlists and manifests name another edge. */
  drain(to: string): void;
  /** Nothing is wrong any more. */
  recover(): Promise<void>;
  close(): void;
};

type State = { hangs: boolean; movesTo: string | undefined };

/** Starts a proxy before a server, on loopback. */
export async function startEdgeProxy(server: string): Promise<EdgeProxy> {
  const state: State = { hangs: false, movesTo: undefined };
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (state.hangs) {
      return;
    }
    if (request.url?.startsWith('/api/v1/edges') === true) {
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.end(JSON.stringify({ edges: face.edges.map((url) => ({ url })), ttl: 10 }));
      return;
    }
    pass(server, state, request, response);
  });
  proxy.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  const listen = (port: number): Promise<void> => new Promise((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = proxy.address() as AddressInfo;
  const kill = (): void => {
    proxy.close();
    sockets.forEach((socket) => socket.resetAndDestroy());
  };
  const face: EdgeProxy = {
    url: `http://127.0.0.1:${port}/`,
    asked,
    edges: [],
    kill,
    hang: () => (state.hangs = true),
    drain: (to) => (state.movesTo = to),
    recover: async () => {
      Object.assign(state, { hangs: false, movesTo: undefined });
      if (!proxy.listening) {
        await listen(port);
      }
    },
    close: kill,
  };
  return face;
}

function pass(server: string, state: State, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url } = request;
  const onward = ask(new URL(url ?? '', server), { method, headers }, (answer) => {
    const drains = state.movesTo !== undefined && /\.(m3u8|mpd)(\?|$)/.test(url ?? '');
    const policy = answer.headers['content-security-policy'];
    response.writeHead(answer.statusCode ?? 502, {
      ...answer.headers,
      // The server knows nothing of these edges.
      ...(policy === undefined ? {} : { 'content-security-policy': String(policy).replaceAll("'self'", "'self' http:") }),
      ...(drains ? { 'millrace-move': state.movesTo, 'access-control-expose-headers': 'Millrace-Move' } : {}),
    });
    response.flushHeaders();
    answer.on('data', (bytes: Buffer) => !state.hangs && response.write(bytes));
    answer.on('end', () => !state.hangs && response.end());
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}
