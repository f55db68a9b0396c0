import type { HlsConfig, LoaderCallbacks, LoaderConfiguration, LoaderContext, PlaylistLoaderConstructor, PlaylistLoaderContext } from 'hls.js';
import type { EarlyPlaylist } from './early-playlist.ts';

/** The part that a rendition is entered at: the first of the segment that the last rendition did not load. */
export type EntryPart = { readonly level: number; readonly mediaSequence: number };

/** What the loader is told from outside. */
export type PlaylistLoaderSeat = {
  readonly early: EarlyPlaylist | undefined;
  /** Taken by the first playlist request of that level. */
  entry: EntryPart | undefined;
};

/**
 * hls.js's loader for playlists with two additions: the first multivariant playlist may be there already, and a rendition
 * that is switched to is asked for the very part it will be entered at (blocking until it exists). hls.js itself asks
 * for what the rendition report names, which for a rendition that lags behind is before the segment that is needed.
 */
export function playlistLoader(seat: PlaylistLoaderSeat, Base: HlsConfig['loader']): PlaylistLoaderConstructor {
  class PlaylistLoader extends Base {
    #gone = false;

    override load(context: LoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      const early = (context as PlaylistLoaderContext).type === 'manifest' ? seat.early?.take(context.url) : undefined;
      if (early === undefined) {
        enterAt(context as PlaylistLoaderContext, seat);
        super.load(context, config, callbacks);
        return;
      }
      // The base class takes a start time for a loader that was used.
      const start = performance.now();
      early.then(
        (data) => {
          if (!this.#gone) {
            const { stats } = this;
            stats.loading.start = start;
            stats.loading.first = stats.loading.end = performance.now();
            stats.loaded = stats.total = data.length;
            // What the playlist names is relative to this URL, and hls.js wants it absolute.
            callbacks.onSuccess({ url: new URL(context.url, location.href).href, data, code: 200 }, stats, context, null);
          }
        },
        () => {
          if (!this.#gone) {
            super.load(context, config, callbacks);
          }
        },
      );
    }

    override abort(): void {
      this.#gone = true;
      super.abort();
    }

    override destroy(): void {
      this.#gone = true;
      super.destroy();
    }
  }
  return PlaylistLoader as unknown as PlaylistLoaderConstructor;
}

function enterAt(context: PlaylistLoaderContext, seat: PlaylistLoaderSeat): void {
  const { entry } = seat;
  if (entry === undefined || context.type !== 'level' || context.level !== entry.level) {
    return;
  }
  seat.entry = undefined;
  const url = new URL(context.url, location.href);
  url.searchParams.set('_HLS_msn', String(entry.mediaSequence));
  url.searchParams.set('_HLS_part', '0');
  context.url = url.href;
}
