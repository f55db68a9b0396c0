import type { IncomingMessage, ServerResponse } from 'node:http';

import { later, type Clock, type WallTime } from '#core/media/time.ts';

import type { Archive } from '../archive/archive.ts';
import type { Audience, Viewer } from '../audience/audience.ts';
import { NO_DIRECTIVES, parseDirectives } from '../llhls/directives.ts';
import type { Directory } from '../llhls/directory.ts';
import type { Rendition } from '../llhls/rendition.ts';
import type { Outcome, Waiter } from '../llhls/waiting.ts';
import { THREE_TARGET_DURATIONS } from '../llhls/window-segment.ts';
import { RETRY_AFTER, sendError, sendPayload } from './answer.ts';
import type { AddressReader } from './client-address.ts';
import { MediaPathCache, type MediaTarget } from './media-path.ts';
import type { EdgeMetrics, RequestKind } from './metrics.ts';
import { IMMUTABLE, OPEN_HEADERS, type Payload, type RawHeaders } from './payload.ts';
import { ViewerConnections, type ViewerConnection } from './viewer-connection.ts';
import type { WaitingRoom } from './waiting-room.ts';

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
export type MediaHandlerOptions = {
  readonly directory: Directory;
  readonly audience: Audience;
  readonly waitingRoom: WaitingRoom;
  readonly metrics: EdgeMetrics;
  readonly readAddress: AddressReader;
  readonly clock: Clock;
  /** What is kept on disk; without it there is no rewind. */
  readonly archive?: Archive;
};

/** A request on its way through the handler. */
type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: string;
  readonly connection: ViewerConnection;
};

/**
 * Answers `/live/...`: the short path. Nothing is done here per request that could be done once per part: playlists and
 * headers come ready-made, and a request that waits costs one object.
 */
export class MediaHandler {
  readonly #options: MediaHandlerOptions;
  readonly #paths = new MediaPathCache();
  readonly #connections: ViewerConnections;
  #stopping = false;

  constructor(options: MediaHandlerOptions) {
    this.#options = options;
    this.#connections = new ViewerConnections(options.readAddress, options.audience);
  }

  /** From now on nobody is made to wait. */
  stop(): void {
    this.#stopping = true;
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
      this.#fail(response, 'malformed', 400, 'http/malformed', 'The path is not that of a playlist or of media.');
      return;
    }
    this.#serve({ request, response, query, connection: this.#connections.of(request) }, target);
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
      case 'other':
        this.#missing(exchange.response, target);
    }
  }

  #master(exchange: Exchange, target: Extract<MediaTarget, { kind: 'master' }>): void {
    const window = this.#options.directory.current(target.stream);
    if (window === undefined) {
      this.#missing(exchange.response, target);
      return;
    }
    // Nobody is counted for this: a page may ask for it before its player, and so its session id, is there.
    const payload = window.master();
    if (payload !== undefined) {
      this.#send(exchange, 'master', payload, PLAYLIST_CACHING);
    } else if (window.hasLadder) {
      this.#missing(exchange.response, target);
    } else {
      this.#waitFor(exchange, target, (waiter) => window.awaitLadder(waiter));
    }
  }

  #playlist(exchange: Exchange, target: Extract<MediaTarget, { kind: 'playlist' }>): void {
    const { directory, clock } = this.#options;
    const directives = exchange.query === '' ? NO_DIRECTIVES : parseDirectives(exchange.query);
    if (directives === undefined) {
      this.#fail(exchange.response, 'playlist', 400, 'hls/directives', 'The delivery directives _HLS_msn, _HLS_part or _HLS_skip are malformed.');
      return;
    }
    const rendition = directory.broadcast(target.stream, target.broadcast)?.renditions.get(target.track);
    if (rendition === undefined) {
      this.#absentPlaylist(exchange, target);
      return;
    }
    const viewer = this.#connections.stamp(exchange.request, exchange.connection, target.stream, exchange.query, clock());
    const found = rendition.playlist(directives);
    const caching = directives.msn === undefined ? PLAYLIST_CACHING : BLOCKING_PLAYLIST_CACHING;
    if (found === 'wait') {
      this.#wait(exchange, 'playlist', caching, viewer, (waiter) => rendition.awaitPlaylist(directives, waiter), directives.skip);
    } else if (found === 'too-far') {
      this.#failOutcome(exchange.response, 'playlist', found);
    } else {
      this.#send(exchange, 'playlist', found, caching);
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
      this.#missing(exchange.response, target);
    }
  }

  #part(exchange: Exchange, target: Extract<MediaTarget, { kind: 'part' }>): void {
    const rendition = this.#rendition(target);
    const found = rendition?.part(target.group, target.part);
    if (rendition === undefined || found === undefined) {
      this.#missing(exchange.response, target);
    } else if (found === 'wait') {
      this.#wait(exchange, 'part', IMMUTABLE, undefined, (waiter) => rendition.awaitPart(target.group, target.part, waiter));
    } else {
      this.#send(exchange, 'part', found, IMMUTABLE);
    }
  }

  #whole(exchange: Exchange, target: Extract<MediaTarget, { kind: 'segment' | 'init' }>): void {
    const rendition = this.#rendition(target);
    const payload = target.kind === 'init' ? rendition?.init(target.config) : rendition?.segment(target.group);
    if (payload === undefined) {
      this.#missing(exchange.response, target);
    } else {
      this.#send(exchange, target.kind, payload, IMMUTABLE);
    }
  }

  #rendition(target: Extract<MediaTarget, { track: unknown }>): Rendition | undefined {
    return this.#options.directory.broadcast(target.stream, target.broadcast)?.renditions.get(target.track);
  }

  /** Waits for what a target stands on, then serves it. */
  #waitFor(exchange: Exchange, target: MediaTarget, queue: (waiter: MediaWaiter) => void): void {
    this.#wait(exchange, target.kind, '', undefined, queue, false, target);
  }

  #wait(
    exchange: Exchange,
    kind: RequestKind,
    caching: string,
    viewer: Viewer | undefined,
    queue: (waiter: MediaWaiter) => void,
    wantsDelta = false,
    again?: MediaTarget,
  ): void {
    const { waitingRoom, clock, metrics } = this.#options;
    const { connection, request, response } = exchange;
    if (this.#stopping) {
      this.#failOutcome(response, kind, 'stopping');
      return;
    }
    const address = this.#connections.addressOf(request, connection);
    if (!waitingRoom.enter(address, connection)) {
      this.#fail(response, kind, 429, 'http/too-many-waiting', 'Too many requests of this client are waiting.', RETRY_AFTER);
      return;
    }
    metrics.blocked();
    if (viewer !== undefined) {
      viewer.waiting++;
    }
    const deadline = later(clock(), THREE_TARGET_DURATIONS);
    queue(
      new MediaWaiter(deadline, wantsDelta, (outcome) => {
        waitingRoom.leave(address, connection);
        if (viewer !== undefined) {
          viewer.waiting--;
          viewer.lastSeen = clock();
        }
        // Who has hung up is not answered; no listener is spent on noticing earlier.
        if (response.destroyed || response.writableEnded) {
          return;
        }
        if (typeof outcome !== 'string') {
          this.#send(exchange, kind, outcome, caching);
        } else if (outcome === 'arrived' && again !== undefined) {
          this.#serve(exchange, again);
        } else {
          this.#failOutcome(response, kind, outcome);
        }
      }),
    );
  }

  #send(exchange: Exchange, kind: RequestKind, payload: Payload, caching: string): void {
    const bytes = sendPayload(exchange.request, exchange.response, payload, caching);
    this.#options.metrics.answered(kind, exchange.response.statusCode, bytes);
  }

  /** Nothing is there: because the stream is unknown, because it is off air, or because the media is too old or not yet due. */
  #missing(response: ServerResponse, target: MediaTarget): void {
    const { directory } = this.#options;
    const kind = target.kind;
    if (!directory.knows(target.stream)) {
      this.#fail(response, kind, 404, 'stream/unknown', 'There is no stream of this name.');
    } else if (directory.current(target.stream) === undefined) {
      this.#fail(response, kind, 404, 'offline', 'The stream is off air.', RETRY_AFTER);
    } else {
      this.#fail(response, kind, 404, 'media/not-found', 'The stream is on air, but this is not (or no longer) part of it.');
    }
  }

  #failOutcome(response: ServerResponse, kind: RequestKind, outcome: Exclude<Outcome, Payload>): void {
    switch (outcome) {
      case 'too-far':
        this.#fail(response, kind, 400, 'hls/too-far', 'The playlist is further from the requested segment or part than a client can know of.');
        break;
      case 'timeout':
        this.#fail(response, kind, 503, 'hls/timeout', 'The requested media did not come in time.', RETRY_AFTER);
        break;
      case 'stopping':
        this.#fail(response, kind, 503, 'http/stopping', 'The server is stopping.', RETRY_AFTER);
        break;
      case 'gone':
      case 'arrived': // Only who waits for an arrival is told of it.
        this.#fail(response, kind, 404, 'media/not-found', 'The requested media did not come to be.');
    }
  }

  #refuseMethod(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'OPTIONS') {
      response.writeHead(204, PREFLIGHT as string[]);
      response.end();
      this.#options.metrics.answered('other', 204, 0);
    } else {
      this.#fail(response, 'other', 405, 'http/method', 'Media is read with GET or HEAD.', ALLOW);
    }
  }

  #fail(response: ServerResponse, kind: RequestKind, status: number, code: string, message: string, more: RawHeaders = []): void {
    sendError(response, status, { code, message }, more);
    this.#options.metrics.answered(kind, status, 0);
  }
}

class MediaWaiter implements Waiter {
  readonly deadline: WallTime;
  readonly wantsDelta: boolean;
  readonly settle: (outcome: Outcome) => void;

  constructor(deadline: WallTime, wantsDelta: boolean, settle: (outcome: Outcome) => void) {
    this.deadline = deadline;
    this.wantsDelta = wantsDelta;
    this.settle = settle;
  }
}
