import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../runtime/errors.ts';
import { timescale, type Ticks } from '../../time.ts';
import type { TimedEvent } from '../../timed-event.ts';
import { chunk } from './chunk.ts';
import { emsg, eventBox, readEmsg, type EventMessage } from './emsg.ts';
import { readBoxes, type Box } from './read-boxes.ts';
import { readChunks } from './read-chunks.ts';

const message: EventMessage = {
  schemeIdUri: 'urn:a:b',
  value: 'v1',
  timescale: timescale(90_000),
  presentationTime: 0x1_0000_1000 as Ticks,
  duration: 0,
  id: 0x89abcdef,
  data: Uint8Array.of(0x7b, 0x7d),
};

const event: TimedEvent = { id: 'fedcba98765432100123456789abcdef', type: 'poll', pts: 183_000 as Ticks, data: '{"q":"¿Qué?"}' };

const only = (bytes: Uint8Array): Box => readBoxes(bytes)[0] as Box;

describe('an emsg of version 1 (ISO/IEC 23009-1, 5.10.3.3)', () => {
  it('has its fields in their places', () => {
    const expected = `
      0000002d 656d7367 01000000 00015f90 00000001 00001000 00000000 89abcdef
      75726e3a613a6200 763100 7b7d`;
    expect(emsg(message).toHex()).toBe(expected.replace(/\s+/g, ''));
  });

  it.each([
    ['as above', {}],
    ['without value and data', { value: '', data: new Uint8Array(0) }],
    ['with letters of several bytes', { value: 'größe', data: new TextEncoder().encode('"\u{1f44f}\0"') }],
    ['of unknown duration', { duration: 0xffff_ffff }],
    ['at the end of time', { presentationTime: Number.MAX_SAFE_INTEGER as Ticks }],
  ])('is read back: %s', (_name, fields) => {
    const whole = { ...message, ...fields };
    expect(readEmsg(only(emsg(whole)))).toEqual(whole);
  });

  it('is refused wherever its fields or strings are cut off', () => {
    const { payload } = only(emsg({ ...message, data: new Uint8Array(0) }));
    for (let length = 0; length < payload.length; length++) {
      expect(() => readEmsg({ payload: payload.subarray(0, length) }), `${length} bytes`).toThrow(MillraceError);
    }
  });

  it('is refused where it is of version 0, whose fields have another order', () => {
    const bytes = emsg(message);
    bytes[8] = 0;
    expect(() => readEmsg(only(bytes))).toThrow(expect.objectContaining({ code: 'media/unsupported' }));
  });
});

describe('a message of ours', () => {
  it.each([90_000, 48_000, 44_100])('has its time in the timescale of its track: %i', (scale) => {
    const read = readEmsg(only(eventBox(event, timescale(scale))));
    expect(read).toMatchObject({ schemeIdUri: 'urn:millrace:event:2026', value: '', timescale: scale, duration: 0, id: 0xfedcba98 });
    expect(read.presentationTime).toBe(Math.round((183_000 * scale) / 90_000));
    expect(JSON.parse(new TextDecoder().decode(read.data))).toEqual({ id: event.id, type: 'poll', data: { q: '¿Qué?' } });
  });

  it('stands between the prft and the moof of its chunk, and moves nothing in it', () => {
    const samples = [{ dts: 0 as Ticks, pts: 0 as Ticks, duration: 3000 as Ticks, key: true, data: Uint8Array.of(1, 2, 3) }];
    const options = { sequence: 1, producerReference: { wallTime: 1000 as never, pts: 0 as Ticks } };
    const bytes = chunk(samples, { ...options, messages: [eventBox(event, timescale(90_000)), emsg(message)] });
    expect(readBoxes(bytes).map(({ type }) => type)).toEqual(['prft', 'emsg', 'emsg', 'moof', 'mdat']);
    const [read] = readChunks(bytes);
    expect(read?.messages.map(({ id }) => id)).toEqual([0xfedcba98, 0x89abcdef]);
    expect(read?.samples).toEqual(samples);
    const bare = chunk(samples, options);
    expect(readBoxes(bytes).slice(3).map((box) => bytes.subarray(box.start, box.start + box.size).toHex())).toEqual(
      readBoxes(bare).slice(1).map((box) => bare.subarray(box.start, box.start + box.size).toHex()),
    );
  });
});
