import { MillraceError } from '#core/runtime/errors.ts';

/** True for an error of ours with this code. */
export function isCoded(error: unknown, code: string): boolean {
  return error instanceof MillraceError && error.code === code;
}

/** True where the bus cannot be asked now: nothing may be concluded from its silence. */
export function isUnreachable(error: unknown): boolean {
  return isCoded(error, 'bus/unreachable') || isCoded(error, 'bus/closed');
}
