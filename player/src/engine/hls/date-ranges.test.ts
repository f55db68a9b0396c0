import { Events } from 'hls.js';
import type Hls from 'hls.js';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../events/timed-message.ts';
import type { EngineListener } from '../engine.ts';
import { tellDateRanges } from './date-ranges.ts';
import { readRange } from './range-message.ts';

const id = '00112233445566778899aabbccddeeff';
const began = Date.UTC(2026, 0, 1);

const attributes = {
  ID: id,
  CLASS: 'urn:millrace:event:2026',
  'START-DATE': '2026-01-01T00:00:11.250Z',
  DURATION: '0',
  'X-TYPE': 'poll',
  // {"q":"¿?>>>"}
  'X-DATA': 'eyJxIjoiwr8_Pj4-In0',
};

describe('a message in a playlist', () => {
  it('is read from its tag', () => {
    expect(readRange(attributes)).toEqual({ id, type: 'poll', data: { q: '¿?>>>' }, time: null, wallTime: '2026-01-01T00:00:11.250Z' });
    expect(readRange({ ...attributes, 'X-TIME': '11.25' })?.time).toBe(11.25);
  });

  it.each([
    ['of another class', { CLASS: 'com.apple.hls.interstitial' }],
    ['whose data are no base64url', { 'X-DATA': '***' }],
    ['whose data are no JSON', { 'X-DATA': 'eyJx' }],
    ['without data', { 'X-DATA': undefined }],
    ['whose id is none', { ID: '7' }],
  ])('is none of ours %s', (_name, other) => {
    expect(readRange({ ...attributes, ...other })).toBeUndefined();
  });
});

/** hls.js, as far as playlists go: two segments of a second, the first one at 100 s of the element's timeline. */
function setUp() {
  const listeners = new Map<string, (name: string, data: unknown) => void>();
  const details = {
    fragments: [0, 1].map((n) => ({ start: 100 + n, programDateTime: began + 10_000 + n * 1_000, cc: 3 })),
    fragmentHint: undefined,
    dateRanges: {} as Record<string, unknown>,
  };
  const hls = { on: (name: string, listener: (name: string, data: unknown) => void) => listeners.set(name, listener), latestLevelDetails: details };
  const told: EngineEvent[] = [];
  tellDateRanges(hls as unknown as Hls, { event: (event) => told.push(event) } as Partial<EngineListener> as EngineListener);
  const list = (attr: Readonly<Record<string, string>>): void => {
    details.dateRanges = { [attr['ID'] as string]: { id: attr['ID'], attr, startDate: new Date(attr['START-DATE'] as string) } };
  };
  const update = (): void => listeners.get(Events.LEVEL_UPDATED)?.(Events.LEVEL_UPDATED, { details });
  const found = (baseTime: number): void => listeners.get(Events.INIT_PTS_FOUND)?.(Events.INIT_PTS_FOUND, { timestampOffsets: [undefined, undefined, undefined, { baseTime, timescale: 90_000 }] });
  return { details, told, list, update, found, places: () => told.map(({ place }) => (place.kind === 'position' ? place.position : undefined)) };
}

describe('the place of a message', () => {
  it('is as far from its segment as their dates, told once and again where it moves', () => {
    const { details, list, update, places } = setUp();
    list(attributes);
    update();
    update();
    expect(places()).toEqual([101.25]);
    details.fragments[1]!.start = 101.02;
    update();
    expect(places()).toEqual([101.25, 101.27]);
  });

  it('is exact by media time, once hls.js knows what it subtracts from that', () => {
    const { list, update, found, places } = setUp();
    list({ ...attributes, 'X-TIME': '11.283333' });
    update();
    found(-89 * 90_000);
    expect(places()).toEqual([101.25, 100.283333]);
  });

  it('may lie before the first segment that is listed', () => {
    const { list, update, places } = setUp();
    list({ ...attributes, 'START-DATE': '2026-01-01T00:00:09.500Z' });
    update();
    expect(places()).toEqual([99.5]);
  });
});
