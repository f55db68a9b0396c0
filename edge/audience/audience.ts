import type { Audience as AudienceCatalog, StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type WallTime } from '#core/media/time.ts';

/** Protocols whose viewers are counted. */
export type ViewerProtocol = keyof AudienceCatalog['viewers'];

/** A viewer who asked for nothing for so long has left. */
const EXPIRY = millis(5000);

/** Bound against invented session ids: viewers beyond it are served, but not counted. */
const MAX_VIEWERS_PER_STREAM = 100_000;

/** One viewer of one stream over one protocol. Whoever serves a request stamps it. */
export type Viewer = { lastSeen: WallTime; /** Requests that wait for media to come: the viewer is there as long. */ waiting: number };

type Crowd = Map<string, Viewer>;

/** Hears of each viewer who comes or leaves. */
export type AudienceListener = (came: boolean, stream: StreamName, protocol: ViewerProtocol, session: string) => void;

/** Counts viewers: by CMCD session id, else by address and user agent. */
export class Audience {
  readonly #crowds = new Map<StreamName, Map<ViewerProtocol, Crowd>>();
  readonly #listener: AudienceListener | undefined;

  constructor(listener?: AudienceListener) {
    this.#listener = listener;
  }

  /** The viewer of a session, new where unknown; stamp `lastSeen` at each request. Undefined where there are too many. */
  viewer(stream: StreamName, protocol: ViewerProtocol, session: string, now: WallTime): Viewer | undefined {
    let protocols = this.#crowds.get(stream);
    if (protocols === undefined) {
      protocols = new Map();
      this.#crowds.set(stream, protocols);
    }
    let crowd = protocols.get(protocol);
    if (crowd === undefined) {
      crowd = new Map();
      protocols.set(protocol, crowd);
    }
    let viewer = crowd.get(session);
    if (viewer === undefined && crowd.size < MAX_VIEWERS_PER_STREAM) {
      viewer = { lastSeen: now, waiting: 0 };
      crowd.set(session, viewer);
      this.#listener?.(true, stream, protocol, session);
    } else if (viewer !== undefined) {
      viewer.lastSeen = now;
    }
    return viewer;
  }

  /** A viewer has said goodbye. Idempotent. */
  leave(stream: StreamName, protocol: ViewerProtocol, session: string): void {
    if (this.#crowds.get(stream)?.get(protocol)?.delete(session) === true) {
      this.#listener?.(false, stream, protocol, session);
    }
  }

  /** Forgets who has left. Call it about once a second. */
  expire(now: WallTime): void {
    for (const [stream, protocols] of this.#crowds) {
      for (const [protocol, crowd] of protocols) {
        for (const [session, viewer] of crowd) {
          if (viewer.waiting === 0 && elapsed(viewer.lastSeen, now) >= EXPIRY) {
            crowd.delete(session);
            this.#listener?.(false, stream, protocol, session);
          }
        }
        if (crowd.size === 0) {
          protocols.delete(protocol);
        }
      }
      if (protocols.size === 0) {
        this.#crowds.delete(stream);
      }
    }
  }

  /** Viewers of a stream by protocol; protocols without viewers are left out. */
  viewersOf(stream: StreamName): AudienceCatalog['viewers'] {
    const viewers: Partial<Record<ViewerProtocol, number>> = {};
    for (const [protocol, crowd] of this.#crowds.get(stream) ?? []) {
      viewers[protocol] = crowd.size;
    }
    return viewers;
  }

  /** Viewers in all, by protocol. */
  totals(): Record<ViewerProtocol, number> {
    const totals = { hls: 0, dash: 0, webrtc: 0 };
    for (const protocols of this.#crowds.values()) {
      for (const [protocol, crowd] of protocols) {
        totals[protocol] += crowd.size;
      }
    }
    return totals;
  }
}
