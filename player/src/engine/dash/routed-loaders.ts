import type { MediaPlayerClass } from 'dashjs';
import type { Edges } from '../../edges/edges.ts';
import { forRoute } from './routed-manifest.ts';

/** What dash.js tells of a download's progress; of a segment that grows, each time with the chunks that were completed. */
type Progress = { readonly data?: ArrayBuffer };

/** What dash.js's loaders are given, as far as it is needed here. */
type CustomData = {
  onloadend?: (() => void) | undefined;
  onprogress?: ((progress: Progress) => void) | undefined;
  onabort?: (() => void) | undefined;
  ontimeout?: ((event: unknown) => void) | undefined;
  abort?: (() => void) | undefined;
  /** Of the loader of segments alone. */
  abortController?: AbortController | undefined;
};
type DashRequest = { url: string; customData: CustomData };
type DashResponse = { url?: string; status?: number; data?: unknown; headers?: Readonly<Record<string, string>> };
type DashLoader = { load(request: DashRequest, response: DashResponse): unknown };

/** dash.js's loaders: of segments, and of everything else. */
const loaders = ['FetchLoader', 'XHRLoader'] as const;

/** An edge that had no viewer of this stream has to fetch it first: for so long after a move, what it does not know is asked for again. Milliseconds. */
const settlesWithin = 3_000;
const askAgain = 150;

/**
 * Sends dash.js's requests to the edge in use, and to the next one when that fails, says 5xx, or dies while it is being asked. dash.js sees URLs
 * of home alone. Call it before the player is initialized.
 */
export function routeLoaders(player: MediaPlayerClass, edges: Edges): void {
  for (const name of loaders) {
    player.extend(
      name,
      function extended(this: { readonly parent: DashLoader }): DashLoader {
        // dash.js puts what is returned in place of the parent's own.
        const load = this.parent.load.bind(this.parent);
        return { load: (request, response) => void new Download(edges, load, request, response).attempt() };
      } as unknown as object,
      true,
    );
  }
}

/** One request of dash.js, from edge to edge. An XHR that was given up is left to its timeout: dash.js's loader can only end its latest. */
class Download {
  readonly #edges: Edges;
  readonly #load: DashLoader['load'];
  readonly #request: DashRequest;
  readonly #response: DashResponse;
  readonly #tried = new Set<string>();
  /** Bytes of chunks that dash.js has. */
  #told = 0;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(edges: Edges, load: DashLoader['load'], request: DashRequest, response: DashResponse) {
    this.#edges = edges;
    this.#load = load;
    this.#request = request;
    this.#response = response;
  }

  /** Asks the edge in use. */
  attempt(): void {
    const edges = this.#edges;
    const { route } = edges;
    const { base } = route;
    const told = this.#request.customData;
    // What was given up may still call back: each attempt has callbacks of its own.
    const custom: CustomData = { ...told };
    let isOver = false;
    const isManifest = /\.mpd(\?|$)/.test(this.#request.url);
    const exchange = edges.open(base, {
      ...(isManifest ? { url: this.#request.url } : {}),
      lost: () => {
        isOver = true;
        custom.abortController?.abort();
        this.attempt();
      },
    });
    const end = (): boolean => {
      const wasOver = isOver;
      isOver = true;
      exchange.close();
      return !wasOver;
    };
    this.#tried.add(base);
    const answer = Object.create(this.#response) as DashResponse;
    const pass = this.#passOn(told);
    custom.onprogress = (progress) => {
      if (!isOver) {
        exchange.heard();
        pass(progress);
      }
    };
    custom.onabort = () => end() && told.onabort?.();
    custom.ontimeout = (event) => !isOver && told.ontimeout?.(event);
    custom.onloadend = () => {
      const { status = 0 } = answer;
      if (!isOver && status > 0 && status < 500) {
        exchange.heard();
      }
      if (end()) {
        this.#ended(base, answer);
      }
    };
    told.abort = () => {
      clearTimeout(this.#again);
      // Between two attempts there is nothing to abort.
      (isOver ? told.onabort : custom.abort)?.();
    };
    this.#load({ ...this.#request, url: route.at(base, this.#request.url), customData: custom }, answer);
  }

  /** Progress as dash.js hears of it: bytes that another edge has brought already are left out. */
  #passOn(told: CustomData): (progress: Progress) => void {
    const known = this.#told;
    let passed = 0;
    return (progress) => {
      const { data } = progress;
      if (data === undefined) {
        told.onprogress?.(progress);
        return;
      }
      const from = Math.min(Math.max(known - passed, 0), data.byteLength);
      passed += data.byteLength;
      this.#told = Math.max(known, passed);
      if (from < data.byteLength) {
        told.onprogress?.(from === 0 ? progress : { ...progress, data: data.slice(from) });
      }
    };
  }

  #ended(base: string, answer: DashResponse): void {
    const { status = 0, data } = answer;
    if (this.#leaves(base, status, data)) {
      this.attempt();
    } else if (status === 404 && this.#edges.route.movedWithin(settlesWithin)) {
      this.#again = setTimeout(() => this.attempt(), askAgain);
    } else {
      this.#settle(base, answer);
      this.#request.customData.onloadend?.();
    }
  }

  /** The edge is at fault, also where it broke off, and there is another one that this request has not been to. */
  #leaves(base: string, status: number, data: unknown): boolean {
    const isFault = status >= 500 || ((status === 0 || (status < 300 && (data === undefined || data === null))) && navigator.onLine);
    const { route } = this.#edges;
    return isFault && route.failed(base) && !this.#tried.has(route.base);
  }

  #settle(base: string, answer: DashResponse): void {
    const { route } = this.#edges;
    const { url, status, data, headers } = answer;
    this.#edges.leave(base, headers?.['millrace-move'] ?? null);
    Object.assign(this.#response, answer, {
      status,
      headers,
      url: url === undefined ? url : route.homeOf(base, url),
      data: typeof data === 'string' ? forRoute(data, route) : data,
    });
  }
}
