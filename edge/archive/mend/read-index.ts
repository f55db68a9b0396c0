import { setImmediate } from 'node:timers/promises';

import { parseLine, type IndexLine } from '../format/index-line.ts';

/** Lines read in one turn of the event loop: about two milliseconds of work. */
const LINES_PER_TURN = 1000;

/** What an index file says. */
export type IndexText = {
  readonly lines: readonly IndexLine[];
  /** Bytes up to the end of its last whole line. */
  readonly length: number;
  /** Lines that say nothing one can read. */
  readonly damaged: number;
};

/** Reads the bytes of an index to the last whole line, in slices: that of a day has 86,400 lines. */
export async function readIndex(bytes: Buffer): Promise<IndexText> {
  const lines: IndexLine[] = [];
  let damaged = 0;
  let at = 0;
  for (let count = 1; ; count++) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) {
      return { lines, length: at, damaged };
    }
    const line = parseLine(bytes.toString('utf8', at, end));
    if (line === undefined) {
      damaged++;
    } else {
      lines.push(line);
    }
    at = end + 1;
    if (count % LINES_PER_TURN === 0) {
      await setImmediate();
    }
  }
}
