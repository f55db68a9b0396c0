import { EdgeRoute } from '../edges/edge-route.ts';
import type { EdgeMove } from '../edges/edge-route.ts';
import type { Edges } from '../edges/edges.ts';
import type { Exchange, ExchangeOptions } from '../edges/edge-watch.ts';

/** Edges without a network: a route, and who is told what. Stands where {@link Edges} is wanted. */
export class FakeEdges implements Pick<Edges, 'route' | 'url' | 'onMove' | 'open' | 'suspect' | 'leave' | 'heed' | 'fetch'> {
  readonly route: EdgeRoute;
  /** Requests under way, by the edge that was asked. */
  readonly underWay: { readonly base: string; readonly options: ExchangeOptions }[] = [];
  /** What an edge that is suspected does. */
  lives = true;
  readonly suspected: string[] = [];
  readonly left: [from: string, to: string | null][] = [];

  constructor(home: string, others: readonly string[]) {
    this.route = new EdgeRoute(home);
    this.route.learn([home, ...others]);
  }

  url(url: string): string {
    return this.route.url(url);
  }

  onMove(listener: (move: EdgeMove) => void): () => void {
    return this.route.onMove(listener);
  }

  open(base: string, options: ExchangeOptions): Exchange {
    const entry = { base, options };
    this.underWay.push(entry);
    return {
      heard: () => undefined,
      close: () => {
        const at = this.underWay.indexOf(entry);
        if (at >= 0) {
          this.underWay.splice(at, 1);
        }
      },
    };
  }

  /** The edge in use has died under its requests. */
  die(): void {
    const dead = this.route.base;
    const lost = this.underWay.filter(({ base }) => base === dead);
    this.route.failed(dead);
    lost.forEach((entry) => {
      this.underWay.splice(this.underWay.indexOf(entry), 1);
      entry.options.lost();
    });
  }

  suspect(base: string): Promise<boolean> {
    this.suspected.push(base);
    if (!this.lives && base === this.route.base) {
      this.route.failed(base);
    }
    return Promise.resolve(this.lives);
  }

  leave(from: string, to: string | null): void {
    this.left.push([from, to]);
    if (to !== null) {
      this.route.moveTo(to, 'draining');
    }
  }

  heed(base: string, headers: string): void {
    this.leave(base, /^millrace-move: *(\S+)/im.exec(headers)?.[1] ?? null);
  }

  fetch(url: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url(url), init);
  }

  /** As what engines take. */
  get asEdges(): Edges {
    return this as unknown as Edges;
  }
}
