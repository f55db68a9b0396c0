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
  /** True where the unit is of the video too, because the better layers are silent. */
  readonly standsIn: boolean;
  /** Present where something is other from this unit on: the configurations of all layers, best first. Of a layer that stands in, the very object comes first too. */
  readonly configs?: readonly [VideoSourceConfig, ...VideoSourceConfig[]];
};

/** What a stream is given out as. A change takes a key frame of it; undefined while nothing of it was. */
type Flow = { readonly layer: number; readonly standsIn: boolean; readonly config: VideoSourceConfig };

type Layer = {
  readonly key: StreamKey;
  config: VideoSourceConfig | undefined;
  heardAt: Millis;
  /** Since when it has come without a break. */
  steadySince: Millis;
  flow: Flow | undefined;
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
/** A layer that is new, or back, has to come for so long first. It doubles with each fall: going to and fro disturbs more than the better picture pleases. */
const STEADY = 2000;
const MOST_STEADY = 30_000;
/** Browsers begin with the lowest layer and add the better ones as bandwidth is found; nothing is given out yet. */
const STARTING = 2500;

/**
 * Orders the layers of simulcast: the best is the track `video`, the others follow. What is best is seen, not told: by size, then by
 * bytes. While the best is silent, the best of those that arrive stands in for it, and stays in its own place beside. Nothing goes on
 * as something else but with a key frame, so that each track can be decoded throughout.
 */
export class Layers {
  readonly #layers = new Map<StreamKey, Layer>();
  readonly #wantKey: (key: StreamKey) => void;
  /** The layers in force with the configurations they were announced with. */
  #order: readonly { readonly key: StreamKey; readonly config: VideoSourceConfig }[] = [];
  /** The stream whose picture is the video. */
  #best: StreamKey | undefined;
  #beganAt: Millis | undefined;

  /** @param wantKey Called for a stream that has to send a key frame before it can be of use. May be called often. */
  constructor(wantKey: (key: StreamKey) => void) {
    this.#wantKey = wantKey;
  }

  /** The streams in force, best first, silent ones too. */
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
    const changed = this.#change(layer, unit.key, now);
    const place = this.#order.findIndex((each) => each.key === key);
    const announced = this.#order[place];
    // Under a configuration that is not announced yet, a frame would be decoded with the wrong one.
    if (announced?.config !== layer.config) {
      return undefined;
    }
    const flow: Flow = { layer: place, standsIn: place > 0 && key === this.#best, config: announced.config };
    if (!unit.key && !goesOn(layer.flow, flow)) {
      this.#wantKey(key);
      return undefined;
    }
    layer.flow = flow;
    return { layer: place, standsIn: flow.standsIn, ...(changed ? { configs: this.#configs(flow) } : {}) };
  }

  /** Puts into force what this unit allows; true where that is other than before. */
  #change(layer: Layer, key: boolean, now: Millis): boolean {
    const wanted = this.#wanted(now);
    const best = this.#bestOf(wanted, now);
    const place = this.#order.findIndex((each) => each.key === layer.key);
    const sameLayers = wanted.length === this.#order.length && wanted.every((each, at) => this.#order[at]?.key === each.key);
    if (best === undefined || (sameLayers && best.key === this.#best)) {
      return place >= 0 && key && this.#resize(layer, place);
    }
    if (best !== layer || !key) {
      this.#wantKey(best.key);
      return false;
    }
    const former = this.#best && this.#layers.get(this.#best);
    if (former && former !== best && this.#isSilent(former, now)) {
      former.falls += 1;
    }
    if (wanted.length !== this.#order.length) {
      // More layers make a new epoch, whose lower tracks may begin with any frame.
      this.#layers.forEach((each) => {
        each.flow = undefined;
      });
    }
    this.#order = wanted.flatMap((each) => (each.config ? [{ key: each.key, config: each.config }] : []));
    this.#best = best.key;
    return true;
  }

  /** A layer goes on with another size from its own key frame on. */
  #resize({ key, config }: Layer, place: number): boolean {
    if (!config || this.#order[place]?.config === config) {
      return false;
    }
    this.#order = this.#order.with(place, { key, config });
    return true;
  }

  #configs(flow: Flow): readonly [VideoSourceConfig, ...VideoSourceConfig[]] {
    const best = this.#order.find(({ key }) => key === this.#best)?.config ?? flow.config;
    return [best, ...this.#order.slice(1).map(({ config }) => config)];
  }

  #hear(key: StreamKey, unit: LayerUnit, now: Millis): Layer {
    const layer = this.#layers.get(key) ?? { key, config: undefined, heardAt: now, steadySince: now, flow: undefined, falls: 0, bytes: 0, ahead: 0 };
    this.#layers.set(key, layer);
    if (now - layer.heardAt > SILENT) {
      layer.steadySince = now;
    }
    layer.heardAt = now;
    layer.ahead += 1;
    if (key === this.#best) {
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

  /** The layers that there should be, best first. One that is in force stays, however silent: nobody is disturbed by it. */
  #wanted(now: Millis): Layer[] {
    const places = new Map(this.order.map((key, at) => [key, at]));
    const present = [...this.#layers.values()].filter((layer) => layer.config && (places.has(layer.key) || this.#isSteady(layer, now)));
    // Of one size: as they were, else by what is spent on them.
    return present.sort((a, b) => {
      const [placeOfA, placeOfB] = [places.get(a.key), places.get(b.key)];
      return areaOf(b) - areaOf(a) || (placeOfA !== undefined && placeOfB !== undefined ? placeOfA - placeOfB : b.bytes - a.bytes);
    });
  }

  /** Of these the first that arrives; better than the present one only where it has come steadily. */
  #bestOf(wanted: readonly Layer[], now: Millis): Layer | undefined {
    const present = wanted.findIndex(({ key }) => key === this.#best);
    return wanted.find((layer, at) => (at < present ? this.#isSteady(layer, now) : !this.#isSilent(layer, now)));
  }

  #isSteady(layer: Layer, now: Millis): boolean {
    const starting = now - (this.#beganAt ?? now) < STARTING;
    const needed = Math.min(MOST_STEADY, STEADY * 2 ** Math.max(0, layer.falls - 1));
    return !this.#isSilent(layer, now) && (starting || this.#best === undefined || now - layer.steadySince >= needed);
  }

  #isSilent(layer: Layer, now: Millis): boolean {
    return now - layer.heardAt > SILENT && (layer.key !== this.#best || [...this.#layers.values()].some(({ ahead }) => ahead >= AHEAD));
  }
}

/** True where what follows can be decoded after what came: nothing begins anew. */
function goesOn(before: Flow | undefined, next: Flow): boolean {
  return before === undefined || (before.layer === next.layer && before.config === next.config && (before.standsIn || !next.standsIn));
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
