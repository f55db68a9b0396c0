import type { Warning } from '#core/bus/catalog.ts';
import { elapsed, millis, type WallTime } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';

import { diskCode } from './disk/disk.ts';

/** What keeps a broadcast from being kept, as warnings name it. */
export type ArchiveTroubleCode = 'archive/disk-slow' | 'archive/disk-full' | 'archive/recordings-full' | 'archive/unusable';

/** How long `archive/disk-slow` stands after the last segment that was left out. */
const SLOW_STANDS = millis(30_000);

const messages: Readonly<Record<ArchiveTroubleCode, string>> = {
  'archive/disk-slow': 'The disk does not keep up: seconds are missing from rewind and recording. Move the data folder to a faster disk, or offer fewer renditions.',
  'archive/disk-full': 'The disk is full: rewind and recording are off, live goes on. Make room; they come back by themselves.',
  'archive/recordings-full': 'The recordings have all the space that recordingGigabytes grants, and none is left that could be removed: this one stops growing. Raise it, or remove recordings.',
  'archive/unusable': 'The archive folder cannot be used: rewind and recording are off, live goes on. They come back by themselves once it can.',
};

/** Thrown where nothing more may be written although the disk would take it. */
export class NoRoom extends Error {
  readonly trouble: ArchiveTroubleCode;

  constructor(trouble: ArchiveTroubleCode) {
    super(messages[trouble]);
    this.trouble = trouble;
  }
}

/** What an error of the disk means. */
export function troubleOf(error: unknown): ArchiveTroubleCode {
  if (error instanceof NoRoom) {
    return error.trouble;
  }
  return ['ENOSPC', 'EDQUOT'].includes(diskCode(error) ?? '') ? 'archive/disk-full' : 'archive/unusable';
}

/** The troubles of one broadcast's archive, as the broadcaster is told of them. */
export class Troubles {
  #off: Warning | undefined;
  #slow: { readonly since: WallTime; readonly last: WallTime } | undefined;

  /** Why nothing is kept; undefined where it is. */
  get off(): Warning | undefined {
    return this.#off;
  }

  /** Nothing can be kept from now on. Where it was so before, `since` stays. */
  turnOff(error: unknown, now: WallTime): void {
    const code = troubleOf(error);
    const reason = code === 'archive/unusable' ? ` (${diskCode(error) ?? messageOf(error)})` : '';
    this.#off = { code, message: messages[code] + reason, since: this.#off?.since ?? now };
  }

  turnOn(): void {
    this.#off = undefined;
  }

  /** A segment was left out, because the disk was slow. True where it is the first for a while. */
  slow(now: WallTime): boolean {
    const isNew = !this.#isSlow(now);
    this.#slow = { since: isNew || this.#slow === undefined ? now : this.#slow.since, last: now };
    return isNew;
  }

  warnings(now: WallTime): readonly Warning[] {
    const slow = this.#slow !== undefined && this.#isSlow(now) ? [{ code: 'archive/disk-slow', message: messages['archive/disk-slow'], since: this.#slow.since }] : [];
    return this.#off === undefined ? slow : [this.#off, ...slow];
  }

  #isSlow(now: WallTime): boolean {
    return this.#slow !== undefined && elapsed(this.#slow.last, now) < SLOW_STANDS;
  }
}
