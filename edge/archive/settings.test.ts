import { expect, test } from 'vitest';

import { testConfig } from '../http/testing/edge.ts';
import { keepingOf } from './settings.ts';

const key = (stream: string): string => `${stream}_0123456789abcdef`;
const config = testConfig({
  rewindWindow: 7200,
  recording: true,
  streams: [{ key: key('short'), rewindWindow: 600 }, { key: key('private'), recording: false, rewindWindow: 0 }],
});

test.each([
  ['a stream that says nothing', 'plain', { rewind: 7_200_000, isRecorded: true }],
  ['a stream with a window of its own', 'short', { rewind: 600_000, isRecorded: true }],
  ['a stream of which nothing is to be kept', 'private', { rewind: 0, isRecorded: false }],
  ['the demo', 'demo', { rewind: 7_200_000, isRecorded: false }],
])('%s is kept as the settings say', (_name, stream, keeping) => {
  expect(keepingOf(stream, config, ['demo'])).toEqual(keeping);
});
