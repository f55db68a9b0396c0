/** Collects which groups an edge offers as gaps (EXT-X-GAP), over the renditions of a stream, as long as it runs. */
export class GapCollector {
  readonly #master: string;
  readonly #gaps = new Set<string>();
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;

  constructor(edge: string, stream: string) {
    this.#master = `${edge}/live/${stream}/master.m3u8`;
    this.#running = this.#run();
  }

  /** Groups missing so far, each rendition's counted. */
  get count(): number {
    return this.#gaps.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      // The edge may be the one that suffers: it is asked again.
      await this.#look().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  async #look(): Promise<void> {
    const playlists = [...(await text(this.#master)).matchAll(/^(?!#)(\S+\.m3u8\S*)$|URI="([^"]+\.m3u8[^"]*)"/gm)].map(([, variant, media]) => new URL(variant ?? media ?? '', this.#master).href);
    await Promise.all(
      [...new Set(playlists)].map(async (url) => {
        let isGap = false;
        for (const line of (await text(url)).split('\n')) {
          if (line === '#EXT-X-GAP') {
            isGap = true;
          } else if (line !== '' && !line.startsWith('#')) {
            if (isGap) {
              this.#gaps.add(new URL(line, url).pathname);
            }
            isGap = false;
          }
        }
      }),
    );
  }
}

async function text(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(8000) });
  return response.ok ? response.text() : '';
}
