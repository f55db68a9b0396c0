import type { IncomingMessage, ServerResponse } from 'node:http';

import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import { later, type Clock, type WallTime } from '#core/media/time.ts';

import type { Audience, Viewer, ViewerProtocol } from '../audience/audience.ts';
import type { Directory } from '../llhls/directory.ts';
import type { Outcome, Waiter } from '../llhls/waiting.ts';
import { THREE_TARGET_DURATIONS } from '../llhls/window-segment.ts';
import { RETRY_AFTER, sendError, sendPayload } from './answer.ts';
import type { AddressReader } from './client-address.ts';
import type { MediaTarget } from './media-path.ts';
import type { RequestKind, RequestObserver } from './metrics.ts';
import { OPEN_HEADERS, type Payload, type RawHeaders } from './payload.ts';
import { ViewerConnections, type ViewerConnection } from './viewer-connection.ts';
import type { WaitingRoom } from './waiting-room.ts';

/** What requests for media are answered with. */
export type ExchangeOptions = {
  readonly directory: Directory;
  readonly audience: Audience;
  readonly waitingRoom: WaitingRoom;
  readonly metrics: RequestObserver;
  readonly readAddress: AddressReader;
  readonly clock: Clock;
  /** Base URL of the edge that a viewer is to move to; undefined where nobody is to. */
  readonly moveTo?: (() => string | undefined) | undefined;
  /** Who else may have what is not here, in this process: answers in place of a refusal. */
  readonly otherwise?: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
};

/** A request on its way through the handlers of `/live/`. */
export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the base path. */
  readonly path: string;
  readonly query: string;
  readonly connection: ViewerConnection;
};

/** How a request waits. */
export type Wait = {
  readonly kind: RequestKind;
  /** Who waits, where viewers are counted by such requests. */
  readonly viewer?: Viewer | undefined;
  readonly wantsDelta?: boolean;
  /** Puts the request where it will be settled. */
  readonly queue: (waiter: MediaWaiter) => void;
  /** Answers a payload. */
  readonly send: (payload: Payload) => void;
  /** Answers what is no payload, in place of the usual error: true where it did. */
  readonly instead?: (outcome: Exclude<Outcome, Payload>) => boolean;
};

/** Answers of the media handlers, counted, and the room in which requests wait. */
export class Exchanges {
  readonly #options: ExchangeOptions;
  readonly #connections: ViewerConnections;
  #stopping = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#connections = new ViewerConnections(options.readAddress, options.audience);
  }

  /** From now on nobody is made to wait. */
  stop(): void {
    this.#stopping = true;
  }

  begin(request: IncomingMessage, response: ServerResponse, path: string, query: string): Exchange {
    return { request, response, path, query, connection: this.#connections.of(request) };
  }

  /** Counts the viewer behind a request. */
  stamp({ request, connection, query }: Exchange, stream: StreamName, protocol: ViewerProtocol): Viewer | undefined {
    return this.#connections.stamp(request, connection, stream, protocol, query, this.#options.clock());
  }

  /**
   * Takes a place in the waiting room for something that will take its time. Refuses the request where there is none.
   *
   * @returns the way out, to be called once; undefined where the request was refused.
   */
  enter(exchange: Exchange, kind: RequestKind): (() => void) | undefined {
    const { waitingRoom, metrics } = this.#options;
    const { connection, request, response } = exchange;
    if (this.#stopping) {
      this.failOutcome(response, kind, 'stopping');
      return undefined;
    }
    const address = this.#connections.addressOf(request, connection);
    if (!waitingRoom.enter(address, connection)) {
      this.fail(response, kind, 429, 'http/too-many-waiting', 'Too many requests of this client are waiting.', RETRY_AFTER);
      return undefined;
    }
    metrics.blocked();
    return () => waitingRoom.leave(address, connection);
  }

  /** Has a request wait until it is settled, three target durations at most. */
  wait(exchange: Exchange, { kind, viewer, wantsDelta = false, queue, send, instead }: Wait): void {
    const { clock } = this.#options;
    const { response } = exchange;
    const leave = this.enter(exchange, kind);
    if (leave === undefined) {
      return;
    }
    if (viewer !== undefined) {
      viewer.waiting++;
    }
    queue(
      new MediaWaiter(later(clock(), THREE_TARGET_DURATIONS), wantsDelta, (outcome) => {
        leave();
        if (viewer !== undefined) {
          viewer.waiting--;
          viewer.lastSeen = clock();
        }
        // Who has hung up is not answered; no listener is spent on noticing earlier.
        if (response.destroyed || response.writableEnded) {
          return;
        }
        if (typeof outcome !== 'string') {
          send(outcome);
        } else if (instead?.(outcome) !== true) {
          this.failOutcome(response, kind, outcome);
        }
      }),
    );
  }

  send({ request, response }: Exchange, kind: RequestKind, payload: Payload, caching: string): void {
    const bytes = sendPayload(request, response, payload, caching, isMedia(kind) ? [] : this.#move());
    this.#options.metrics.answered(kind, response.statusCode, bytes);
  }

  /** Nothing is there: because the stream is unknown, because it is off air, or because the media is too old or not yet due. */
  missing(response: ServerResponse, { kind, stream }: Pick<MediaTarget, 'kind' | 'stream'>): void {
    const { directory, otherwise } = this.#options;
    if (otherwise !== undefined) {
      otherwise(response.req, response);
    } else if (!directory.knows(stream)) {
      this.fail(response, kind, 404, 'stream/unknown', 'There is no stream of this name.');
    } else if (directory.current(stream) === undefined) {
      this.fail(response, kind, 404, 'offline', 'The stream is off air.', RETRY_AFTER);
    } else {
      this.fail(response, kind, 404, 'media/not-found', 'The stream is on air, but this is not (or no longer) part of it.');
    }
  }

  /** Sends a request to another node, once. False where one has sent it here. */
  redirect({ response, path, query }: Exchange, kind: RequestKind, url: string, from: NodeId): boolean {
    if (/(^|&)via=/.test(query)) {
      return false;
    }
    response.writeHead(307, [...OPEN_HEADERS, 'Location', `${url}${path}?${query === '' ? '' : `${query}&`}via=${from}`, 'Cache-Control', 'no-cache', 'Content-Length', '0']);
    response.end();
    this.#options.metrics.answered(kind, 307, 0);
    return true;
  }

  /** There is no room to subscribe to one more track (ADR 0015). */
  full(response: ServerResponse, kind: RequestKind): void {
    this.fail(response, kind, 503, 'edge/full', 'This server follows as many tracks as it takes.', RETRY_AFTER);
  }

  failOutcome(response: ServerResponse, kind: RequestKind, outcome: Exclude<Outcome, Payload>): void {
    switch (outcome) {
      case 'too-far':
        this.fail(response, kind, 400, 'hls/too-far', 'The playlist is further from the requested segment or part than a client can know of.');
        break;
      case 'timeout':
        this.fail(response, kind, 503, 'hls/timeout', 'The requested media did not come in time.', RETRY_AFTER);
        break;
      case 'stopping':
        this.fail(response, kind, 503, 'http/stopping', 'The server is stopping.', RETRY_AFTER);
        break;
      case 'gone':
      case 'arrived': // Only who waits for an arrival is told of it.
        this.fail(response, kind, 404, 'media/not-found', 'The requested media did not come to be.');
    }
  }

  fail(response: ServerResponse, kind: RequestKind, status: number, code: string, message: string, more: RawHeaders = []): void {
    sendError(response, status, { code, message }, status === 503 ? [...more, ...this.#move()] : more);
    this.#options.metrics.answered(kind, status, 0);
  }

  #move(): RawHeaders {
    const url = this.#options.moveTo?.();
    return url === undefined ? [] : ['Millrace-Move', url];
  }
}

/** What caches keep for ever, and says nothing of the moment. */
function isMedia(kind: RequestKind): boolean {
  return kind === 'part' || kind === 'segment' || kind === 'init';
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
