import type { EngineRung } from '../engine/engine.ts';

/** A change of the rendition being shown. */
export type RungSwitch = {
  /** Milliseconds since the page was opened. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
};

/** Changes of the rendition remembered. */
const switchesKept = 100;

/**
 * The renditions, which one is shown, and which one the viewer chose. Ways number them differently, so a choice is remembered by
 * what it shows and found again where the numbers change.
 */
export class RungMemory {
  #rungs: readonly EngineRung[] = [];
  #shown = -1;
  #chosen: EngineRung | number | undefined;
  #switches: RungSwitch[] = [];

  get rungs(): readonly EngineRung[] {
    return this.#rungs;
  }

  /** Index of the one shown, -1 while none is. */
  get shown(): number {
    return this.#shown;
  }

  get switches(): readonly RungSwitch[] {
    return this.#switches;
  }

  /** The viewer's choice as an index of {@link rungs}. */
  get choice(): number | 'auto' {
    if (this.#chosen === undefined) {
      return 'auto';
    }
    return typeof this.#chosen === 'number' ? this.#chosen : this.#indexOf(this.#chosen);
  }

  /** The viewer chooses; before the renditions are known, by index alone. */
  choose(choice: number | 'auto'): void {
    this.#chosen = choice === 'auto' ? undefined : (this.#rungs[choice] ?? choice);
  }

  /** The renditions are known, or are others now. A choice that is not among them ends. */
  learn(rungs: readonly EngineRung[]): void {
    const shown = this.#rungs[this.#shown];
    if (typeof this.#chosen === 'number') {
      this.#chosen = rungs[this.#chosen];
    }
    this.#rungs = rungs;
    this.#shown = shown === undefined ? -1 : this.#indexOf(shown, -1);
    if (this.#chosen !== undefined && this.#indexOf(this.#chosen, -1) < 0) {
      this.#chosen = undefined;
    }
  }

  /** Another rendition is shown; `at`: milliseconds since the page was opened. */
  show(rung: number, at: number): void {
    if (rung !== this.#shown && this.#shown >= 0) {
      this.#switches = [...this.#switches, { at, from: this.#shown, to: rung }].slice(-switchesKept);
    }
    this.#shown = rung;
  }

  /** Nothing is shown. */
  clear(): void {
    this.#shown = -1;
  }

  #indexOf(wanted: EngineRung, none: -1): number;
  #indexOf(wanted: EngineRung): number | 'auto';
  #indexOf(wanted: EngineRung, none: -1 | 'auto' = 'auto'): number | 'auto' {
    const same = this.#rungs.findIndex(({ label, width, height }) => label === wanted.label && width === wanted.width && height === wanted.height);
    const alike = same >= 0 ? same : this.#rungs.findIndex(({ height }) => height === wanted.height);
    return alike >= 0 ? alike : none;
  }
}
