import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Archive } from '../archive/archive.ts';
import { DEFAULT_LATENCY, type ManifestOptions } from '../lldash/manifest.ts';
import { NO_DIRECTIVES, parseDirectives } from '../llhls/directives.ts';
import type { Rendition } from '../llhls/rendition.ts';
import type { Pictures } from '../pictures/pictures.ts';
import { DashAnswers, type DashAnswersOptions } from './dash-answers.ts';
import { Exchanges, type Exchange, type ExchangeOptions, type Wait } from './exchanges.ts';
import { KeptAnswers, type KeptAnswersOptions } from './kept-answers.ts';
import { MediaPathCache, type MediaTarget } from './media-path.ts';
import { IMMUTABLE, OPEN_HEADERS, type RawHeaders } from './payload.ts';
import type { Shares } from './shares.ts';

/** A playlist asked for without directives grows stale at once; rfc8216bis, B.1, would allow half a target duration. */
const PLAYLIST_CACHING = 'public, max-age=1';

/** The answer to a blocking request never changes its meaning: "cached for up to six target durations" (B.1). */
const BLOCKING_PLAYLIST_CACHING = 'public, max-age=12';

const ALLOW: RawHeaders = ['Allow', 'GET, HEAD, OPTIONS'];

const PREFLIGHT: RawHeaders = [
  ...OPEN_HEADERS,
  'Access-Control-Allow-Methods', 'GET, HEAD, OPTIONS',
  'Access-Control-Allow-Headers', 'Range, Authorization, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status',
  'Access-Control-Max-Age', '86400',
  'Content-Length', '0',
];

/** What the media handler works with. */
export type MediaHandlerOptions = ExchangeOptions & {
  /** What is kept on disk of the broadcasts; without it only what is in memory can be watched. */
  readonly archive?: Archive;
  /** Of bytes from disk that wait to be sent. Default: its own. */
  readonly unsent?: Shares;
  /** Without it there are no pictures. */
  readonly pictures?: Pictures;
  /** Path of the public URL, without a slash at the end. Default: the root. */
  readonly basePath?: string;
  /** This node among others, and its base URL as they know it: who goes back further than is kept here is sent to the node that keeps it. */
  readonly place?: KeptAnswersOptions['place'];
  /** What DASH manifests say; each value has a default. */
  readonly dash?: Partial<Pick<ManifestOptions, 'latency'>> & Pick<DashAnswersOptions, 'isElsewhere'>;
};

/**
 * Answers `/live/...`: the short path. Nothing is done here per request that could be done once per part: playlists and
 * headers come ready-made, and a request that waits costs one object.
 */
export class MediaHandler {
  readonly #options: MediaHandlerOptions;
  readonly #paths = new MediaPathCache();
  readonly #exchanges: Exchanges;
  readonly #dash: DashAnswers;
  readonly #kept: KeptAnswers | undefined;

  constructor(options: MediaHandlerOptions) {
    const { directory, archive, metrics, clock, basePath = '', unsent } = options;
    const exchanges = new Exchanges(options);
    this.#options = options;
    this.#exchanges = exchanges;
    this.#dash = new DashAnswers({ directory, archive, metrics, clock, exchanges, timeUrl: `${basePath}/time`, latency: options.dash?.latency ?? DEFAULT_LATENCY, isElsewhere: options.dash?.isElsewhere });
    this.#kept = archive && new KeptAnswers({ archive, directory, exchanges, unsent, place: options.place });
  }

  /** From now on nobody is made to wait. */
  stop(): void {
    this.#exchanges.stop();
  }

  /** Answers a request whose path, base path taken off, begins with `/live/`. */
  handle(request: IncomingMessage, response: ServerResponse, path: string, query: string): void {
    const target = this.#paths.parse(path);
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      this.#refuseMethod(request, response);
      return;
    }
    if (target === undefined) {
      this.#exchanges.fail(response, 'malformed', 400, 'http/malformed', 'The path is not that of a playlist or of media.');
      return;
    }
    this.#serve(this.#exchanges.begin(request, response, path, query), target);
  }

  #serve(exchange: Exchange, target: MediaTarget): void {
    switch (target.kind) {
      case 'playlist':
        this.#playlist(exchange, target);
        break;
      case 'part':
        this.#part(exchange, target);
        break;
      case 'segment':
      case 'init':
        this.#whole(exchange, target);
        break;
      case 'master':
        this.#master(exchange, target);
        break;
      case 'manifest':
        this.#dash.manifest(exchange, target);
        break;
      default:
        this.#rarely(exchange, target);
    }
  }

  #rarely(exchange: Exchange, target: Extract<MediaTarget, { kind: 'rewind' | 'picture' | 'other' }>): void {
    const { pictures, metrics } = this.#options;
    if (target.kind === 'rewind' && this.#kept !== undefined) {
      this.#kept.rewind(exchange, target);
    } else if (target.kind === 'picture' && target.picture.kind === 'storyboard' && this.#kept?.elsewhere(exchange, target, target.picture.broadcast) === true) {
      return;
    } else if (target.kind === 'picture' && pictures !== undefined) {
      const { request, response } = exchange;
      response.once('finish', () => metrics.answered('picture', response.statusCode, Number(response.getHeader('content-length') ?? 0)));
      pictures.handle(request, response, target.picture);
    } else {
      this.#exchanges.missing(exchange.response, target);
    }
  }

  #master(exchange: Exchange, target: Extract<MediaTarget, { kind: 'master' }>): void {
    const window = this.#options.directory.current(target.stream);
    if (window === undefined) {
      this.#exchanges.missing(exchange.response, target);
      return;
    }
    // Nobody is counted for this: a page may ask for it before its player, and so its session id, is there.
    const payload = window.master(target.isSigned);
    if (payload !== undefined) {
      this.#exchanges.send(exchange, 'master', payload, PLAYLIST_CACHING);
    } else if (window.hasLadder) {
      this.#exchanges.missing(exchange.response, target);
    } else {
      this.#waitFor(exchange, target, (waiter) => window.awaitLadder(waiter));
    }
  }

  #playlist(exchange: Exchange, target: Extract<MediaTarget, { kind: 'playlist' }>): void {
    const exchanges = this.#exchanges;
    const directives = exchange.query === '' ? NO_DIRECTIVES : parseDirectives(exchange.query);
    if (directives === undefined) {
      exchanges.fail(exchange.response, 'playlist', 400, 'hls/directives', 'The delivery directives _HLS_msn, _HLS_part or _HLS_skip are malformed.');
      return;
    }
    const rendition = this.#options.directory.broadcast(target.stream, target.broadcast)?.renditions.get(target.track);
    if (rendition === undefined) {
      this.#absentPlaylist(exchange, target);
      return;
    }
    const viewer = exchanges.stamp(exchange, target.stream, 'hls');
    if (!this.#isReady(exchange, target, rendition)) {
      return;
    }
    if (rendition.window.ended && rendition.window.last === undefined) {
      exchanges.missing(exchange.response, target);
      return;
    }
    const found = rendition.playlist(directives);
    const caching = directives.msn === undefined ? PLAYLIST_CACHING : BLOCKING_PLAYLIST_CACHING;
    if (found === 'wait') {
      exchanges.wait(exchange, {
        kind: 'playlist',
        viewer,
        wantsDelta: directives.skip,
        queue: (waiter) => rendition.awaitPlaylist(directives, waiter),
        send: (payload) => exchanges.send(exchange, 'playlist', payload, caching),
      });
    } else if (found === 'too-far') {
      exchanges.failOutcome(exchange.response, 'playlist', found);
    } else {
      exchanges.send(exchange, 'playlist', found, caching);
    }
  }

  /**
   * The broadcast or its renditions are not known, but may be soon: while the ladder is being planned, and after a restart
   * of the server, when the broadcast may return. The request waits: hls.js gives up for good after two refusals.
   */
  #absentPlaylist(exchange: Exchange, target: Extract<MediaTarget, { kind: 'playlist' }>): void {
    const { directory } = this.#options;
    const window = directory.broadcast(target.stream, target.broadcast);
    if (window !== undefined && !window.hasLadder) {
      this.#waitFor(exchange, target, (waiter) => window.awaitLadder(waiter));
    } else if (window === undefined && directory.knows(target.stream) && directory.mayReturn(target.stream)) {
      this.#waitFor(exchange, target, (waiter) => directory.awaitArrival(waiter));
    } else {
      this.#exchanges.missing(exchange.response, target);
    }
  }

  #part(exchange: Exchange, target: Extract<MediaTarget, { kind: 'part' }>): void {
    const rendition = this.#rendition(target);
    if (rendition !== undefined && !this.#isReady(exchange, target, rendition)) {
      return;
    }
    const found = rendition?.part(target.group, target.part);
    const exchanges = this.#exchanges;
    if (rendition === undefined || found === undefined) {
      exchanges.missing(exchange.response, target);
    } else if (found === 'wait') {
      exchanges.wait(exchange, {
        kind: 'part',
        queue: (waiter) => rendition.awaitPart(target.group, target.part, waiter),
        send: (payload) => exchanges.send(exchange, 'part', payload, IMMUTABLE),
      });
    } else {
      exchanges.send(exchange, 'part', found, IMMUTABLE);
    }
  }

  /** From memory; as it grows; from disk. */
  #whole(exchange: Exchange, target: Extract<MediaTarget, { kind: 'segment' | 'init' }>): void {
    const rendition = this.#rendition(target);
    if (rendition !== undefined && !this.#isReady(exchange, target, rendition)) {
      return;
    }
    const payload = target.kind === 'init' ? rendition?.init(target.config) : rendition?.segment(target.group);
    if (payload !== undefined) {
      this.#exchanges.send(exchange, target.kind, payload, IMMUTABLE);
      return;
    }
    const isAnswered =
      (target.kind === 'segment' && this.#dash.segment(exchange, target)) || this.#kept?.media(exchange, target) === true || this.#kept?.elsewhere(exchange, target, target.broadcast) === true;
    if (!isAnswered) {
      this.#exchanges.missing(exchange.response, target);
    }
  }

  #rendition(target: Extract<MediaTarget, { track: unknown }>): Rendition | undefined {
    return this.#options.directory.broadcast(target.stream, target.broadcast)?.renditions.get(target.track);
  }

  /** Whether a track is followed, and what there is of it is here. Otherwise the request waits for that, or is refused. */
  #isReady(exchange: Exchange, target: Extract<MediaTarget, { track: unknown }>, rendition: Rendition): boolean {
    const state = rendition.want();
    if (state === 'wait') {
      this.#waitFor(exchange, target, (waiter) => rendition.awaitReady(waiter));
    } else if (state === 'refused') {
      this.#exchanges.full(exchange.response, target.kind);
    }
    return state === 'ready';
  }

  /** Waits for what a target stands on, then serves it. */
  #waitFor(exchange: Exchange, target: Exclude<MediaTarget, { kind: 'manifest' | 'rewind' | 'picture' | 'other' }>, queue: Wait['queue']): void {
    const { kind } = target;
    this.#exchanges.wait(exchange, {
      kind,
      queue,
      send: (payload) => this.#exchanges.send(exchange, kind, payload, PLAYLIST_CACHING),
      instead: (outcome) => {
        if (outcome === 'arrived') {
          this.#serve(exchange, target);
        }
        return outcome === 'arrived';
      },
    });
  }

  #refuseMethod(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'OPTIONS') {
      response.writeHead(204, PREFLIGHT as string[]);
      response.end();
      this.#options.metrics.answered('other', 204, 0);
    } else {
      this.#exchanges.fail(response, 'other', 405, 'http/method', 'Media is read with GET or HEAD.', ALLOW);
    }
  }
}
