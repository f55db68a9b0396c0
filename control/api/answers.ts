import type { DocumentedAnswer } from './route.ts';

/** Answers that many routes have. */
export const malformed: DocumentedAnswer = { description: 'The stream\'s name, or something else that was sent, is malformed (`malformed`).', schema: 'Error' };
export const unknown: DocumentedAnswer = { description: 'No such stream (`unknown-stream`).', schema: 'Error' };
export const unauthorized: DocumentedAnswer = { description: 'The token is missing or wrong (`unauthorized`).', schema: 'Error' };
