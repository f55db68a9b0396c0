import { expect } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo, IngestHealth } from '#core/bus/catalog.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

/** A frame of a track and when it came here, in milliseconds of this process's clock. */
export type Seen = { readonly frame: Pick<Frame, 'epoch' | 'group' | 'index' | 'dts' | 'pts' | 'duration' | 'fence' | 'key'>; readonly at: number };

/** Somebody who reads every broadcast on a bus, and keeps the places and times of what came. */
export class Viewer {
  readonly infos: (BroadcastInfo & { readonly at: number })[] = [];
  readonly tracks = new Map<string, Seen[]>();
  health: IngestHealth | undefined;
  readonly #known = new Set<string>();

  constructor(bus: Bus) {
    bus.onBroadcast((info) => {
      this.infos.push({ ...info, at: performance.now() });
      if (this.#known.has(info.broadcast)) {
        return;
      }
      this.#known.add(info.broadcast);
      bus.onCatalog(info.broadcast, 'ingest', (health) => {
        this.health = health;
      });
      for (const name of ['video', 'audio']) {
        const seen: Seen[] = [];
        this.tracks.set(name, seen);
        const consumer = bus.consume(info.broadcast, trackName(name), { backlog: millis(8000) });
        void (async () => {
          for await (const { epoch, group, index, dts, pts, duration, fence, key } of consumer) {
            seen.push({ frame: { epoch, group, index, dts, pts, duration, fence, key }, at: performance.now() });
          }
        })();
      }
    });
  }

  get broadcasts(): number {
    return this.#known.size;
  }

  get states(): string[] {
    return this.infos.map(({ state, epoch }) => `${state} ${epoch}`);
  }

  get video(): Seen[] {
    return this.tracks.get('video') ?? [];
  }

  get epochs(): number[] {
    return [...new Set(this.video.map(({ frame }) => frame.epoch))];
  }

  warnings(): string[] {
    return this.health?.warnings.map(({ code }) => code) ?? [];
  }

  /** Frames of the picture in an epoch. */
  of(epoch: number): Seen[] {
    return this.video.filter(({ frame }) => frame.epoch === epoch);
  }

  /** What lies between the last frame of an epoch and the first of another: seconds in which nothing came, seconds on the timeline, and groups left out. */
  between(from: number, to: number): { readonly wait: number; readonly gap: number; readonly groups: number } {
    const last = this.of(from).at(-1);
    const first = this.of(to)[0];
    if (!last || !first) {
      return { wait: NaN, gap: NaN, groups: NaN };
    }
    const seconds = (value: number): number => Math.round(value * 1000) / 1000;
    return {
      wait: seconds((first.at - last.at) / 1000),
      gap: seconds((first.frame.dts - last.frame.dts - last.frame.duration) / 90_000),
      groups: first.frame.group - last.frame.group - 1,
    };
  }

  /** One timeline, whoever wrote: places, times and fences rise, an epoch begins with a key frame, and each has one writer. */
  expectOneTimeline(): void {
    expect(this.broadcasts).toBe(1);
    for (const [track, all] of this.tracks) {
      all.forEach(({ frame }, n) => {
        const before = all[n - 1]?.frame;
        if (!before) {
          return;
        }
        expect(frame.dts, `${track} ${frame.epoch}.${frame.group}.${frame.index}`).toBeGreaterThan(before.dts);
        if (frame.epoch === before.epoch) {
          expect(frame.fence).toBe(before.fence);
          expect([frame.group, frame.index]).toEqual(frame.group === before.group ? [before.group, before.index + 1] : [frame.group, 0]);
          expect(frame.group).toBeGreaterThanOrEqual(before.group);
        } else {
          expect(frame.epoch).toBeGreaterThan(before.epoch);
          expect(frame.group).toBeGreaterThan(before.group);
          expect(frame.fence).toBeGreaterThan(before.fence);
          expect(frame.index).toBe(0);
          expect(frame.key).toBe(true);
        }
      });
    }
  }
}
