import type { Frame, GroupHead } from '#core/media/frame.ts';
import type { Ticks, Timescale, WallTime } from '#core/media/time.ts';
import { configIdOf, type ConfigId, type TrackConfig, type TrackName } from '#core/media/track.ts';

import type { EpochGrant } from './grant.ts';

/** A frame as far as its epoch knows it; the track's writer adds the rest. */
export type PlacedFrame = Pick<Frame, 'pts' | 'dts' | 'duration' | 'group' | 'key' | 'data'>;

/** Writes one track of one epoch: index in the group, and the head on each group's first frame. */
export class TrackWriter {
  readonly #track: TrackName;
  readonly #config: TrackConfig;
  readonly #configId: ConfigId;
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

  /** Gives a frame out. Groups never go back: a frame of an earlier one is counted to the newest. */
  write(placed: PlacedFrame, wallTime: (group: number, pts: Ticks, scale: Timescale) => WallTime): void {
    const { broadcast, epoch, fence } = this.#grant;
    const begins = placed.group > this.#group;
    this.#group = Math.max(this.#group, placed.group);
    this.#index = begins ? 0 : this.#index + 1;
    const head: GroupHead | undefined = begins
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
}
