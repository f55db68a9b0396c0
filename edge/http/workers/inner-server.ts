import { randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RequestListener } from '../server.ts';

/** Where the threads of this process reach the main thread, and what proves that they are of it. */
export type InnerDoor = {
  /** Of a Unix socket; begins with a zero byte where it is in Linux's abstract namespace. */
  readonly path: string;
  readonly secret: string;
};

/** The header in which a worker says whose request it passes on: `<secret> <address> <http|https>`. No client's is let through. */
export const VIEWER_HEADER = 'millrace-viewer';

/** The server to which workers pass requests on. */
export interface InnerServer {
  readonly door: InnerDoor;
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

/** Workers have checked what clients sent: HTTP/2 lets through 64 KiB of headers. */
const MAX_HEADER_SIZE = 128 * 1024;

/**
 * Opens the main thread's door for the workers. Requests look as if their clients were connected here: `socket.remoteAddress` is the address of who is connected to the worker, and
 * `X-Forwarded-For` what that one sent. Names of abstract sockets can be listed by everybody on the machine, so each request carries a secret.
 */
export async function openInnerServer(listener: RequestListener): Promise<InnerServer> {
  const secret = randomBytes(24).toString('base64url');
  const folder = process.platform === 'linux' ? undefined : mkdtempSync(join(tmpdir(), 'millrace-'));
  const path = folder === undefined ? `\0millrace-${randomBytes(16).toString('hex')}` : join(folder, 'http');
  // Workers close what they do not need; time-outs are theirs too.
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, maxHeaderSize: MAX_HEADER_SIZE, optimizeEmptyRequests: true }, (request, response) => {
    const told = request.headers[VIEWER_HEADER];
    const [given = '', address, scheme] = typeof told === 'string' ? told.split(' ') : [];
    if (address === undefined || !isEqual(given, secret)) {
      request.socket.destroy();
      return;
    }
    delete request.headers[VIEWER_HEADER];
    // A worker keeps connections apart by address and scheme: it is the same at each request of one.
    Object.defineProperties(request.socket, {
      remoteAddress: { value: address, configurable: true },
      encrypted: { value: scheme === 'https', configurable: true },
    });
    listener(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  let closing: Promise<void> | undefined;
  return {
    door: { path, secret },
    close: () =>
      (closing ??= new Promise((resolve) => {
        server.close(() => {
          if (folder !== undefined) {
            rmSync(folder, { recursive: true, force: true });
          }
          resolve();
        });
        server.closeAllConnections();
      })),
  };
}

function isEqual(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
