import { pino } from 'pino';

import type { Logger } from '#core/runtime/log.ts';

/** A log that keeps its lines, for tests. */
export function memoryLog(): { readonly log: Logger; readonly text: () => string } {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => { lines.push(line); } });
  return { log, text: () => lines.join('') };
}
