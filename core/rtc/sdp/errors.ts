import { MillraceError } from '../../runtime/errors.ts';

/** A description that breaks the grammar. */
export function malformed(message: string): MillraceError {
  return new MillraceError('sdp/malformed', message);
}

/** A description that is right but asks for what this server does not do. */
export function unsupported(message: string): MillraceError {
  return new MillraceError('sdp/unsupported', message);
}

/** A description beyond what any client needs. */
export function tooLarge(message: string): MillraceError {
  return new MillraceError('sdp/too-large', message);
}
