import type { Frame, GroupHead } from '#core/media/frame.ts';
import type { Ticks, Timescale, WallTime } from '#core/media/time.ts';
import { configIdOf, type ConfigId, type TrackConfig, type TrackName } from '#core/media/track.ts';

import type { EpochGrant } from './grant.ts';

/** A frame as far as its epoch knows it; the track's writer adds the rest. */
export type PlacedFrame = Pick<Frame, 'pts' | 'dts' | 'duration' | 'group' | 'key' | 'data'>;

/** Writes one track of one epoch: index in the group, and the head on each group's first frame and where the configuration changes. */
export class TrackWriter {
  readonly #track: TrackName;
  #config: TrackConfig;
  #configId: ConfigId;
  /** In force from the next key frame on. */
  #next: TrackConfig | undefined;
  readonly #grant: EpochGrant;
  readonly #out: (frame: Frame) => void;
  #group = -1;
  #index = 0;

  constructor(track: TrackName, config: TrackConfig, grant: EpochGrant, out: (frame: Frame) => void) {
    this.#track = track;
    this.#config = config;
    this.#configId = configIdOf(config);
    this.#grant = grant;
    this.#out = out;
  }

  /** True where only a key frame can follow, because the configuration changes with it. */
  get awaitsKey(): boolean {
    return this.#next !== undefined;
  }

  /** The next frame, a key frame, has another configuration. */
  change(config: TrackConfig): void {
    this.#next = config;
  }

  /** Gives a frame out. Groups never go back: a frame of an earlier one is counted to the newest. */
  write(placed: PlacedFrame, wallTime: (group: number, pts: Ticks, scale: Timescale) => WallTime): void {
    const { broadcast, epoch, fence } = this.#grant;
    const begins = placed.group > this.#group;
    this.#group = Math.max(this.#group, placed.group);
    this.#index = begins ? 0 : this.#index + 1;
    const head: GroupHead | undefined = this.#enter(placed.key) || begins
      ? { config: this.#config, wallTime: wallTime(this.#group, placed.pts, this.#config.timescale) }
      : undefined;
    this.#out({
      broadcast,
      epoch,
      fence,
      track: this.#track,
      group: this.#group,
      index: this.#index,
      pts: placed.pts,
      dts: placed.dts,
      duration: placed.duration,
      key: placed.key,
      config: this.#configId,
      data: placed.data,
      ...(head ? { head } : {}),
    });
  }

  /** Puts the configuration that was announced into force; true where it is another one. */
  #enter(key: boolean): boolean {
    if (this.#next === undefined || !key) {
      return false;
    }
    const before = this.#configId;
    this.#config = this.#next;
    this.#configId = configIdOf(this.#next);
    this.#next = undefined;
    return this.#configId !== before;
  }
}
