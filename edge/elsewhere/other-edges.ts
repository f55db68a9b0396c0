import type { NodeId } from '#core/bus/node.ts';
import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';
import { edgesFor, type ReachableNode } from '#core/placement/choose.ts';
import type { Nodes } from '#core/placement/nodes.ts';

/** What {@link OtherEdges} works with. */
export type OtherEdgesOptions = {
  /** The processes on the bus; undefined where this is the only one. */
  readonly nodes: Pick<Nodes, 'list'> | undefined;
  /** This process. */
  readonly node: NodeId | undefined;
  readonly region: string | undefined;
  readonly clock: Clock;
};

/** Processes tell of themselves each second; requests come by the thousand. */
const FRESH = millis(250);

type Looked = { readonly at: WallTime; readonly own: string | undefined; readonly open: readonly ReachableNode[]; readonly ofWhep: readonly ReachableNode[] };

/** The other edges that take viewers, as this one sends viewers to them. */
export class OtherEdges {
  readonly #options: OtherEdgesOptions;
  #looked: Looked | undefined;
  #turn = 0;

  constructor(options: OtherEdgesOptions) {
    this.#options = options;
  }

  /** Name of this process among those on the bus. */
  get node(): NodeId | undefined {
    return this.#options.node;
  }

  /** Base URL of this edge as others know it, without a slash at its end. */
  get ownUrl(): string | undefined {
    return this.#look().own;
  }

  /** Whether there is any. */
  get some(): boolean {
    return this.#look().open.length > 0;
  }

  /** Base URL of another edge, for one more viewer: those that are equally good take turns. Undefined where there is none. */
  next(options: { readonly whep?: boolean } = {}): string | undefined {
    const looked = this.#look();
    const edges = options.whep === true ? looked.ofWhep : looked.open;
    const equal = edges.filter(({ region, edge }) => region === edges[0]?.region && Math.abs((edge?.load ?? 1) - (edges[0]?.edge?.load ?? 1)) < ALIKE);
    this.#turn = (this.#turn + 1) % Math.max(1, equal.length);
    return equal[this.#turn]?.url;
  }

  #look(): Looked {
    const { nodes, node, region, clock } = this.#options;
    const now = clock();
    if (this.#looked === undefined || elapsed(this.#looked.at, now) >= FRESH || now < this.#looked.at) {
      const all = nodes?.list() ?? [];
      const own = all.find((info) => info.node === node)?.url;
      const others = all.filter(({ url }) => url !== own);
      const wanted = { region, except: node === undefined ? [] : [node] };
      this.#looked = { at: now, own, open: edgesFor(others, wanted), ofWhep: edgesFor(others, { ...wanted, whep: true }) };
    }
    return this.#looked;
  }
}

/** Loads that differ by less make no difference. */
const ALIKE = 0.1;
