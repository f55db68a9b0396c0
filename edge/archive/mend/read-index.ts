import { setImmediate } from 'node:timers/promises';

import { parseLine, type IndexLine } from '../format/index-line.ts';

/** Lines read in one turn of the event loop: about two milliseconds of work. */
const LINES_PER_TURN = 500;

/** What there was to read in an index. */
export type IndexText = {
  /** Bytes up to the end of its last whole line. */
  readonly length: number;
  /** Lines that say nothing one can read. */
  readonly damaged: number;
};

/** Reads the bytes of an index to the last whole line, a few lines in each turn: that of a day has 86,400 of them. */
export async function readIndex(bytes: Buffer, take: (line: IndexLine) => void): Promise<IndexText> {
  let damaged = 0;
  let at = 0;
  for (let count = 1; ; count++) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) {
      return { length: at, damaged };
    }
    const line = parseLine(bytes.toString('utf8', at, end));
    if (line === undefined) {
      damaged++;
    } else {
      take(line);
    }
    at = end + 1;
    if (count % LINES_PER_TURN === 0) {
      await setImmediate();
    }
  }
}
