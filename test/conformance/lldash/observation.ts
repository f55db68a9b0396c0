import type { Mpd } from './mpd.ts';

/** A manifest as it was at one time. Instants are milliseconds since the Unix epoch by the observer's clock. */
export type ManifestSeen = { readonly url: string; readonly requestedAt: number; readonly receivedAt: number; readonly mpd: Mpd };

/** A segment or init segment as it came: its chunks, each with the instant at which it was there. */
export type MediaSeen = { readonly url: string; readonly status: number; readonly requestedAt: number; readonly chunks: readonly { readonly at: number; readonly bytes: Uint8Array }[]; readonly torn: boolean };

/** What was seen of a stream. */
export type Observation = {
  readonly manifests: readonly ManifestSeen[];
  readonly unreadable: readonly { readonly url: string; readonly error: string }[];
  /** By absolute URL, as fetched once it was listed. */
  readonly media: ReadonlyMap<string, MediaSeen>;
  /** The same asked again later. */
  readonly again: ReadonlyMap<string, MediaSeen>;
  /** Status of URLs that no manifest listed yet. */
  readonly early: ReadonlyMap<string, number>;
};

/** All bytes of what came. */
export function bytesOf({ chunks }: MediaSeen): Uint8Array {
  return Buffer.concat(chunks.map(({ bytes }) => bytes));
}
