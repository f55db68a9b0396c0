import type { MediaSeen, ManifestSeen, Observation } from './observation.ts';
import { readMpd, type Mpd } from './mpd.ts';

/** An observation under way. */
export type Observer = {
  readonly manifests: readonly ManifestSeen[];
  /** Ends the watching, asks again for what was fetched, and tells all. */
  finish(): Promise<Observation>;
};

/** Pause between two manifests: less than players make, so that segments are asked for as soon as they begin. */
const UPDATE_MILLIS = 50;

/** Watches a stream as players would, only more closely: each update that a manifest names, and every segment of every representation as soon as it is listed. */
export async function observe(url: string): Promise<Observer> {
  const watch = new Watch(url);
  await watch.look();
  const watching = watch.run();
  return {
    manifests: watch.manifests,
    finish: async () => {
      watch.stop();
      await watching;
      return watch.tell();
    },
  };
}

class Watch {
  readonly manifests: ManifestSeen[] = [];
  readonly #unreadable: { url: string; error: string }[] = [];
  readonly #media = new Map<string, MediaSeen>();
  readonly #again = new Map<string, MediaSeen>();
  readonly #early = new Map<string, number>();
  readonly #asked = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #first: string;
  readonly #stopped = new AbortController();

  constructor(url: string) {
    this.#first = url;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted && this.manifests.at(-1)?.mpd.type !== 'static') {
      await new Promise((resolve) => setTimeout(resolve, UPDATE_MILLIS));
      await this.look();
    }
  }

  async look(): Promise<void> {
    const last = this.manifests.at(-1);
    const url = last?.mpd.location === undefined ? this.#first : new URL(last.mpd.location, last.url).href;
    const requestedAt = Date.now();
    try {
      const response = await fetch(url, { signal: this.#stopped.signal });
      const text = await response.text();
      if (!response.ok) {
        throw new Error(`answered with ${response.status}`);
      }
      const mpd = readMpd(text);
      this.manifests.push({ url, requestedAt, receivedAt: Date.now(), mpd });
      this.#fetchListed(mpd, url);
    } catch (error) {
      if (!this.#stopped.signal.aborted) {
        this.#unreadable.push({ url, error: String(error) });
      }
    }
  }

  async tell(): Promise<Observation> {
    await Promise.all(this.#underWay);
    await Promise.all([...this.#media.values()].filter(({ status, torn }) => status === 200 && !torn).slice(-60).map(async ({ url }) => void this.#again.set(url, await read(url))));
    return { manifests: this.manifests, unreadable: this.#unreadable, media: this.#media, again: this.#again, early: this.#early };
  }

  #fetchListed({ periods, type }: Mpd, base: string): void {
    periods.forEach(({ sets }, index) => {
      for (const { representations } of sets) {
        for (const { init, segments, media, id } of representations) {
          // The last one that is listed has not begun, unless the publisher is gone.
          const isRunning = type === 'dynamic' && index === periods.length - 1;
          const begun = isRunning ? segments.slice(0, -1) : segments;
          [init, ...begun.map(({ url }) => url)].forEach((uri) => uri !== undefined && this.#fetch(new URL(uri, base).href));
          const ahead = isRunning ? (segments.at(-1)?.number ?? 0) + 2 : undefined;
          if (ahead !== undefined && media !== undefined) {
            this.#fetchEarly(new URL(media.replaceAll('$RepresentationID$', id).replaceAll('$Number$', `${ahead}`), base).href);
          }
        }
      }
    });
  }

  #fetch(url: string): void {
    if (!this.#asked.has(url)) {
      this.#asked.add(url);
      this.#follow(read(url, this.#stopped.signal).then((seen) => {
        if (!seen.torn || !this.#stopped.signal.aborted) {
          this.#media.set(url, seen);
        }
      }));
    }
  }

  /** Once in a while: what is further ahead than may be asked for. */
  #fetchEarly(url: string): void {
    if (this.#early.size < 20 && !this.#early.has(url)) {
      this.#early.set(url, 0);
      this.#follow(fetch(url, { method: 'HEAD' }).then((response) => void this.#early.set(url, response.status)));
    }
  }

  #follow(work: Promise<void>): void {
    const settled = work.catch(() => undefined).finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
  }
}

async function read(url: string, stopped?: AbortSignal): Promise<MediaSeen> {
  const requestedAt = Date.now();
  const chunks: { at: number; bytes: Uint8Array }[] = [];
  let status = 0;
  try {
    const response = await fetch(url, stopped === undefined ? {} : { signal: stopped });
    status = response.status;
    for await (const bytes of response.body ?? []) {
      chunks.push({ at: Date.now(), bytes });
    }
    return { url, status, requestedAt, chunks, torn: false };
  } catch {
    return { url, status, requestedAt, chunks, torn: true };
  }
}
