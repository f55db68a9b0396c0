import type { SourceSample } from '../source.ts';

/** The bounds of an epoch's hold: what is kept here goes there. */
const MAX_SAMPLES = 2000;
const MAX_BYTES = 32 * 1024 * 1024;
/** Sound alone may begin anywhere: about a second of it. */
const MAX_SOUNDS = 50;

/** The samples of a stand-by from its last key frame on, in the order in which they came. Bounded. */
export class KeptGroup {
  #samples: SourceSample[] = [];
  #bytes = 0;
  #hasKey = false;

  /** What is kept, oldest first. */
  get samples(): readonly SourceSample[] {
    return this.#samples;
  }

  /** Takes a sample; true where viewers could be given to what begins with it. */
  add(sample: SourceSample, hasPicture: boolean): boolean {
    const begins = sample.kind === 'video' && sample.key && ((sample.layer ?? 0) === 0 || sample.standsIn === true);
    if (begins) {
      this.clear();
      this.#hasKey = true;
    } else if (hasPicture && !this.#hasKey) {
      return false;
    }
    this.#samples.push(sample);
    this.#bytes += sample.data.length;
    if (!hasPicture && this.#samples.length > MAX_SOUNDS) {
      this.#bytes -= this.#samples.shift()?.data.length ?? 0;
    }
    if (this.#samples.length > MAX_SAMPLES || this.#bytes > MAX_BYTES) {
      this.clear();
    }
    return begins || !hasPicture;
  }

  /** Forgets all: nothing is kept until the next key frame. */
  clear(): void {
    this.#samples = [];
    this.#bytes = 0;
    this.#hasKey = false;
  }
}
