import type { TrackName } from '../../media/track.ts';
import type { Unsubscribe } from '../bus.ts';
import type { BroadcastInfo, CatalogSections } from '../catalog.ts';
import { LocalTrack } from './track.ts';

/** The newest value of something, and those who want to know of each change. */
export class Cell<T> {
  #value: T | undefined;
  readonly #listeners = new Set<(value: T) => void>();

  get idle(): boolean {
    return this.#value === undefined && this.#listeners.size === 0;
  }

  put(value: T): void {
    this.#value = value;
    [...this.#listeners].forEach((listener) => listener(value));
  }

  subscribe(listener: (value: T) => void): Unsubscribe {
    // A set of wrappers: one function may be subscribed twice.
    const entry = (value: T): void => listener(value);
    this.#listeners.add(entry);
    if (this.#value !== undefined) {
      listener(this.#value);
    }
    return () => this.#listeners.delete(entry);
  }

  destroy(): void {
    this.#listeners.clear();
  }
}

type Cells = { [S in keyof CatalogSections]?: Cell<CatalogSections[S]> };

/** One broadcast in process: its presence, its catalog and its tracks. */
export class LocalBroadcast {
  info: BroadcastInfo | undefined;
  readonly #tracks = new Map<TrackName, LocalTrack>();
  readonly #catalog: Cells = {};

  /** True where nothing was written and nobody listens. */
  get idle(): boolean {
    return (
      this.info === undefined &&
      [...this.#tracks.values()].every((track) => track.idle) &&
      Object.values(this.#catalog).every((cell) => cell.idle)
    );
  }

  track(name: TrackName): LocalTrack {
    let track = this.#tracks.get(name);
    if (track === undefined) {
      track = new LocalTrack();
      this.#tracks.set(name, track);
    }
    return track;
  }

  catalog<S extends keyof CatalogSections>(section: S): Cell<CatalogSections[S]> {
    const known: Cells[S] = this.#catalog[section];
    if (known !== undefined) {
      return known as Cell<CatalogSections[S]>;
    }
    const cell = new Cell<CatalogSections[S]>();
    (this.#catalog as Record<S, Cell<CatalogSections[S]>>)[section] = cell;
    return cell;
  }

  end(): void {
    this.#tracks.forEach((track) => track.end());
  }

  destroy(): void {
    this.#tracks.forEach((track) => track.destroy());
    Object.values(this.#catalog).forEach((cell) => cell.destroy());
  }
}
