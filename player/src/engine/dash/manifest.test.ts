import { describe, expect, it } from 'vitest';
import { afterHole, periodAt, readDashEvent, readManifest } from './manifest.ts';

const id = '00112233445566778899aabbccddeeff';
const began = Date.UTC(2026, 0, 1);

/** A manifest as dash.js 5 parses it: lists even of one, dates as Date, templates handed down. */
function manifest(more: { readonly template?: object; readonly set?: object; readonly period?: object } = {}) {
  const template = {
    timescale: 90_000,
    presentationTimeOffset: 900_000,
    availabilityTimeOffset: 0.8,
    availabilityTimeComplete: false,
    SegmentTimeline: { S: [{ t: 900_000, d: 90_000, r: 3 }, { d: 180_000 }] },
    ...more.template,
  };
  const video = { contentType: 'video', Representation: [{ id: 'video', SegmentTemplate: template }], ...more.set };
  return {
    availabilityStartTime: new Date(began),
    Period: [{ id: '0', start: 10, AdaptationSet: [{ contentType: 'audio', Representation: [{}] }, video], ...more.period }],
  };
}

describe('a period', () => {
  it('is listed up to the end of the segment in the making', () => {
    expect(readManifest(manifest())).toMatchObject([{ start: 10, end: 16, origin: began }]);
  });

  it('has its clock from ProducerReferenceTime', () => {
    const set = { ProducerReferenceTime: [{ id: 0, type: 'captured', wallClockTime: new Date(began + 12_040), presentationTime: 1_080_000 }] };
    // 12 s of media time were captured 12.04 s after the beginning; the period puts media time 10 at position 10.
    expect(readManifest(manifest({ set }))[0]?.origin).toBe(began + 40);
  });

  it('has chunks as long as a segment less what is available before its end', () => {
    expect(readManifest(manifest({ template: { availabilityTimeOffset: 1.8 } }))[0]?.part).toBe(200);
    expect(readManifest(manifest({ template: { SegmentTimeline: undefined, duration: 90_000, availabilityTimeOffset: 0.749 } }))[0]).toMatchObject({ part: 251, end: undefined });
  });

  it('lists messages with their places and times', () => {
    const event = (time: number, text: string) => ({ presentationTime: time, id: 7, __text: text });
    const EventStream = [
      { schemeIdUri: 'urn:scte:scte35:2013:xml', Event: [event(0, '{}')] },
      {
        schemeIdUri: 'urn:millrace:event:2026',
        timescale: 90_000,
        presentationTimeOffset: 900_000,
        Event: [event(990_000, JSON.stringify({ id, type: 'poll', data: { q: 'Left or right?' } })), event(0, 'no JSON'), event(0, '{"id":"7"}')],
      },
    ];
    expect(readManifest(manifest({ period: { EventStream } }))[0]?.events).toEqual([
      {
        message: { id, type: 'poll', data: { q: 'Left or right?' }, time: 11, wallTime: '2026-01-01T00:00:11.000Z' },
        place: { kind: 'position', position: 11 },
      },
    ]);
  });
});

it.each([[undefined], [null], ['no manifest'], [{}], [{ Period: 7 }], [{ Period: [{ AdaptationSet: [{ Representation: [{ SegmentTemplate: 'x' }] }], EventStream: [[]] }] }]])(
  'a manifest that is none (%j) breaks nothing',
  (value) => {
    for (const period of readManifest(value)) {
      expect(period).toMatchObject({ start: 0, part: 200, events: [] });
    }
  },
);

it('finds the period of a position', () => {
  const [first, second] = [10, 50].map((start) => ({ start, end: undefined, origin: undefined, part: 200, events: [] }) as never);
  const periods = [first, second] as never;
  expect([0, 10, 49.9, 50].map((position) => periodAt(periods, position) === second)).toEqual([false, false, false, true]);
  expect(periodAt([], 0)).toBeUndefined();
});

it('knows where a hole between periods ends', () => {
  const periods = [{ start: 10, first: 10.01, end: 16.6 }, { start: 23.2, first: 23.21, end: 25 }] as never;
  expect([9, 10.01, 16.5, 16.6, 22.9, 23.2, 23.21, 30].map((position) => afterHole(periods, position))).toEqual([10.01, undefined, undefined, 23.21, 23.21, 23.21, undefined, undefined]);
  expect(readManifest(manifest({ template: { SegmentTimeline: { S: [{ t: 902_340, d: 90_000 }] } } }))[0]?.first).toBeCloseTo(10.026, 6);
});

it('takes the type from the value where the message does not name it', () => {
  const read = (text: unknown) => readDashEvent({ text, value: 'quiz', position: 1, time: 1, origin: undefined })[0]?.message;
  expect(read(JSON.stringify({ id, data: 1 }))).toEqual({ id, type: 'quiz', data: 1, time: 1, wallTime: null });
  expect(read(JSON.stringify({ id, type: 'poll', data: 1 }))?.type).toBe('poll');
  expect(read(undefined)).toBeUndefined();
});
