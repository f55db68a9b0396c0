import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';
import { parseMultivariantPlaylist } from '#test/support/m3u8/parse-multivariant-playlist.ts';
import type { MediaPlaylist } from '#test/support/m3u8/playlist.ts';
import { textOf, withDirectives, type Ask } from './ask.ts';
import { placeOf } from './check-history.ts';
import { resolve, type Answer, type Observation, type RenditionHistory, type Snapshot } from './observation.ts';

/** An observation under way. */
export type Observer = {
  /** Snapshots of every rendition so far, by URL. */
  readonly snapshots: ReadonlyMap<string, readonly Snapshot[]>;
  /** Ends the watching, asks again for what has left the playlists, and tells all. */
  finish(): Promise<Observation>;
};

/** Options of {@link observe}. */
export type ObserveOptions = {
  /** The server is stopped and started in between: what it cannot answer meanwhile breaks no rule. Default false. */
  readonly mayRestart?: boolean;
};

/** How long a rendition waits before it asks again where the server could not answer. */
const RETRY_MILLIS = 200;
/**
 * When what has left a playlist is asked for again. A segment has to stay for as long as the playlist is, a part whose tag was
 * dropped for three target durations.
 */
const AGAIN_AFTER_MILLIS = 4_500;

/**
 * Watches a stream as a player would, only more closely: every rendition by blocking reloads, every hint, part, segment
 * and init segment.
 */
export async function observe(url: string, ask: Ask, { mayRestart = false }: ObserveOptions = {}): Promise<Observer> {
  const multivariant = parseMultivariantPlaylist(textOf(await ask(url)));
  const uris = [...multivariant.variants.map(({ uri }) => uri), ...multivariant.media.flatMap(({ uri }) => uri ?? [])];
  const stop = new AbortController();
  const watched = [...new Set(uris.map((uri) => resolve(url, uri)))].map((rendition) => new WatchedRendition(rendition, ask, stop.signal, mayRestart));
  const watching = watched.map((rendition) => rendition.watch());
  return {
    snapshots: new Map(watched.map(({ url: rendition, snapshots }) => [rendition, snapshots])),
    finish: async () => {
      stop.abort();
      await Promise.all(watching);
      const renditions = await Promise.all(watched.map((rendition) => rendition.finish()));
      return { url, multivariant, renditions };
    },
  };
}

class WatchedRendition {
  readonly url: string;
  readonly snapshots: Snapshot[] = [];
  readonly #ask: Ask;
  readonly #stop: AbortSignal;
  readonly #mayRestart: boolean;
  readonly #resources = new Map<string, Answer>();
  readonly #hinted = new Map<string, Answer>();
  readonly #unreadable: { text: string; error: string }[] = [];
  readonly #asked = new Set<string>();
  readonly #hintsAsked = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  /** What has left the playlist, since when; undefined for what is listed. */
  readonly #leftAt = new Map<string, number | undefined>();
  readonly #refetched = new Map<string, Answer>();
  readonly #askedAgain = new Set<string>();

  constructor(url: string, ask: Ask, stop: AbortSignal, mayRestart: boolean) {
    this.url = url;
    this.#ask = ask;
    this.#stop = stop;
    this.#mayRestart = mayRestart;
  }

  /** Until stopped, or until the playlist has ended and was seen once more. */
  async watch(): Promise<void> {
    let endings = 0;
    while (!this.#stop.aborted && endings < 2) {
      const playlist = await this.#look();
      endings += playlist?.endList === true ? 1 : 0;
      if (playlist === undefined && !this.#stop.aborted) {
        await new Promise((resolveSoon) => setTimeout(resolveSoon, RETRY_MILLIS));
      }
    }
  }

  async finish(): Promise<RenditionHistory> {
    await Promise.all(this.#underWay);
    return { url: this.url, snapshots: this.snapshots, resources: this.#resources, refetched: this.#refetched, hinted: this.#hinted, unreadable: this.#unreadable };
  }

  async #look(): Promise<MediaPlaylist | undefined> {
    const last = this.snapshots.at(-1)?.playlist;
    try {
      const answer = await this.#ask(last === undefined ? this.url : withDirectives(this.url, nextPlace(last)), { signal: this.#stop });
      if (answer.status !== 200) {
        // 503 is the right answer where nothing came for long; anything else breaks a rule.
        this.#note(answer.status === 503 || this.#mayRestart ? undefined : { text: '', error: `answered with ${answer.status}` });
        return undefined;
      }
      return this.#take(answer);
    } catch (error) {
      this.#note(this.#stop.aborted || this.#mayRestart ? undefined : { text: '', error: String(error) });
      return undefined;
    }
  }

  #take(answer: Answer): MediaPlaylist | undefined {
    const text = textOf(answer);
    try {
      const playlist = parseMediaPlaylist(text);
      this.snapshots.push({ requestedAt: answer.requestedAt, receivedAt: answer.receivedAt, text, playlist });
      this.#fetchListed(playlist);
      this.#fetchAgain(playlist, answer.receivedAt);
      return playlist;
    } catch (error) {
      this.#note({ text, error: String(error) });
      return undefined;
    }
  }

  #fetchListed({ segments, preloadHints }: MediaPlaylist): void {
    for (const { uri, gap, map, parts } of segments) {
      const own = gap ? [] : [uri];
      [map?.uri, ...parts.filter((part) => !part.gap).map((part) => part.uri), ...own].forEach((listed) => this.#fetch(listed, this.#asked, this.#resources));
    }
    preloadHints.forEach(({ uri }) => this.#fetch(uri, this.#hintsAsked, this.#hinted, this.#stop));
  }

  #fetch(uri: string | undefined, asked: Set<string>, into: Map<string, Answer>, signal?: AbortSignal): void {
    const url = uri === undefined ? undefined : resolve(this.url, uri);
    if (url === undefined || asked.has(url)) {
      return;
    }
    asked.add(url);
    const fetching = this.#ask(url, signal === undefined ? {} : { signal }).then(
      (answer) => void into.set(url, answer),
      (error: unknown) => this.#note(signal?.aborted === true || this.#mayRestart ? undefined : { text: url, error: String(error) }),
    );
    this.#underWay.add(fetching);
    void fetching.then(() => this.#underWay.delete(fetching));
  }

  #fetchAgain({ segments }: MediaPlaylist, now: number): void {
    const listed = new Set(segments.flatMap(({ uri, gap, parts }) => [...(gap ? [] : [uri]), ...parts.filter((part) => !part.gap).map((part) => part.uri)]).filter((uri) => uri !== undefined));
    for (const [uri, since] of this.#leftAt) {
      if (!listed.has(uri) && since === undefined) {
        this.#leftAt.set(uri, now);
      } else if (since !== undefined && now - since >= AGAIN_AFTER_MILLIS) {
        this.#fetch(uri, this.#askedAgain, this.#refetched);
        this.#leftAt.delete(uri);
      }
    }
    listed.forEach((uri) => this.#leftAt.set(uri, undefined));
  }

  #note(fault: { text: string; error: string } | undefined): void {
    if (fault !== undefined) {
      this.#unreadable.push(fault);
    }
  }
}

/** Directives for the part after the last one that is listed. */
export function nextPlace(playlist: MediaPlaylist): { readonly msn: number; readonly part: number } {
  const { msn, part, whole } = placeOf(playlist);
  return whole ? { msn: msn + 1, part: 0 } : { msn, part: part + 1 };
}
