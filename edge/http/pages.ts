import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

import { isStreamName } from '#core/access/stream-key.ts';

import { acceptsGzip, send, sendError } from './answer.ts';
import type { RawHeaders } from './payload.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.map': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; " +
  "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'";

type PageFile = { readonly plain: Buffer; readonly gzip: Buffer | undefined; readonly headers: RawHeaders };

/** The player's pages, read and compressed once at start. */
export class Pages {
  readonly #files = new Map<string, PageFile>();

  /** @param folder - The built player. Where it is missing, pages answer that it is not built; everything else works. */
  constructor(folder: string) {
    for (const path of filesIn(folder)) {
      const name = relative(folder, path).split(sep).join('/');
      this.#files.set(name, loadFile(name, readFileSync(path)));
    }
  }

  /** Whether there is a built player. */
  get built(): boolean {
    return this.#files.has('index.html');
  }

  /** Answers a request for a page or one of its files; false where the path names neither. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const name = fileName(path);
    const file = name === undefined ? undefined : this.#files.get(name);
    if (file === undefined) {
      if (name?.endsWith('.html') === true && !this.built) {
        sendError(response, 503, { code: 'pages/not-built', message: 'The player is not built. `npm start` builds it.' });
        return true;
      }
      return false;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendError(response, 405, { code: 'http/method', message: 'Pages are read with GET or HEAD.' }, ['Allow', 'GET, HEAD']);
      return true;
    }
    const gzip = file.gzip !== undefined && acceptsGzip(request);
    const body = gzip && file.gzip !== undefined ? file.gzip : file.plain;
    const headers = ['Content-Length', String(body.length), ...file.headers];
    send(request, response, 200, gzip ? [...headers, 'Content-Encoding', 'gzip'] : headers, body);
    return true;
  }
}

/** The built file behind a path: three pages have addresses of their own. */
function fileName(path: string): string | undefined {
  if (path === '/') {
    return 'index.html';
  }
  const [, page = '', stream = '', ...rest] = path.split('/');
  if ((page === 'watch' || page === 'embed') && rest.length === 0 && isStreamName(stream)) {
    return `${page}.html`;
  }
  // The pages themselves have one address each.
  return path.endsWith('.html') ? undefined : path.slice(1);
}

function loadFile(name: string, plain: Buffer): PageFile {
  const extension = extname(name);
  const type = TYPES[extension] ?? 'application/octet-stream';
  const isText = /^(text|image\/svg|application\/(json|manifest))/.test(type);
  const headers = ['Content-Type', type, 'X-Content-Type-Options', 'nosniff', 'Referrer-Policy', 'strict-origin-when-cross-origin', 'Vary', 'Accept-Encoding'];
  // Vite puts a hash of the contents into the names of what lies in `assets`.
  headers.push('Cache-Control', name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
  if (extension === '.html') {
    const mayBeFramed = name === 'embed.html';
    headers.push('Content-Security-Policy', `${POLICY}; frame-ancestors ${mayBeFramed ? '*' : "'none'"}`);
    if (!mayBeFramed) {
      headers.push('X-Frame-Options', 'DENY');
    }
  }
  return { plain, gzip: isText && plain.length > 512 ? gzipSync(plain, { level: 9 }) : undefined, headers };
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile());
  } catch {
    return [];
  }
}
