import { expect, it } from 'vitest';
import { parseJson, readMessage } from './timed-message.ts';

const id = '00112233445566778899aabbccddeeff';

it('reads a message as the wire brings it', () => {
  expect(readMessage({ id, type: 'poll.v2', data: { q: '?' }, time: 12.5, wallTime: '2026-01-01T00:00:12.5+00:00' })).toEqual({
    id,
    type: 'poll.v2',
    data: { q: '?' },
    time: 12.5,
    wallTime: '2026-01-01T00:00:12.500Z',
  });
  expect(readMessage({ id, type: 'x', data: null })).toEqual({ id, type: 'x', data: null, time: null, wallTime: null });
});

it.each([
  ['an id that is none', { id: '0011', type: 'poll', data: 1 }],
  ['no id', { id: 7, type: 'poll', data: 1 }],
  ['a type that is none', { id, type: '<b>', data: 1 }],
  ['no type', { id, type: undefined, data: 1 }],
  ['no data', { id, type: 'poll', data: undefined }],
])('leaves out what has %s', (_name, raw) => {
  expect(readMessage(raw)).toBeUndefined();
});

it('takes times that are none for unknown', () => {
  expect(readMessage({ id, type: 'poll', data: 1, time: Number.NaN, wallTime: 'noon' })).toMatchObject({ time: null, wallTime: null });
});

it.each([['{'], [''], [`"${'x'.repeat(10_000)}"`]])('parses no JSON that is none or too long', (text) => {
  expect(parseJson(text)).toBeUndefined();
});
