import type { DocumentedAnswer } from './route.ts';

/** Where what was sent cannot be read. */
export const malformed: DocumentedAnswer = { description: 'The stream\'s name, or something else that was sent, is malformed (`malformed`).', schema: 'Error' };

/** Where the path names a stream that nobody knows. */
export const unknown: DocumentedAnswer = { description: 'No such stream (`unknown-stream`).', schema: 'Error' };

/** Where the token is needed, or what was presented is none. */
export const unauthorized: DocumentedAnswer = { description: 'The token is missing or wrong (`unauthorized`).', schema: 'Error' };
