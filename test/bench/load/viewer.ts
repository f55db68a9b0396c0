import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** What a viewer's track needs of a playlist. */
type Playlist = { readonly parts: readonly string[]; readonly msn: number; readonly part: number };

/** Counts over all viewers. */
export type LoadCounts = { requests: number; errors: number; bytes: number; readonly ages: number[] };

/** Playlists are equal for all viewers: each is unpacked once. */
const parsed = new Map<string, Playlist>();

/**
 * One track of a simulated viewer, which behaves like hls.js: a blocking reload is always under way on one connection,
 * and each part is fetched on another as soon as a playlist names it.
 */
export class TrackViewer {
  readonly #playlists: KeepAlive;
  readonly #media: KeepAlive;
  readonly #base: string;
  readonly #counts: LoadCounts;
  #last = '';
  #stopped = false;

  constructor(port: number, base: string, session: string, counts: LoadCounts) {
    const headers = `Host: localhost\r\nAccept-Encoding: gzip\r\nCMCD-Session: sid="${session}"\r\n\r\n`;
    this.#playlists = new KeepAlive(port, headers, counts);
    this.#media = new KeepAlive(port, headers, counts);
    this.#base = base;
    this.#counts = counts;
  }

  start(): void {
    this.#reload('');
  }

  stop(): void {
    this.#stopped = true;
    this.#playlists.close();
    this.#media.close();
  }

  #reload(query: string): void {
    const path = `${this.#base}/index.m3u8${query}`;
    this.#playlists.get(path, (body, status, gzip) => {
      if (this.#stopped) {
        return;
      }
      if (status !== 200) {
        this.#counts.errors += 1;
        setTimeout(() => this.#reload(''), 500);
        return;
      }
      const playlist = read(query === '' ? '' : path, body, gzip);
      this.#fetchNew(playlist);
      this.#reload(`?_HLS_msn=${playlist.msn}&_HLS_part=${playlist.part}`);
    });
  }

  #fetchNew(playlist: Playlist): void {
    const known = playlist.parts.indexOf(this.#last);
    // A viewer who joins, or who fell out of the window, begins with the newest part.
    const fresh = known < 0 ? playlist.parts.slice(-1) : playlist.parts.slice(known + 1);
    this.#last = playlist.parts.at(-1) ?? this.#last;
    for (const uri of fresh) {
      this.#media.get(`${this.#base}/${uri}`, (body, status) => {
        if (status !== 200) {
          this.#counts.errors += 1;
          return;
        }
        const written = body.readBigUInt64BE(body.byteLength - 8);
        this.#counts.ages.push(Number(process.hrtime.bigint() - written) / 1e6);
      });
    }
  }
}

function read(key: string, body: Buffer, gzip: boolean): Playlist {
  const known = parsed.get(key);
  if (known !== undefined && key !== '') {
    return known;
  }
  const text = (gzip ? gunzipSync(body) : body).toString();
  const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  const segments = (text.match(/#EXTINF/g) ?? []).length;
  const parts = [...text.matchAll(/#EXT-X-PART:.*?URI="([^"]+)"/g)].map((match) => match[1] ?? '');
  const tail = text.slice(Math.max(0, text.lastIndexOf('#EXTINF')));
  const playlist = { parts, msn: sequence + segments, part: (tail.match(/#EXT-X-PART:/g) ?? []).length };
  parsed.set(key, playlist);
  if (parsed.size > 500) {
    parsed.delete(parsed.keys().next().value ?? '');
  }
  return playlist;
}

type Waiting = (body: Buffer, status: number, gzip: boolean) => void;

/** A kept-alive HTTP/1.1 connection, one request at a time, as lean as the measuring side must be. */
class KeepAlive {
  readonly #socket: Socket;
  readonly #headers: string;
  readonly #counts: LoadCounts;
  readonly #queue: { readonly path: string; readonly done: Waiting }[] = [];
  #chunks: Buffer[] = [];
  #received = 0;
  #head: { readonly status: number; readonly gzip: boolean; readonly end: number; readonly total: number } | undefined;

  constructor(port: number, headers: string, counts: LoadCounts) {
    this.#headers = headers;
    this.#counts = counts;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#take(chunk as Buffer));
    this.#socket.on('error', () => {
      counts.errors += 1;
    });
  }

  get(path: string, done: Waiting): void {
    this.#queue.push({ path, done });
    if (this.#queue.length === 1) {
      this.#send(path);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(path: string): void {
    this.#counts.requests += 1;
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${this.#headers}`);
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#received += chunk.byteLength;
    if (this.#head === undefined) {
      const start = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
      const end = start.indexOf('\r\n\r\n');
      if (end < 0) {
        return;
      }
      const text = start.toString('latin1', 0, end).toLowerCase();
      const at = text.indexOf('content-length: ');
      const length = at < 0 ? 0 : Number.parseInt(text.slice(at + 16), 10);
      this.#head = { status: Number(text.slice(9, 12)), gzip: text.includes('content-encoding: gzip'), end: end + 4, total: end + 4 + length };
    }
    if (this.#received >= this.#head.total) {
      this.#finish(this.#head);
    }
  }

  #finish({ status, gzip, end, total }: { status: number; gzip: boolean; end: number; total: number }): void {
    const whole = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#received = 0;
    this.#head = undefined;
    this.#counts.bytes += total;
    const done = this.#queue.shift()?.done;
    const next = this.#queue[0];
    if (next !== undefined) {
      this.#send(next.path);
    }
    done?.(whole?.subarray(end, total) ?? Buffer.alloc(0), status, gzip);
  }
}
