import type { Admission, AdmissionRefusal, Publisher } from '../source.ts';

type Refused = Extract<Admission, { admitted: false }>;

/** Somebody else is live, or is the stream's backup here. */
export function busy({ stream, backup = false }: Publisher): Refused {
  return backup
    ? refusal('ingest/backup-busy', `The stream ${stream} has a backup here already. Stop the other encoder first, or send this one to another server.`)
    : refusal('ingest/stream-busy', `The stream ${stream} is live already. Stop the other encoder first.`);
}

/** The server takes no more. */
export function tooMany(most: number): Refused {
  return refusal('ingest/too-many-publishers', `The server takes ${most} broadcasts at a time, and they are all live. Try again later.`);
}

/** The refusals that need no more words than these. */
export const REFUSED = {
  stopping: refusal('ingest/stopping', 'The server is stopping. Try again in a moment.'),
  unreachable: refusal('ingest/unreachable', 'The server cannot reach the others that belong to it. Try again in a moment.'),
  gone: refusal('ingest/gone', 'The connection has ended.'),
} as const;

function refusal(code: AdmissionRefusal, message: string): Refused {
  return { admitted: false, code, message };
}
