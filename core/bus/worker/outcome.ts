import { MillraceError, messageOf } from '../../runtime/errors.ts';
import type { Outcome } from './messages.ts';

/** Runs a request to its end; never rejects. */
export async function outcomeOf(run: () => unknown): Promise<Outcome> {
  try {
    return { answer: await run() };
  } catch (error) {
    return { code: error instanceof MillraceError ? error.code : 'bus/failed', message: messageOf(error) };
  }
}

/**
 * The answer of a request that has ended.
 *
 * @throws {MillraceError} what the handler threw.
 */
export function answerOf(outcome: Outcome): unknown {
  if ('code' in outcome) {
    throw new MillraceError(outcome.code, outcome.message);
  }
  return outcome.answer;
}
