import type { MediaPlaylist, MultivariantPlaylist } from '#test/support/m3u8/playlist.ts';

/** An answer of the server. Instants are milliseconds of one clock. */
export type Answer = {
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  readonly requestedAt: number;
  readonly receivedAt: number;
};

/** A media playlist as it was at one time. */
export type Snapshot = { readonly requestedAt: number; readonly receivedAt: number; readonly text: string; readonly playlist: MediaPlaylist };

/** What was seen of one rendition. URLs are absolute. */
export type RenditionHistory = {
  readonly url: string;
  readonly snapshots: readonly Snapshot[];
  /** Init segments, segments and parts by URL, as first fetched once they were listed. */
  readonly resources: ReadonlyMap<string, Answer>;
  /** The same asked again later: segments that have left the playlist, and some that have not. */
  readonly refetched: ReadonlyMap<string, Answer>;
  /** Hinted URLs as answered to a request made before they were listed. */
  readonly hinted: ReadonlyMap<string, Answer>;
  /** Playlists that the reader refused. */
  readonly unreadable: readonly { readonly text: string; readonly error: string }[];
};

/** What was seen of a stream. */
export type Observation = {
  readonly url: string;
  readonly multivariant: MultivariantPlaylist;
  readonly renditions: readonly RenditionHistory[];
};

/** A URL resolved as a player does. */
export function resolve(base: string, uri: string): string {
  return new URL(uri, base).href;
}

/** The last two parts of a URL's path: what a person calls it. */
export function shortName(url: string): string {
  return new URL(url).pathname.split('/').slice(-2).join('/');
}
