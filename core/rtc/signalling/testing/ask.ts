import { createServer, request as request1, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createServer2 } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** An answer as it came. */
export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly rawHeaders: readonly string[]; readonly body: string };

/** A question. */
export type Question = { readonly headers?: Readonly<Record<string, string>>; readonly body?: string };

/** A server that runs one listener, and a client that asks it. */
export type Asking = {
  readonly port: number;
  ask(method: string, path: string, question?: Question): Promise<Answer>;
  close(): Promise<void>;
};

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Over HTTP/1.1, a connection for each request. */
export async function askOverHttp1(listener: Listener): Promise<Asking> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ask: (method, path, { headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const asked = request1({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, rawHeaders: response.rawHeaders, body: Buffer.concat(chunks).toString() }));
        });
        asked.on('error', reject);
        asked.end(body);
      }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Over HTTP/2, in the clear. */
export async function askOverHttp2(listener: Listener): Promise<Asking> {
  const server = createServer2((request, response) => listener(request as unknown as IncomingMessage, response as unknown as ServerResponse));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = connect(`http://127.0.0.1:${port}`);
  return {
    port,
    ask: (method, path, { headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const stream = client.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
        let answered: IncomingHttpHeaders = {};
        const chunks: Buffer[] = [];
        stream.on('response', (found) => (answered = found as IncomingHttpHeaders));
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => resolve({ status: Number((answered as Record<string, unknown>)[':status']), headers: answered, rawHeaders: [], body: Buffer.concat(chunks).toString() }));
        stream.on('error', reject);
        if (body !== undefined) {
          stream.end(body);
        }
      }),
    close: async () => {
      await new Promise<void>((resolve) => client.close(resolve));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
