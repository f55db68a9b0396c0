import { setTimeout } from 'node:timers/promises';

import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';
import { parseMultivariantPlaylist } from '#test/support/m3u8/parse-multivariant-playlist.ts';
import type { MediaPlaylist } from '#test/support/m3u8/playlist.ts';
import { textOf, type Ask } from '../llhls/ask.ts';
import { resolve, type Answer, type Observation, type RenditionHistory, type Snapshot } from '../llhls/observation.ts';

/** An observation of plain HLS under way. */
export type PlainObserver = {
  /** Ends the watching and tells all. Everything that was listed is asked for once more. */
  finish(): Promise<Observation>;
  /** Settles when every rendition has ended. */
  readonly ended: Promise<void>;
};

/** Milliseconds between two looks at a playlist: segments come once a second. */
const RELOAD = 400;

/** Watches playlists without parts by polling, and fetches each segment when it is first listed. One that does not change is read once. */
export async function observePlain(url: string, ask: Ask): Promise<PlainObserver> {
  const multivariant = parseMultivariantPlaylist(textOf(await ask(url)));
  const uris = [...multivariant.variants.map(({ uri }) => uri), ...multivariant.media.flatMap(({ uri }) => uri ?? [])];
  const stop = new AbortController();
  const watched = [...new Set(uris.map((uri) => resolve(url, uri)))].map((rendition) => new WatchedPlaylist(rendition, ask));
  const watching = Promise.all(watched.map((rendition) => rendition.watch(stop.signal))).then(() => undefined);
  return {
    ended: watching,
    finish: async () => {
      stop.abort();
      await watching;
      return { url, multivariant, renditions: await Promise.all(watched.map((rendition) => rendition.finish())) };
    },
  };
}

class WatchedPlaylist {
  readonly #url: string;
  readonly #ask: Ask;
  readonly #snapshots: Snapshot[] = [];
  readonly #resources = new Map<string, Answer>();
  readonly #unreadable: { text: string; error: string }[] = [];

  constructor(url: string, ask: Ask) {
    this.#url = url;
    this.#ask = ask;
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const playlist = await this.#look();
      if (playlist?.endList === true) {
        return;
      }
      await setTimeout(RELOAD, undefined, { signal }).catch(() => undefined);
    }
  }

  async finish(): Promise<RenditionHistory> {
    const refetched = new Map<string, Answer>();
    for (const url of this.#resources.keys()) {
      refetched.set(url, await this.#ask(url));
    }
    return { url: this.#url, snapshots: this.#snapshots, resources: this.#resources, refetched, hinted: new Map(), unreadable: this.#unreadable };
  }

  async #look(): Promise<MediaPlaylist | undefined> {
    const answer = await this.#ask(this.#url);
    const text = textOf(answer);
    try {
      const playlist = parseMediaPlaylist(text);
      this.#snapshots.push({ requestedAt: answer.requestedAt, receivedAt: answer.receivedAt, text, playlist });
      for (const { uri, gap, map } of playlist.segments) {
        await this.#fetch(map?.uri);
        await this.#fetch(gap ? undefined : uri);
      }
      return playlist;
    } catch (error) {
      this.#unreadable.push({ text, error: String(error) });
      return undefined;
    }
  }

  async #fetch(uri: string | undefined): Promise<void> {
    const url = uri === undefined ? undefined : resolve(this.#url, uri);
    if (url !== undefined && !this.#resources.has(url)) {
      this.#resources.set(url, await this.#ask(url));
    }
  }
}
