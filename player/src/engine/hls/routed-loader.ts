import Hls from 'hls.js';
import type { HlsConfig, Loader, LoaderCallbacks, LoaderConfiguration, LoaderContext, LoaderResponse, LoaderStats } from 'hls.js';
import type { Edges } from '../../edges/edges.ts';
import type { Exchange } from '../../edges/edge-watch.ts';
import { firstSequence, fromSequence } from './playlist-floor.ts';

const SingleLoader = Hls.DefaultConfig.loader;

/** Which edge serves is the route's matter: two that steer would pull against each other. hls.js takes no for an answer only where it is said. */
export const withoutSteering = { contentSteeringController: undefined } as unknown as Partial<HlsConfig>;

/** An edge that had no viewer of this stream has to fetch it first: for so long after a move, what it does not know is asked for again. Milliseconds. */
const settlesWithin = 3_000;
const askAgain = 150;

/**
 * hls.js's loader, sent to the edge in use, and to the next one when that fails, says 5xx, or dies while it is being asked. hls.js sees URLs of home
 * alone and knows nothing of it.
 */
export function routedLoader(edges: Edges | undefined): typeof SingleLoader {
  if (edges === undefined) {
    return SingleLoader;
  }
  const { route } = edges;
  /** Where the last playlist of each rendition began: the next one begins there or later, whoever sends it. */
  const floors = new Map<string, number>();

  return class RoutedLoader implements Loader<LoaderContext> {
    context: LoaderContext | null = null;
    stats: LoaderStats;
    readonly #config: HlsConfig;
    readonly #tried = new Set<string>();
    #inner: Loader<LoaderContext>;
    #exchange: Exchange | undefined;
    #again: ReturnType<typeof setTimeout> | undefined;

    constructor(config: HlsConfig) {
      this.#config = config;
      this.#inner = new SingleLoader(config);
      this.stats = this.#inner.stats;
    }

    load(context: LoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      this.context = context;
      this.#attempt(context, config, callbacks);
    }

    abort(): void {
      this.#end();
      this.#inner.abort();
    }

    destroy(): void {
      this.#end();
      this.#inner.destroy();
      this.context = null;
    }

    getCacheAge(): number | null {
      return this.#inner.getCacheAge?.() ?? null;
    }

    getResponseHeader(name: string): string | null {
      return this.#inner.getResponseHeader?.(name) ?? null;
    }

    #attempt(context: LoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      const { base } = route;
      const inner = this.#inner;
      const { stats } = this;
      this.#tried.add(base);
      const again = (): void => {
        this.#renew();
        this.#attempt(context, config, callbacks);
      };
      this.#exchange = edges.open(base, { lost: again, received: () => stats.loaded, ...(context.responseType === 'text' ? { url: context.url } : {}) });
      inner.load({ ...context, url: route.at(base, context.url) }, { ...config }, {
        ...callbacks,
        onSuccess: (response, _stats, _context, request) => {
          this.#end(true);
          heed(edges, base, request);
          callbacks.onSuccess({ ...response, ...settled(response.data, context.url, floors), url: route.homeOf(base, response.url) }, stats, context, request);
        },
        onError: (error, _context, request) => {
          this.#end(error.code > 0 && error.code < 500);
          if (this.#leaves(base, error.code)) {
            again();
          } else if (error.code === 404 && route.movedWithin(settlesWithin)) {
            this.#again = setTimeout(again, askAgain);
          } else {
            callbacks.onError(error, context, request, stats);
          }
        },
        onTimeout: (_stats, _context, request) => {
          this.#end();
          callbacks.onTimeout(stats, context, request);
        },
        // hls.js hears of what it gave up itself.
        onAbort: (_stats, _context, request) => this.#inner === inner && callbacks.onAbort?.(stats, context, request),
      });
    }

    /** The edge is at fault, and there is another one that this request has not been to. */
    #leaves(base: string, status: number): boolean {
      const isFault = status === 0 ? navigator.onLine : status >= 500;
      return isFault && route.failed(base) && !this.#tried.has(route.base);
    }

    /** Another loader in place of one that is of no more use. hls.js holds on to the statistics: they stay the same object. */
    #renew(): void {
      const { stats } = this;
      const old = this.#inner;
      this.#end();
      this.#inner = new SingleLoader(this.#config);
      old.abort();
      Object.assign(stats, { aborted: false, loaded: 0, total: 0 });
      Object.assign(stats.loading, { start: 0, first: 0, end: 0 });
      this.#inner.stats = stats;
    }

    #end(heard = false): void {
      clearTimeout(this.#again);
      if (heard) {
        this.#exchange?.heard();
      }
      this.#exchange?.close();
      this.#exchange = undefined;
    }
  };
}

/** What hls.js is given of a playlist. */
function settled(data: LoaderResponse['data'], url: string, floors: Map<string, number>): Pick<LoaderResponse, 'data'> {
  if (typeof data !== 'string' || firstSequence(data) === undefined) {
    return {};
  }
  const rendition = url.replace(/\?.*$/, '');
  const playlist = fromSequence(data, floors.get(rendition) ?? 0);
  floors.set(rendition, firstSequence(playlist) ?? 0);
  return { data: playlist };
}

/** An edge may ask its viewers to leave. */
function heed(edges: Edges, base: string, request: unknown): void {
  if (request instanceof XMLHttpRequest) {
    edges.heed(base, request.getAllResponseHeaders());
  }
}
