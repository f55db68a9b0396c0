import { describe, expect, it } from 'vitest';
import { readStateEvent, readStream } from './streams.ts';

describe('a stream of the API', () => {
  it('is read with what the pages need', () => {
    const answer = {
      stream: 'demo',
      state: 'live',
      broadcast: 'b1',
      startedAt: '2026-01-02T03:04:05.000Z',
      returnUntil: null,
      viewers: { hls: 3, dash: 0, webrtc: 1, total: 4 },
      rungs: [{ kind: 'video', label: '720p' }, { kind: 'video', label: '360p' }, { kind: 'audio', label: 'Audio' }],
      rewind: { seconds: 7_200, url: '/live/demo/rewind.m3u8' },
      recording: true,
      thumbnail: '/live/demo/thumbnail.jpg',
    };
    expect(readStream(answer)).toEqual({ name: 'demo', state: 'live', broadcast: 'b1', startedAt: '2026-01-02T03:04:05.000Z', viewers: 4, best: '720p', rewind: 7_200, recorded: true, pictured: true });
  });

  it('is read off air, when most is missing', () => {
    expect(readStream({ stream: 'demo', state: 'offline', broadcast: null, rungs: [] })).toMatchObject({ state: 'offline', viewers: 0 });
  });

  it.each([null, undefined, {}, { seconds: 0, url: '/' }, { seconds: '60' }])('has no rewind window where it is told %j', (rewind) => {
    expect(readStream({ stream: 'demo', state: 'live', rewind })).toMatchObject({ rewind: undefined, pictured: false });
  });

  for (const value of [null, 'live', {}, { stream: 'a', state: 'on fire' }, { stream: 3, state: 'live' }]) {
    it(`is not ${JSON.stringify(value)}`, () => {
      expect(readStream(value)).toBeUndefined();
    });
  }
});

describe('an event', () => {
  it('tells the state, and nothing where it is no event', () => {
    expect(readStateEvent('{"state":"live","broadcast":"b"}')).toBe('live');
    expect(readStateEvent('{"state":7}')).toBeUndefined();
    expect(readStateEvent('{')).toBeUndefined();
  });
});
