import { describe, expect, it } from 'vitest';

import { readMetadataRequest } from './request.ts';

const codeOf = (payload: unknown): unknown => {
  try {
    return readMetadataRequest(payload);
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('what is asked under metadata/<stream>', () => {
  it.each([
    ['an object', { type: 'poll', data: '{"q":1}' }],
    ['any JSON', { type: 'a', data: 'null' }],
    ['a type of 64', { type: `0${'.'.repeat(63)}`, data: '"x"' }],
    ['4096 bytes', { type: 'poll', data: JSON.stringify('x'.repeat(4094)) }],
    ['letters of three bytes, 4096 in all', { type: 'poll', data: JSON.stringify(`${'€'.repeat(1364)}xx`) }],
  ])('is taken as it is: %s', (_name, payload) => {
    expect(readMetadataRequest({ ...payload, more: 1 })).toEqual(payload);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['text', 'poll'],
    ['a list', []],
    ['no type', { data: '1' }],
    ['a type of 65', { type: 'x'.repeat(65), data: '1' }],
    ['a type with a capital', { type: 'Poll', data: '1' }],
    ['a type with a quote', { type: 'a"b', data: '1' }],
    ['a type with a line\'s end', { type: 'poll\n', data: '1' }],
    ['an empty type', { type: '', data: '1' }],
    ['no data', { type: 'poll' }],
    ['data that is an object', { type: 'poll', data: { q: 1 } }],
    ['data that is no JSON', { type: 'poll', data: '{q:1}' }],
    ['empty data', { type: 'poll', data: '' }],
    ['half a letter', { type: 'poll', data: '"\ud83d"' }],
  ])('is malformed: %s', (_name, payload) => {
    expect(codeOf(payload)).toBe('metadata/malformed');
  });

  it.each([
    ['4097 bytes', JSON.stringify('x'.repeat(4095))],
    ['4097 bytes in fewer letters', JSON.stringify(`${'€'.repeat(1365)}`)],
    ['megabytes that are no JSON', 'x'.repeat(3_000_000)],
  ])('is too large: %s', (_name, data) => {
    expect(codeOf({ type: 'poll', data })).toBe('metadata/too-large');
  });
});
