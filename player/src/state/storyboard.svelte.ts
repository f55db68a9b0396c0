import { Storyboard } from '../storyboard/storyboard.ts';
import type { Tile } from '../storyboard/storyboard.ts';

/** A storyboard that grows is asked for again after this, while somebody looks at it, milliseconds; ... */
const growsAfter = 15_000;

/** ... and one that was not there yet after this: the server makes it when it is asked for. */
const comesAfter = 3_000;

/** Small pictures over the seek bar, asked for when somebody points at it. */
export class StoryboardState {
  #board = $state.raw<Storyboard>();
  readonly #grows: boolean;
  #askedFor: string | undefined;
  #askedAt = -Infinity;

  /** `grows`: of a broadcast that goes on. */
  constructor(grows: boolean) {
    this.#grows = grows;
  }

  /** Somebody looks: asks for it where it is not there, or has grown. */
  async load(url: string): Promise<void> {
    const now = performance.now();
    const rest = this.#board === undefined || this.#board.size === 0 ? comesAfter : this.#grows ? growsAfter : Infinity;
    if (url === this.#askedFor && now - this.#askedAt < rest) {
      return;
    }
    if (url !== this.#askedFor) {
      this.#board = undefined;
    }
    this.#askedFor = url;
    this.#askedAt = now;
    try {
      const response = await fetch(url);
      const file = response.ok ? await response.text() : undefined;
      if (file !== undefined && this.#askedFor === url) {
        this.#board = new Storyboard(file, new URL(url, location.href).href);
      }
    } catch {
      // The bar works without pictures.
    }
  }

  /** The tile of a time of a recording, seconds. */
  tileAt(seconds: number): Tile | undefined {
    return this.#board?.tileAt(seconds);
  }

  /** The tile of an instant, milliseconds since 1970; `startedAt`: what times count from where the storyboard does not say. */
  tileOf(instant: number, startedAt: number): Tile | undefined {
    const board = this.#board;
    return board?.tileAt((instant - (board.start ?? startedAt)) / 1_000);
  }
}
