import type { SessionAnswer } from './session-answer.ts';

/** Writes an answer as SDP. */
export function writeAnswer(_answer: SessionAnswer): string {
  throw new Error('not yet');
}
