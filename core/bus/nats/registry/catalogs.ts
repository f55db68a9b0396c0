import type { BroadcastId } from '../../../media/frame.ts';
import { millis } from '../../../media/time.ts';
import type { Unsubscribe } from '../../bus.ts';
import type { Audience, CatalogSections } from '../../catalog.ts';
import type { Record, Session } from '../kv/record.ts';
import { decodeValue, encodeValue } from '../kv/values.ts';
import type { Heartbeats, Monotonic } from '../presence/heartbeats.ts';
import type { Registers } from './registers.ts';

type Section = keyof CatalogSections;

/** Options of {@link NatsCatalogs}. */
export type NatsCatalogsOptions = {
  readonly registers: Registers;
  readonly heartbeats: Heartbeats;
  readonly session: Session;
  readonly now: Monotonic;
  readonly isKnown: (broadcast: BroadcastId) => boolean;
};

/** A catalog whose broadcast nobody announced, and an audience whose edge is gone, are taken away after so long. */
const ORPHANED = millis(60_000);

type Catalog = {
  readonly keys: Set<string>;
  readonly listeners: Map<Section, Set<(value: never) => void>>;
  /** Since when its broadcast is not known. */
  orphanedAt: number | undefined;
};

/**
 * Catalogs of all broadcasts: one key a section (`<broadcast>/<section>`), of `audience` one for each process. Values are read from their bytes where somebody
 * listens.
 */
export class NatsCatalogs {
  readonly #options: NatsCatalogsOptions;
  readonly #catalogs = new Map<BroadcastId, Catalog>();
  /** Which broadcasts a process has told its viewers of. */
  readonly #audiences = new Map<Session, Map<string, BroadcastId>>();
  readonly #goneAt = new Map<Session, number>();

  constructor(options: NatsCatalogsOptions) {
    this.#options = options;
    options.heartbeats.onLife((session) => {
      for (const broadcast of new Set(this.#audiences.get(session)?.values())) {
        this.#tell(broadcast, 'audience');
      }
    });
  }

  put<S extends Section>(broadcast: BroadcastId, section: S, value: CatalogSections[S]): void {
    const { registers, session } = this.#options;
    const key = section === 'audience' ? `${broadcast}/audience/${session}` : `${broadcast}/${section}`;
    registers.set(key, 'fence' in value ? value.fence : 0, encodeValue(value));
  }

  subscribe<S extends Section>(broadcast: BroadcastId, section: S, listener: (value: CatalogSections[S]) => void): Unsubscribe {
    const { listeners } = this.#open(broadcast);
    const entry = (value: CatalogSections[S]): void => listener(value);
    const all = listeners.get(section) ?? new Set();
    listeners.set(section, all.add(entry));
    const value = this.#value(broadcast, section);
    if (value !== undefined) {
      listener(value as CatalogSections[S]);
    }
    return () => {
      all.delete(entry);
      if (all.size === 0 && listeners.get(section) === all) {
        listeners.delete(section);
        this.#forgetUnused(broadcast);
      }
    };
  }

  /** The registers have something else of a key. */
  changed(key: string, record: Record | undefined): void {
    const [broadcast, section, session] = partsOf(key);
    const catalog = this.#open(broadcast);
    if (record === undefined) {
      catalog.keys.delete(key);
      this.#forgetUnused(broadcast);
    } else {
      catalog.keys.add(key);
    }
    if (session !== undefined) {
      this.#index(session, key, record === undefined ? undefined : broadcast);
    }
    if (record !== undefined || section === 'audience') {
      this.#tell(broadcast, section);
    }
  }

  /** The broadcast is not known any more: each process takes away what it wrote, the first of those who live all of it. */
  forget(broadcast: BroadcastId): void {
    const { registers, heartbeats, session } = this.#options;
    for (const key of [...(this.#catalogs.get(broadcast)?.keys ?? [])]) {
      if (heartbeats.isFirst || registers.get(key)?.by === session) {
        registers.remove(key);
      } else {
        registers.drop(key);
      }
    }
  }

  /** Takes away what nobody looks after. Called about every second while NATS is there. */
  sweep(): void {
    const { registers, heartbeats, session, now, isKnown } = this.#options;
    for (const [broadcast, catalog] of [...this.#catalogs]) {
      catalog.orphanedAt = catalog.keys.size === 0 || isKnown(broadcast) ? undefined : (catalog.orphanedAt ?? now());
      if (catalog.orphanedAt !== undefined && now() - catalog.orphanedAt > ORPHANED) {
        for (const key of [...catalog.keys]) {
          const by = registers.get(key)?.by ?? '';
          if (by === session || heartbeats.isFirst) {
            registers.remove(key);
          }
        }
      }
    }
    for (const [edge, keys] of [...this.#audiences]) {
      if (heartbeats.isAlive(edge)) {
        this.#goneAt.delete(edge);
        continue;
      }
      const goneAt = this.#goneAt.get(edge) ?? now();
      this.#goneAt.set(edge, goneAt);
      if (now() - goneAt > ORPHANED && heartbeats.isFirst) {
        [...keys.keys()].forEach((key) => registers.remove(key));
      }
    }
  }

  /** This process goes, and its viewers with it. */
  close(): void {
    const { registers, session } = this.#options;
    this.#catalogs.forEach(({ listeners }) => listeners.clear());
    [...(this.#audiences.get(session)?.keys() ?? [])].forEach((key) => registers.remove(key));
  }

  #open(broadcast: BroadcastId): Catalog {
    let catalog = this.#catalogs.get(broadcast);
    if (catalog === undefined) {
      catalog = { keys: new Set(), listeners: new Map(), orphanedAt: undefined };
      this.#catalogs.set(broadcast, catalog);
    }
    return catalog;
  }

  #forgetUnused(broadcast: BroadcastId): void {
    const catalog = this.#catalogs.get(broadcast);
    if (catalog?.keys.size === 0 && catalog.listeners.size === 0) {
      this.#catalogs.delete(broadcast);
    }
  }

  #index(session: Session, key: string, broadcast: BroadcastId | undefined): void {
    const keys = this.#audiences.get(session) ?? new Map<string, BroadcastId>();
    if (broadcast === undefined) {
      keys.delete(key);
    } else {
      keys.set(key, broadcast);
    }
    if (keys.size > 0) {
      this.#audiences.set(session, keys);
    } else {
      this.#audiences.delete(session);
      this.#goneAt.delete(session);
    }
  }

  #tell(broadcast: BroadcastId, section: Section): void {
    const listeners = this.#catalogs.get(broadcast)?.listeners.get(section);
    if (listeners === undefined || listeners.size === 0) {
      return;
    }
    const value = this.#value(broadcast, section);
    if (value !== undefined) {
      [...listeners].forEach((listener) => listener(value as never));
    }
  }

  #value(broadcast: BroadcastId, section: Section): unknown {
    const { registers } = this.#options;
    if (section === 'audience') {
      return this.#audience(broadcast);
    }
    const record = registers.get(`${broadcast}/${section}`);
    return record === undefined ? undefined : decodeValue(record.body);
  }

  /** The sum over the processes that live; undefined where none ever told. */
  #audience(broadcast: BroadcastId): Audience | undefined {
    const { registers, heartbeats } = this.#options;
    let viewers: Audience['viewers'] | undefined;
    for (const key of this.#catalogs.get(broadcast)?.keys ?? []) {
      const [, section, session] = partsOf(key);
      const record = registers.get(key);
      if (section !== 'audience' || session === undefined || record === undefined) {
        continue;
      }
      viewers ??= {};
      if (heartbeats.isAlive(session)) {
        viewers = sum(viewers, (decodeValue(record.body) as Audience).viewers);
      }
    }
    return viewers === undefined ? undefined : { viewers };
  }
}

function partsOf(key: string): [broadcast: BroadcastId, section: Section, session: Session | undefined] {
  const [broadcast = '', section = '', session] = key.split('/');
  return [broadcast as BroadcastId, section as Section, session];
}

function sum(a: Audience['viewers'], b: Audience['viewers']): Audience['viewers'] {
  const protocols = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof Audience['viewers']>;
  return Object.fromEntries([...protocols].map((protocol) => [protocol, (a[protocol] ?? 0) + (b[protocol] ?? 0)]));
}
