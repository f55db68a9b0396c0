import { expect, test } from 'vitest';

import { fastEngines } from '../srtp/fast-engines.ts';

import { nativeLibrary } from './library.ts';
import { messages } from './messages.ts';
import { pathReport } from './report.ts';

test('off is off', () => {
  expect(pathReport('off', { fast: true })).toEqual({ encryption: 'portable', sending: 'portable', reason: 'rtcFastPath is off' });
});

test.skipIf(fastEngines().engines === undefined)('auto tells what is used', () => {
  expect(pathReport('auto', { fast: true })).toEqual({ encryption: 'native', sending: 'native' });
  expect(pathReport('auto', { fast: false })).toEqual({ encryption: 'native', sending: 'portable', reason: 'the socket does not tell its descriptor' });
});

test.skipIf(process.platform !== 'linux')('a missing symbol is an error that binding throws, not a crash', () => {
  const { library } = nativeLibrary();
  expect(() => library?.bind('EVP_no_such_thing', 'int', [])).toThrow(/EVP_no_such_thing/);
});

test.skipIf(messages().messages === undefined)('a descriptor that is no IP socket has no port', () => {
  expect(messages().messages?.portOf(-1)).toBe(-1);
  expect(messages().messages?.portOf(1)).toBe(-1);
});
