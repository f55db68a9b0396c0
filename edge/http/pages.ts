import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import { isStreamName } from '#core/access/stream-key.ts';
import { isBroadcastId } from '#core/media/frame.ts';

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

/**
 * What the built pages need and no more: they have no inline scripts or styles. They fetch from their own origin alone, and, where there are other edges to go on at, from those:
 * which ones there will be while the page is open is not known yet.
 */
function policyOf(others: boolean): string {
  const places = others ? "'self' http: https:" : "'self'";
  return (
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src ${places} data: blob:; media-src ${places} blob:; ` + `connect-src ${places}; base-uri 'none'; form-action 'none'`
  );
}

/** Features that only the page that broadcasts may use (Permissions Policy, 5.1). */
const DEVICES = ['camera', 'microphone', 'display-capture'];

const compress = promisify(gzip);

type PageFile = { readonly plain: Buffer; readonly packs: boolean; packed: Promise<Buffer | undefined> | undefined; readonly headers: RawHeaders };

/** The player's pages: read once at start, and compressed when first asked for, beside the event loop. */
export class Pages {
  readonly #files = new Map<string, PageFile>();

  /**
   * @param folder - The built player. Where it is missing, pages answer that it is not built; everything else works.
   * @param options.others - Whether there may be other edges.
   */
  constructor(folder: string, { others = false }: { readonly others?: boolean } = {}) {
    const policy = policyOf(others);
    for (const path of filesIn(folder)) {
      const name = relative(folder, path).split(sep).join('/');
      this.#files.set(name, loadFile(name, readFileSync(path), policy));
    }
  }

  /** Whether there is a built player. */
  get built(): boolean {
    return this.#files.has('index.html');
  }

  /** Answers a request for a page or one of its files; false where the path names neither. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const bare = withoutSlash(path);
    const name = fileName(bare ?? path);
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
    } else if (bare !== undefined) {
      redirect(request, response, bare);
    } else if (file.packs && acceptsGzip(request)) {
      void answerPacked(request, response, file);
    } else {
      answer(request, response, file, undefined);
    }
    return true;
  }
}

/** Sends a file compressed. Each is compressed once; where that fails, it goes out as it is. */
async function answerPacked(request: IncomingMessage, response: ServerResponse, file: PageFile): Promise<void> {
  file.packed ??= compress(file.plain, { level: 9 }).catch(() => undefined);
  const packed = await file.packed;
  // Who has hung up meanwhile is not answered.
  if (!response.destroyed && !response.writableEnded) {
    answer(request, response, file, packed);
  }
}

function answer(request: IncomingMessage, response: ServerResponse, file: PageFile, packed: Buffer | undefined): void {
  const body = packed ?? file.plain;
  const headers = ['Content-Length', String(body.length), ...file.headers];
  send(request, response, 200, packed === undefined ? headers : [...headers, 'Content-Encoding', 'gzip'], body);
}

/** The page's own address where a slash was put behind it. */
function withoutSlash(path: string): string | undefined {
  return /^\/((watch|embed|recordings)\/[^/]+|studio)\/$/.test(path) ? path.slice(0, -1) : undefined;
}

/** Sends a reader to a page's own address, relatively: so the base path stays, whether or not a proxy has taken it off. */
function redirect(request: IncomingMessage, response: ServerResponse, path: string): void {
  const query = /\?.*$/s.exec(request.url ?? '')?.[0] ?? '';
  const location = `..${path.slice(path.lastIndexOf('/'))}${query}`;
  send(request, response, 308, ['Location', location, 'Content-Length', '0', 'Cache-Control', 'no-cache'], Buffer.alloc(0));
}

/** The built file behind a path: the pages have addresses of their own. */
function fileName(path: string): string | undefined {
  if (path === '/') {
    return 'index.html';
  }
  if (path === '/studio') {
    return 'studio.html';
  }
  const [, page = '', name = '', ...rest] = path.split('/');
  const isPage = page === 'recordings' ? isBroadcastId(name) : (page === 'watch' || page === 'embed') && isStreamName(name);
  if (isPage && rest.length === 0) {
    return `${page}.html`;
  }
  // The pages themselves have one address each.
  return path.endsWith('.html') ? undefined : path.slice(1);
}

function loadFile(name: string, plain: Buffer, policy: string): PageFile {
  const extension = extname(name);
  const type = TYPES[extension] ?? 'application/octet-stream';
  const isText = /^(text|image\/svg|application\/(json|manifest))/.test(type);
  const headers = ['Content-Type', type, 'X-Content-Type-Options', 'nosniff', 'Referrer-Policy', 'strict-origin-when-cross-origin', 'Vary', 'Accept-Encoding'];
  // Vite puts a hash of the contents into the names of what lies in `assets`.
  headers.push('Cache-Control', name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
  if (extension === '.html') {
    const mayBeFramed = name === 'embed.html';
    headers.push('Content-Security-Policy', `${policy}; frame-ancestors ${mayBeFramed ? '*' : "'none'"}`);
    if (!mayBeFramed) {
      headers.push('X-Frame-Options', 'DENY');
    }
    const allowed = name === 'studio.html' ? '(self)' : '()';
    headers.push('Permissions-Policy', DEVICES.map((device) => `${device}=${allowed}`).join(', '));
  }
  return { plain, packs: isText && plain.length > 512, packed: undefined, headers };
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
