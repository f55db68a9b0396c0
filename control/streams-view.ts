import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, CatalogSections, StreamName } from '#core/bus/catalog.ts';
import { isOvertaken } from '#core/bus/overtaken.ts';

/** What viewers may find of a stream: `interrupted` is off air for a moment, its publisher may yet return. */
export type StreamState = 'live' | 'interrupted' | 'offline';

/** A stream as the bus tells of it now. */
export type StreamView = {
  readonly stream: StreamName;
  readonly state: StreamState;
  /** The broadcast on air or interrupted; undefined while offline. */
  readonly info: BroadcastInfo | undefined;
  /** What is known of that broadcast; empty while offline. */
  readonly catalog: Readonly<Partial<CatalogSections>>;
};

type OnAir = { info: BroadcastInfo; readonly catalog: Partial<CatalogSections>; readonly subscriptions: readonly Unsubscribe[] };

const SECTIONS = ['source', 'ladder', 'ingest', 'transcode', 'audience', 'archive'] as const satisfies readonly (keyof CatalogSections)[];

/**
 * The bus's broadcasts as streams, kept by subscription: reading costs nothing. Remembers one broadcast for each
 * stream on air and the names of known streams, nothing else.
 */
export class StreamsView {
  readonly #bus: Bus;
  #known: Set<StreamName>;
  readonly #onAir = new Map<StreamName, OnAir>();
  readonly #listeners = new Set<(view: StreamView) => void>();
  readonly #unsubscribe: Unsubscribe;

  constructor(bus: Bus, known: Iterable<StreamName> = []) {
    this.#bus = bus;
    this.#known = new Set(known);
    this.#unsubscribe = bus.onBroadcast((info) => this.#take(info));
  }

  /** Makes a stream known that may come on air. */
  know(stream: StreamName): void {
    this.#known.add(stream);
  }

  /** Makes these streams known and no others; those on air stay. */
  setKnown(streams: Iterable<StreamName>): void {
    this.#known = new Set(streams);
  }

  /** A stream that is known or on air; undefined otherwise. */
  get(stream: StreamName): StreamView | undefined {
    const onAir = this.#onAir.get(stream);
    if (onAir === undefined) {
      return this.#known.has(stream) ? { stream, state: 'offline', info: undefined, catalog: {} } : undefined;
    }
    const state = onAir.info.state === 'live' ? 'live' : 'interrupted';
    return { stream, state, info: onAir.info, catalog: onAir.catalog };
  }

  /** Every stream that is known or on air, by name. */
  list(): readonly StreamView[] {
    const names = new Set([...this.#known, ...this.#onAir.keys()]);
    return [...names].sort().flatMap((stream) => this.get(stream) ?? []);
  }

  /** Calls back when a stream's state or broadcast changes. */
  onState(listener: (view: StreamView) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends every subscription. Idempotent. */
  close(): void {
    this.#unsubscribe();
    this.#listeners.clear();
    [...this.#onAir.keys()].forEach((stream) => this.#forget(stream));
  }

  #take(info: BroadcastInfo): void {
    const current = this.#onAir.get(info.stream);
    if (current?.info.broadcast === info.broadcast) {
      this.#update(current, info);
      return;
    }
    // The end of an earlier broadcast may be told after the start of the one that took its place.
    if (info.state === 'ended' || (current !== undefined && isOvertaken(info, current.info))) {
      return;
    }
    this.#forget(info.stream);
    this.#onAir.set(info.stream, this.#subscribe(info));
    this.#tell(info.stream);
  }

  #update(current: OnAir, info: BroadcastInfo): void {
    const changed = current.info.state !== info.state;
    current.info = info;
    if (info.state === 'ended') {
      this.#forget(info.stream);
    }
    if (changed) {
      this.#tell(info.stream);
    }
  }

  #subscribe(info: BroadcastInfo): OnAir {
    const catalog: Partial<CatalogSections> = {};
    const follow = <S extends keyof CatalogSections>(section: S): Unsubscribe =>
      this.#bus.onCatalog(info.broadcast, section, (value) => {
        catalog[section] = value;
      });
    return { info, catalog, subscriptions: SECTIONS.map((section) => follow(section)) };
  }

  #forget(stream: StreamName): void {
    this.#onAir.get(stream)?.subscriptions.forEach((unsubscribe) => unsubscribe());
    this.#onAir.delete(stream);
  }

  #tell(stream: StreamName): void {
    const view = this.get(stream) ?? { stream, state: 'offline', info: undefined, catalog: {} };
    [...this.#listeners].forEach((listener) => listener(view));
  }
}
