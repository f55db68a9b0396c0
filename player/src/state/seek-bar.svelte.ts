import type { Tile } from '../storyboard/storyboard.ts';
import { seekStep } from './player.svelte.ts';
import type { PlayerState, Timeline } from './player.svelte.ts';
import { clockText, spokenText, timeText } from './words.ts';

/** Steps of the page keys, seconds. */
const pageStep = 60;

/** As near to the live edge as this, live is said, seconds. */
const countsAsLive = 3;

const empty: Timeline = { isLive: true, from: 0, to: 0, at: 0, isLost: false };

/** The seek bar: where it stands, what is pointed at, and what keys and pointers do. */
export class SeekBarState {
  /** Where a pointer is, or a thumb is being dragged to; a share of the bar's length. */
  #pointed = $state<number>();
  dragging = $state(false);
  readonly #player: PlayerState;

  constructor(player: PlayerState) {
    this.#player = player;
  }

  readonly timeline = $derived.by(() => this.#player.timeline ?? empty);
  readonly length = $derived.by(() => Math.max(this.timeline.to - this.timeline.from, 0));
  readonly disabled = $derived.by(() => this.timeline.isLost || this.length === 0);
  /** Share of the bar that lies behind the playhead, or behind the thumb while it is dragged. */
  readonly share = $derived.by(() => {
    if (this.dragging && this.#pointed !== undefined) {
      return this.#pointed;
    }
    return this.length === 0 ? (this.timeline.isLive ? 1 : 0) : clamp((this.timeline.at - this.timeline.from) / this.length);
  });
  /** Where the preview hangs; undefined while nobody points. */
  readonly pointed = $derived.by(() => (this.disabled ? undefined : this.#pointed));
  readonly pointedPlace = $derived.by(() => (this.pointed === undefined ? undefined : this.timeline.from + this.pointed * this.length));
  readonly tile = $derived.by((): Tile | undefined => (this.pointedPlace === undefined ? undefined : this.#player.tileAt(this.pointedPlace)));
  /** The preview's words: how far behind, and when that was; or the time of a recording. */
  readonly label = $derived.by(() => (this.pointedPlace === undefined ? '' : this.#labelOf(this.pointedPlace)));
  /** What is read out. */
  readonly spoken = $derived.by(() => {
    const { isLive, at, to } = this.timeline;
    if (!isLive) {
      return `${spokenText(at)} of ${spokenText(to)}`;
    }
    return -at < countsAsLive ? 'live' : `${spokenText(-at)} behind live`;
  });

  /** A pointer moves over the bar, or drags its thumb. */
  point(share: number): void {
    this.#player.prepareSeek();
    this.#player.wake();
    this.#pointed = clamp(share);
  }

  /** A pointer takes the thumb. */
  grab(share: number): void {
    if (!this.disabled) {
      this.dragging = true;
      this.point(share);
    }
  }

  /** It lets go: goes there. */
  drop(): void {
    const place = this.pointedPlace;
    if (this.dragging && place !== undefined) {
      this.#player.seekTo(place);
    }
    this.dragging = false;
  }

  /** No pointer is there any more, and nothing is dragged. */
  leave(): void {
    this.dragging = false;
    this.#pointed = undefined;
  }

  /** Carries a key out; false where it means nothing here. */
  press(key: string): boolean {
    const { from, to } = this.timeline;
    const act = {
      ArrowLeft: () => this.#player.seek(-1),
      ArrowDown: () => this.#player.seek(-1),
      ArrowRight: () => this.#player.seek(1),
      ArrowUp: () => this.#player.seek(1),
      PageDown: () => this.#player.seek(-pageStep / seekStep),
      PageUp: () => this.#player.seek(pageStep / seekStep),
      Home: () => this.#player.seekTo(from),
      End: () => (this.timeline.isLive ? this.#player.goLive() : this.#player.seekTo(to)),
    }[key];
    if (act === undefined || this.disabled) {
      return false;
    }
    act();
    return true;
  }

  #labelOf(place: number): string {
    if (!this.timeline.isLive) {
      return clockText(place);
    }
    if (-place < countsAsLive) {
      return 'Live';
    }
    return `−${clockText(-place)} · ${timeText(this.#player.instantAt(place))}`;
  }
}

function clamp(share: number): number {
  return Math.min(Math.max(share, 0), 1);
}
