import { createHash } from 'node:crypto';
import { Agent, get } from 'node:http';
import { gunzipSync } from 'node:zlib';

/** An answer over HTTP. */
export type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>>; readonly body: Buffer };

/** GET; `headers` as they are sent. */
export function fetchFrom(url: string, headers: Readonly<Record<string, string>> = {}, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, ...(agent === undefined ? {} : { agent }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => (response.complete ? resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }) : reject(new Error(`torn: ${url}`))));
    });
    request.once('error', reject);
  });
}

/** What a viewer has seen. */
export type Sighting = {
  /** Instants at which states of playlists came, by the directives that asked for them; milliseconds of the monotonic clock. */
  readonly playlists: ReadonlyMap<string, number>;
  /** Hashes of parts by their path. */
  readonly parts: ReadonlyMap<string, string>;
  /** Answers other than 200, and connections that broke. */
  readonly faults: readonly string[];
};

/** Watches one track as hls.js does: a blocking reload always under way, each part fetched as soon as it is named. */
export class SimulatedViewer {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #base: string;
  readonly #path: string;
  readonly #playlists = new Map<string, number>();
  readonly #parts = new Map<string, string>();
  readonly #faults: string[] = [];
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(base: string, playlistPath: string) {
    this.#base = base;
    this.#path = playlistPath;
    this.#done = this.#watch();
  }

  get sighting(): Sighting {
    return { playlists: this.#playlists, parts: this.#parts, faults: this.#faults };
  }

  /** Ends after the requests that are under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    this.#agent.destroy();
  }

  async #watch(): Promise<void> {
    let query = '';
    const fetching: Promise<void>[] = [];
    while (!this.#stopped) {
      const answer = await this.#ask(`${this.#path}${query}`);
      if (answer === undefined) {
        query = '';
        continue;
      }
      if (query !== '') {
        this.#playlists.set(query, performance.now());
      }
      const text = (answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.body) : answer.body).toString();
      const newest = [...text.matchAll(/#EXT-X-PART:.*?URI="([^"]+)"/g)].map(([, uri = '']) => uri).slice(-1);
      fetching.push(...newest.map((uri) => this.#part(new URL(uri, `http://host${this.#path}`).pathname)));
      query = `?${directivesAfter(text)}`;
    }
    await Promise.all(fetching);
  }

  async #part(path: string): Promise<void> {
    if (!this.#parts.has(path)) {
      this.#parts.set(path, '');
      const answer = await this.#ask(path);
      this.#parts.set(path, answer === undefined ? '' : createHash('sha256').update(answer.body).digest('hex'));
    }
  }

  async #ask(path: string): Promise<Answer | undefined> {
    try {
      const answer = await fetchFrom(`${this.#base}${path}`, { 'Accept-Encoding': 'gzip' }, this.#agent);
      if (answer.status === 200) {
        return answer;
      }
      this.#faults.push(`${answer.status} ${path} ${answer.body.toString().slice(0, 120)}`);
    } catch (error) {
      this.#faults.push(`${String(error)} ${path}`);
    }
    return undefined;
  }
}

/** What to ask for next: the part behind the last one that the playlist names. */
export function directivesAfter(playlist: string): string {
  const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
  const segments = (playlist.match(/#EXTINF/g) ?? []).length;
  const tail = playlist.slice(Math.max(0, playlist.lastIndexOf('#EXTINF')));
  return `_HLS_msn=${sequence + segments}&_HLS_part=${(tail.match(/#EXT-X-PART:/g) ?? []).length}`;
}
