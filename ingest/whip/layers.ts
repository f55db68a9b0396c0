import type { StreamKey } from '#core/rtc/receiver/receive-plan.ts';
import type { Millis } from '#core/media/time.ts';

import type { VideoSourceConfig } from '../source.ts';

/** What a layer's access unit tells. */
export type LayerUnit = {
  readonly key: boolean;
  readonly bytes: number;
  /** The configuration in force from this unit on, where it changed. */
  readonly config?: VideoSourceConfig | undefined;
};

/** Where a unit belongs. */
export type LayerPlace = {
  /** 0: the track `video`. */
  readonly layer: number;
  /** Present where the layers are others from this unit on: their configurations, best first. */
  readonly configs?: readonly VideoSourceConfig[];
};

type Layer = {
  readonly key: StreamKey;
  config: VideoSourceConfig | undefined;
  heardAt: Millis;
  /** Since when it has come without a break. */
  steadySince: Millis;
  /** Times it fell silent while it was the best. */
  falls: number;
  bytes: number;
  /** Units since the best layer's last one. */
  ahead: number;
};

/** A layer not heard for this long is gone, while others go on. */
const SILENT = 1000;
/** So many frames of another layer show that the best is gone: of a screen that stands still, each comes alone and late in all layers. */
const AHEAD = 4;
/** A layer that is new, or back, has to come for so long first: each change makes another epoch. It doubles with each fall. */
const STEADY = 2000;
const MOST_STEADY = 30_000;
/** Browsers begin with the lowest layer and add the better ones as bandwidth is found; nothing is given out yet. */
const STARTING = 2500;

/**
 * Orders the layers of simulcast: the best that arrives is the track `video`, the others follow. What is best is seen, not
 * told: by size, then by bytes. The order changes only at a key frame of the layer that becomes the best, so that the track
 * goes on with a frame that can be decoded.
 */
export class Layers {
  readonly #layers = new Map<StreamKey, Layer>();
  readonly #wantKey: (key: StreamKey) => void;
  /** The layers in force with the configurations they were announced with. */
  #order: readonly { readonly key: StreamKey; readonly config: VideoSourceConfig }[] = [];
  #beganAt: Millis | undefined;

  /** @param wantKey Called for a stream that has to send a key frame before it can become the best. May be called often. */
  constructor(wantKey: (key: StreamKey) => void) {
    this.#wantKey = wantKey;
  }

  /** The streams in force, best first. */
  get order(): readonly StreamKey[] {
    return this.#order.map(({ key }) => key);
  }

  /** Takes the next unit of a stream; undefined where it belongs nowhere now. */
  unit(key: StreamKey, unit: LayerUnit, now: Millis): LayerPlace | undefined {
    this.#beganAt ??= now;
    const layer = this.#hear(key, unit, now);
    if (!layer.config) {
      return undefined;
    }
    const wanted = this.#wanted(now);
    const best = wanted[0];
    if (best && !this.#isInForce(wanted)) {
      if (best.key === key && unit.key) {
        this.#reorder(wanted);
        return { layer: 0, configs: this.#order.map(({ config }) => config) };
      }
      this.#wantKey(best.key);
    }
    const place = this.#order.findIndex((each) => each.key === key);
    // Under a configuration that is not announced yet, a frame would be decoded with the wrong one.
    return place >= 0 && this.#order[place]?.config === layer.config ? { layer: place } : undefined;
  }

  #hear(key: StreamKey, unit: LayerUnit, now: Millis): Layer {
    const layer = this.#layers.get(key) ?? { key, config: undefined, heardAt: now, steadySince: now, falls: 0, bytes: 0, ahead: 0 };
    this.#layers.set(key, layer);
    if (now - layer.heardAt > SILENT) {
      layer.steadySince = now;
    }
    layer.heardAt = now;
    layer.ahead += 1;
    if (key === this.#order[0]?.key) {
      this.#layers.forEach((one) => {
        one.ahead = 0;
      });
    }
    layer.bytes += unit.bytes;
    if (unit.config && !sameConfig(unit.config, layer.config)) {
      layer.config = unit.config;
    }
    return layer;
  }

  #reorder(wanted: readonly Layer[]): void {
    const former = this.#order[0] && this.#layers.get(this.#order[0].key);
    if (former && !wanted.includes(former)) {
      former.falls += 1;
    }
    this.#order = wanted.flatMap(({ key, config }) => (config ? [{ key, config }] : []));
  }

  #wanted(now: Millis): Layer[] {
    const inForce = new Set(this.order);
    const starting = now - (this.#beganAt ?? now) < STARTING;
    const present = [...this.#layers.values()].filter((layer) => {
      if (!layer.config) {
        return false;
      }
      const silent = this.#isSilent(layer, now);
      if (inForce.has(layer.key)) {
        // A lower layer that falls silent keeps its place: nobody else is disturbed by it.
        return !silent || layer.key !== this.#order[0]?.key;
      }
      const needed = Math.min(MOST_STEADY, STEADY * 2 ** Math.max(0, layer.falls - 1));
      return !silent && (starting || inForce.size === 0 || now - layer.steadySince >= needed);
    });
    const place = (layer: Layer): number => this.#order.findIndex(({ key }) => key === layer.key);
    // Of one size: as they were, else by what is spent on them.
    const sorted = present.sort((a, b) => areaOf(b) - areaOf(a) || (inForce.has(a.key) && inForce.has(b.key) ? place(a) - place(b) : b.bytes - a.bytes));
    // The best has to be there; silent ones above it fall out.
    const first = sorted.findIndex((layer) => !this.#isSilent(layer, now));
    return first < 0 ? [] : sorted.slice(first);
  }

  #isSilent(layer: Layer, now: Millis): boolean {
    const isBest = layer.key === this.#order[0]?.key;
    return now - layer.heardAt > SILENT && (!isBest || [...this.#layers.values()].some(({ ahead }) => ahead >= AHEAD));
  }

  #isInForce(wanted: readonly Layer[]): boolean {
    return wanted.length === this.#order.length && wanted.every((layer, at) => this.#order[at]?.key === layer.key && this.#order[at].config === layer.config);
  }
}

function areaOf({ config }: Layer): number {
  return config ? config.width * config.height : 0;
}

function sameConfig(a: VideoSourceConfig, b: VideoSourceConfig | undefined): boolean {
  return (
    b !== undefined &&
    a.codecString === b.codecString &&
    a.width === b.width &&
    a.height === b.height &&
    a.description.length === b.description.length &&
    a.description.every((byte, at) => byte === b.description[at])
  );
}
