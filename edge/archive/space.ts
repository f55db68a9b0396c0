import { dirname } from 'node:path';

import type { Disk } from './disk/disk.ts';
import { NoRoom } from './trouble.ts';

const MEBIBYTE = 1024 * 1024;

/** What is kept free above the bound, so that old recordings go before writing has to stop: some seconds of many broadcasts, less on a small disk. */
function aheadOf(minFree: number): number {
  return Math.min(64 * MEBIBYTE, Math.max(MEBIBYTE, minFree / 8));
}

/** Watches how much the disk has left. Between two looks, what was written is taken off. */
export class Space {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #minFree: number;
  #free = Infinity;

  /** `minFree` bytes are left to others. */
  constructor(disk: Disk, folder: string, minFree: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#minFree = minFree;
  }

  /** Whether old recordings should go. */
  get isShort(): boolean {
    return this.#free < this.#minFree + aheadOf(this.#minFree);
  }

  /** Asks the disk. One that cannot tell is taken to have room: writing will show. */
  async look(): Promise<void> {
    // The archive's folder may lie on a disk of its own; before the first broadcast there is none.
    this.#free = await this.#disk.freeBytes(this.#folder).catch(() => this.#disk.freeBytes(dirname(this.#folder))).catch(() => Infinity);
  }

  /**
   * Takes bytes that are about to be written.
   *
   * @throws {NoRoom} where they would leave less than the bound.
   */
  take(bytes: number): void {
    if (this.#free - bytes < this.#minFree) {
      throw new NoRoom('archive/disk-full');
    }
    this.#free -= bytes;
  }
}
