import { describe, expect, it } from 'vitest';

import { millis, VIDEO_TIMESCALE } from '#core/media/time.ts';

import type { VideoSourceConfig } from '../source.ts';
import { Layers, type LayerPlace } from './layers.ts';

const q = { mid: 'v', kind: 'video', rid: 'q' } as const;
const h = { mid: 'v', kind: 'video', rid: 'h' } as const;
const f = { mid: 'v', kind: 'video', rid: 'f' } as const;
type Rid = 'q' | 'h' | 'f';
const keys = { q, h, f };
const names = new Map<object, Rid>([[q, 'q'], [h, 'h'], [f, 'f']]);

const sized = (height: number): VideoSourceConfig => ({
  kind: 'video',
  codec: 'vp8',
  codecString: 'vp8',
  description: Uint8Array.of(height & 0xff),
  width: (height * 16) / 9,
  height,
  timescale: VIDEO_TIMESCALE,
});
const sizes: Record<Rid, VideoSourceConfig> = { q: sized(180), h: sized(360), f: sized(720) };

/** Layers at 20 frames a second, with the orders they took. */
class Run {
  readonly orders: string[] = [];
  readonly wanted: Rid[] = [];
  /** Where each unit went: its layer, `n+` where it was the video's too. */
  readonly placed: Record<Rid, string[]> = { q: [], h: [], f: [] };
  readonly layers = new Layers((key) => this.wanted.push(names.get(key)!));
  now = 0;
  #known: Partial<Record<Rid, VideoSourceConfig>> = {};

  /** Sends frames of these layers for some time; each answers requests for key frames with its next frame. */
  send(rids: readonly Rid[], duration: number, options: { readonly answers?: boolean; readonly size?: Partial<Record<Rid, VideoSourceConfig>> } = {}): this {
    for (const end = this.now + duration; this.now < end; this.now += 50) {
      for (const rid of rids) {
        const config = options.size?.[rid] ?? sizes[rid];
        const asked = (options.answers ?? true) && this.wanted.includes(rid);
        const isNew = this.#known[rid] !== config;
        this.#known[rid] = config;
        if (asked) {
          this.wanted.splice(0, this.wanted.length, ...this.wanted.filter((one) => one !== rid));
        }
        this.frame(rid, asked || isNew, isNew ? config : undefined);
      }
    }
    return this;
  }

  frame(rid: Rid, key: boolean, config?: VideoSourceConfig): LayerPlace | undefined {
    const place = this.layers.unit(keys[rid], { key, bytes: 1000, config }, millis(this.now));
    if (place?.configs) {
      this.orders.push(`${this.now} ${this.layers.order.map((each) => names.get(each)).join('')} ${place.configs.map(({ height }) => height).join(',')}`);
      expect(key).toBe(true);
    }
    this.placed[rid].push(place ? `${place.layer}${place.standsIn ? '+' : ''}` : 'none');
    return place;
  }
}

describe('layers of simulcast', () => {
  it('are ordered by their size, whatever their names and the order they come in', () => {
    const run = new Run().send(['q', 'f', 'h'], 1000);
    expect(run.orders.at(-1)).toBe('50 fhq 720,360,180');
    expect([run.placed.f.at(-1), run.placed.h.at(-1), run.placed.q.at(-1)]).toEqual(['0', '1', '2']);
  });

  it('one stream alone is the track video, and a change of its size takes effect at its key frame', () => {
    const run = new Run().send(['f'], 1000).send(['f'], 1000, { size: { f: sized(540) } });
    expect(run.orders).toEqual(['0 f 720', '1000 f 540']);
    expect(run.placed.f.every((layer) => layer === '0')).toBe(true);
  });

  it('that come up while bandwidth is found join at once at first, later when they are steady', () => {
    const run = new Run().send(['q'], 500).send(['q', 'h'], 2500).send(['q', 'h', 'f'], 4000);
    expect(run.orders).toEqual(['0 q 180', '500 hq 360,180', '5000 fhq 720,360,180']);
  });

  it('when the best falls silent, the next one stands in for it from its own key frame on, and keeps its place', () => {
    const run = new Run().send(['f', 'h', 'q'], 5000).send(['h', 'q'], 3000);
    expect(run.orders.at(-1)).toMatch(/^6(000|050|100) fhq 360,360,180$/);
    expect([run.placed.h.at(-1), run.placed.q.at(-1)]).toEqual(['1+', '2']);
    const { configs } = run.frame('h', true, sized(270)) ?? {};
    expect(configs?.map(({ height }) => height)).toEqual([270, 270, 180]);
    // What is of one stream is one object: a new epoch would not tell of it twice.
    expect(configs?.[1]).toBe(configs?.[0]);
  });

  it('when that one falls silent too, the next below stands in', () => {
    const run = new Run().send(['f', 'h', 'q'], 5000).send(['h', 'q'], 3000).send(['q'], 3000);
    expect(run.orders.at(-1)).toMatch(/ fhq 180,360,180$/);
    expect(run.placed.q.at(-1)).toBe('2+');
    run.send(['h', 'q'], 4000);
    expect([run.placed.h.at(-1), run.placed.q.at(-1)]).toEqual(['1+', '2']);
  });

  it('one that becomes smaller than another goes on below it, each from a key frame', () => {
    const run = new Run().send(['f', 'h'], 5000);
    run.frame('f', true, sized(270));
    run.frame('h', true);
    expect(run.orders.at(-1)).toBe('5000 hf 360,270');
    run.frame('f', false);
    expect([run.placed.h.at(-1), run.placed.f.at(-1)]).toEqual(['0', 'none']);
    expect(run.wanted).toContain('f');
    run.frame('f', true);
    run.frame('f', false);
    expect(run.placed.f.slice(-2)).toEqual(['1', '1']);
  });

  it('no layer goes on as another one before its key frame: OBS sends it when it wants to', () => {
    const run = new Run().send(['f', 'h'], 5000).send(['h'], 3000, { answers: false });
    expect(run.orders).toHaveLength(2);
    expect(run.wanted.length).toBeGreaterThan(0);
    expect(run.placed.h.at(-1)).toBe('1');
    run.frame('h', true);
    expect(run.orders.at(-1)).toBe('8000 fh 360,360');
  });

  it('comes back when it is steady again, and later each time', () => {
    const run = new Run().send(['f', 'h'], 5000);
    const outage = (): number => {
      run.send(['h'], 2000);
      const back = run.now;
      run.send(['f', 'h'], 20_000);
      return Number(run.orders.at(-1)?.split(' ')[0]) - back;
    };
    const waits = [outage(), outage(), outage()];
    expect(waits[0]).toBeGreaterThanOrEqual(2000);
    expect(waits[1]).toBeGreaterThanOrEqual(4000);
    expect(waits[2]).toBeGreaterThanOrEqual(8000);
    expect(waits[2]).toBeLessThan(8200);
    expect(run.layers.order).toEqual([f, h]);
  });

  it('a lower layer that falls silent disturbs nobody, and goes on where it was', () => {
    const run = new Run().send(['f', 'h', 'q'], 5000);
    const before = run.orders.length;
    run.send(['f', 'h'], 10_000).send(['f', 'h', 'q'], 5000);
    expect(run.orders).toHaveLength(before);
    expect(run.placed.q.at(-1)).toBe('2');
  });

  it('a lower layer takes another size at its own key frame', () => {
    const run = new Run().send(['f', 'h'], 5000);
    run.frame('h', false, sized(270));
    expect(run.placed.h.at(-1)).toBe('none');
    run.frame('h', true);
    expect(run.orders.at(-1)).toBe('5000 fh 720,270');
    run.frame('h', false);
    expect(run.placed.h.at(-1)).toBe('1');
  });

  it('of a screen that stands still, a frame now and then, keep their order', () => {
    const run = new Run().send(['h', 'f'], 5000);
    const before = run.orders.length;
    for (let n = 0; n < 20; n += 1) {
      run.now += 3000;
      run.frame('h', true);
      run.frame('f', true);
    }
    expect(run.orders).toHaveLength(before);
    expect(run.placed.f.at(-1)).toBe('0');
    expect(run.wanted).toEqual([]);
  });

  it('of one size keep their order', () => {
    const run = new Run().send(['f', 'h'], 20_000, { size: { f: sized(360), h: sized(360) } });
    expect(run.orders.length).toBeLessThanOrEqual(2);
  });
});
