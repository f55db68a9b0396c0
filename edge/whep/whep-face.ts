import type { IncomingMessage, ServerResponse } from 'node:http';

import { addressGroup } from '#core/access/address-group.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { RestartAnswer, SdpFragment } from '#core/rtc/sdp/fragment.ts';
import { SignallingEndpoint } from '#core/rtc/signalling/endpoint.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';
import { respond } from '#core/rtc/signalling/respond.ts';
import type { Asker, CreatedSession, SessionFactory, SessionRequest, SignalledSession } from '#core/rtc/signalling/session-factory.ts';
import type { IceCredentials } from '#core/rtc/transport.ts';

import type { EgressObserver, ViewerEvent, ViewerRequest } from './egress.ts';
import { EventStreams } from './event-streams.ts';
import { extensionLinks, Extensions } from './extensions.ts';
import type { LayerWish } from './layers.ts';

/** Bounds on viewers. */
export type WhepLimits = { readonly maxWhepViewers: number; readonly maxWhepViewersPerAddress: number };

/** The part of an egress that the face needs: here, or in a worker thread. */
export interface EgressControl {
  create(request: ViewerRequest): string | Promise<string>;
  restart(id: string, ice: IceCredentials): RestartAnswer | undefined | Promise<RestartAnswer | undefined>;
  wish(id: string, wish: LayerWish): boolean | Promise<boolean>;
  remove(id: string): void;
}

/** Who is told of viewers that come and go. */
export interface ViewerLedger {
  /** A viewer has come: counted before anything waits, so that what only WebRTC needs is encoded. */
  came(stream: StreamName, id: string): void;
  left(stream: StreamName, id: string): void;
  /** Viewers of a stream over all protocols. */
  count(stream: StreamName): number;
}

/** What the face is made of. */
export type WhepFaceOptions = {
  readonly limits: WhepLimits;
  readonly basePath: string;
  readonly ledger: ViewerLedger;
  /** Whether a stream exists, and whether it is on air. */
  readonly streamState: (stream: StreamName) => 'unknown' | 'off-air' | 'live';
  readonly readAddress: (request: IncomingMessage) => string;
  /** An offer was refused, for the metrics. */
  readonly refused: (code: string) => void;
  /** Who else serves WebRTC viewers, and when to send new ones there; undefined where nobody does. */
  readonly elsewhere?: Elsewhere | undefined;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Other edges, as WHEP sends viewers to them. */
export interface Elsewhere {
  /** Whether new viewers are to go elsewhere although there is room: this edge stops, or has no more to give. */
  readonly isWished: boolean;
  /** Base URL of an edge for one more viewer; undefined where there is none. */
  next(): string | undefined;
  /** Name of this edge; undefined where it has none. */
  readonly node: string | undefined;
}

type Present = {
  readonly stream: StreamName;
  /** The address to count by, an IPv6 subscriber's as one. */
  readonly address: string;
  readonly events: EventStreams;
  readonly ended: PromiseWithResolvers<void>;
  readonly cameAt: WallTime;
  isConnected: boolean;
  isToldToMove: boolean;
  viewerCount: number;
};

/** A viewer that nobody came for gives way to another after this, where there is no room: an answer's first check comes within a few round trips. */
const UNHEARD = millis(2000);

/** Seconds between comments on quiet event streams. */
const KEEP_ALIVE_SECONDS = 15;

/** WHEP over HTTP: who may watch, the life of a session, its events. The media are the egress's. */
export class WhepFace implements SessionFactory, EgressObserver {
  readonly #options: WhepFaceOptions;
  readonly #present = new Map<string, Present>();
  readonly #perAddress = new Map<string, number>();
  readonly #endpoint: SignallingEndpoint;
  readonly #extensions: Extensions;
  #egress: EgressControl | undefined;
  #seconds = 0;

  constructor(options: WhepFaceOptions) {
    const { basePath, log, readAddress } = options;
    this.#options = options;
    this.#endpoint = new SignallingEndpoint({ protocol: 'whep', basePath, factory: this, address: readAddress, log });
    this.#extensions = new Extensions({ basePath, log, find: (id) => this.#find(id) });
  }

  /** Takes the egress that sends the media. Once, before the first request. */
  attach(egress: EgressControl): void {
    this.#egress = egress;
  }

  /** Answers a request below `/whep`. `path` comes without the base path and query. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): void {
    const elsewhere = this.#elsewhere(request, path);
    if (elsewhere !== undefined) {
      this.#options.refused('whep/elsewhere');
      respond(response, 307, { Location: elsewhere });
    } else if (!this.#extensions.handle(request, response, path)) {
      this.#endpoint.handle(request, response);
    }
  }

  /** Viewers whose sessions have not ended. */
  get viewers(): number {
    return this.#present.size;
  }

  /** Tells viewers who have not been told yet to go on at another edge; each may be told another one. */
  move(): void {
    for (const present of this.#present.values()) {
      const url = present.isToldToMove ? undefined : this.#options.elsewhere?.next();
      if (url !== undefined) {
        present.isToldToMove = true;
        present.events.tell('move', { url });
      }
    }
  }

  admit({ stream, address }: Asker): Promise<StreamName> {
    return this.#counted(() => {
      if (stream === undefined) {
        throw new Refusal(404, 'stream/unknown', 'There is no such stream.');
      }
      this.#checkStream(stream);
      this.#checkLimits(addressGroup(address));
      return Promise.resolve(stream);
    });
  }

  create({ id, stream, offer, address }: SessionRequest): Promise<CreatedSession> {
    return this.#counted(async () => {
      const group = addressGroup(address);
      this.#checkLimits(group);
      const present = this.#enter(id, stream, group);
      try {
        const answer = await this.#needEgress().create({ id, stream, offer });
        return { answer, session: this.#session(id, present), links: extensionLinks(this.#options.basePath, stream, id) };
      } catch (thrown) {
        this.ended(id);
        throw thrown;
      }
    });
  }

  connected(viewer: string): void {
    const present = this.#present.get(viewer);
    if (present !== undefined) {
      present.isConnected = true;
    }
  }

  event(viewer: string, { name, data }: ViewerEvent): void {
    this.#present.get(viewer)?.events.tell(name, data);
  }

  ended(viewer: string): void {
    const present = this.#present.get(viewer);
    if (present === undefined) {
      return;
    }
    this.#present.delete(viewer);
    const { address, stream, events, ended } = present;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) {
      this.#perAddress.delete(address);
    } else {
      this.#perAddress.set(address, left);
    }
    this.#options.ledger.left(stream, viewer);
    events.close();
    ended.resolve();
  }

  /** Tells viewers how many they are. Call it about once a second. */
  tick(): void {
    this.#seconds += 1;
    for (const present of this.#present.values()) {
      if (!present.events.isHeard) {
        continue;
      }
      this.#tellCount(present);
      if (this.#seconds % KEEP_ALIVE_SECONDS === 0) {
        present.events.keepAlive();
      }
    }
  }

  /** Ends every session. Idempotent. */
  close(): Promise<void> {
    return this.#endpoint.close();
  }

  /**
   * Where the request for a new session is to be made instead. Who was sent here by another edge is not sent on: two edges with old facts of each other would
   * play ball with him.
   */
  #elsewhere({ method, url = '' }: IncomingMessage, path: string): string | undefined {
    const { elsewhere, limits } = this.#options;
    if (method !== 'POST' || elsewhere === undefined || !/^\/whep\/[^/]+$/.test(path) || /[?&]via=/.test(url)) {
      return undefined;
    }
    const base = elsewhere.isWished || this.#present.size >= limits.maxWhepViewers ? elsewhere.next() : undefined;
    return base === undefined ? undefined : `${base}${path}?via=${elsewhere.node ?? ''}`;
  }

  #enter(id: string, stream: StreamName, address: string): Present {
    const present: Present = { stream, address, events: new EventStreams(this.#options.clock), ended: Promise.withResolvers<void>(), viewerCount: -1, cameAt: this.#options.clock(), isConnected: false, isToldToMove: false };
    this.#present.set(id, present);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    this.#options.ledger.came(stream, id);
    this.#tellCount(present);
    return present;
  }

  #tellCount(present: Present): void {
    const count = this.#options.ledger.count(present.stream);
    if (count !== present.viewerCount) {
      present.viewerCount = count;
      present.events.tell('viewercount', { viewercount: count });
    }
  }

  #session(id: string, { ended }: Present): SignalledSession {
    return {
      id,
      iceRestart: async ({ ice }: SdpFragment) => {
        const answer = ice && (await this.#needEgress().restart(id, ice));
        if (answer === undefined) {
          throw new Refusal(404, 'signalling/unknown-session', 'The session has ended.');
        }
        return answer;
      },
      trickle: () => undefined,
      close: () => this.#needEgress().remove(id),
      closed: ended.promise,
    };
  }

  #find(id: string) {
    const present = this.#present.get(id);
    return present && { ...present, wish: (wish: LayerWish) => this.#needEgress().wish(id, wish) };
  }

  #checkStream(stream: StreamName): void {
    const state = this.#options.streamState(stream);
    if (state === 'unknown') {
      throw new Refusal(404, 'stream/unknown', 'There is no such stream.');
    }
    if (state === 'off-air') {
      throw new Refusal(409, 'offline', 'The stream is off air.', { retryAfter: 1 });
    }
  }

  #checkLimits(address: string): void {
    const { maxWhepViewers, maxWhepViewersPerAddress } = this.#options.limits;
    if (this.#present.size >= maxWhepViewers && !this.#makeRoom(() => true)) {
      throw new Refusal(503, 'whep/full', 'The server has as many WebRTC viewers as it takes. LL-HLS has room.', { retryAfter: 5 });
    }
    if ((this.#perAddress.get(address) ?? 0) >= maxWhepViewersPerAddress && !this.#makeRoom((present) => present.address === address)) {
      throw new Refusal(429, 'whep/too-many-viewers', 'This address has as many WebRTC viewers as it may have.', { retryAfter: 10 });
    }
  }

  /** Ends the oldest viewer that nobody came for: whoever opens sessions and never comes keeps nobody out. */
  #makeRoom(among: (present: Present) => boolean): boolean {
    const now = this.#options.clock();
    for (const [id, present] of this.#present) {
      if (elapsed(present.cameAt, now) < UNHEARD) {
        return false;
      }
      if (!present.isConnected && among(present)) {
        this.#needEgress().remove(id);
        this.ended(id);
        return true;
      }
    }
    return false;
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      this.#options.refused(thrown instanceof MillraceError ? thrown.code : 'internal');
      throw thrown;
    }
  }

  #needEgress(): EgressControl {
    if (this.#egress === undefined) {
      throw new Refusal(503, 'http/stopping', 'The server is not ready.', { retryAfter: 1 });
    }
    return this.#egress;
  }
}
