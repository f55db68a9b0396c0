import { describe, expect, it } from 'vitest';
import { readRecording } from './recordings.ts';

const finished = {
  id: '0a1b2c3d4e5f',
  stream: 'demo',
  state: 'finished',
  startedAt: '2026-01-02T03:04:05.000Z',
  endedAt: '2026-01-02T04:04:05.000Z',
  duration: 3_600.5,
  bytes: 1_000,
  downloadBytes: 900,
  width: 1280,
  height: 720,
};

describe('a recording of the API', () => {
  it('is read with what the pages need', () => {
    const { id, stream, state, startedAt, duration, downloadBytes, height } = finished;
    expect(readRecording(finished)).toEqual({ id, stream, state, startedAt, duration, downloadBytes, height });
  });

  it('is read while it goes on, when much is missing', () => {
    const { downloadBytes: _bytes, height: _height, ...rest } = { ...finished, state: 'recording', endedAt: null };
    expect(readRecording(rest)).toMatchObject({ state: 'recording', downloadBytes: undefined, height: undefined });
  });

  it.each([
    ['/recordings/0a1b2c3d4e5f/master.m3u8', undefined],
    ['https://archive.test/tv/recordings/0a1b2c3d4e5f/master.m3u8', 'https://archive.test/tv/'],
    ['ftp://archive.test/recordings/0a1b2c3d4e5f/master.m3u8', undefined],
    [7, undefined],
  ])('with the URL %j is kept by %j', (hls, keeper) => {
    expect(readRecording({ ...finished, hls })?.keeper).toBe(keeper);
  });

  it.each([null, 'finished', {}, { ...finished, id: 7 }, { ...finished, state: 'lost' }, { ...finished, startedAt: null }])('is not %j', (value) => {
    expect(readRecording(value)).toBeUndefined();
  });
});
