import type { Decoder, Wish } from '../decoder/decoder.ts';
import type { KeyFrame } from '../key-frame.ts';

/** A decoder that tells what it was asked for; a picture's bytes are the number of the wish. */
export class FakeDecoder implements Decoder {
  readonly wishes: Wish[] = [];
  /** What it was fed with for each wish. */
  readonly fed: (readonly (KeyFrame | undefined)[])[] = [];
  /** What to throw at the next wishes. */
  readonly faults: Error[] = [];
  /** When each wish came. */
  readonly times: number[] = [];
  readonly #clock: () => number;
  #release: (() => void) | undefined;
  #held: Promise<void> | undefined;

  constructor(clock: () => number = () => 0) {
    this.#clock = clock;
  }

  /** Pictures that are asked for from now on wait for `release`. */
  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    this.#release = resolve;
  }

  /** Gives what was held back. */
  release(): void {
    this.#held = undefined;
    this.#release?.();
  }

  async make(wish: Wish): Promise<Buffer> {
    this.wishes.push(wish);
    this.times.push(this.#clock());
    const number = this.wishes.length;
    const frames = await wish.frames();
    this.fed.push(frames);
    await this.#held;
    const fault = this.faults.shift();
    if (fault !== undefined) {
      throw fault;
    }
    return Buffer.from(`picture ${number}`);
  }
}
