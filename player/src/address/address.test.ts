import { describe, expect, it } from 'vitest';
import { parseAddress, Routes } from './address.ts';

const cases = [
  { path: '/', search: '', is: { base: '/', page: 'landing', stream: '', engine: 'auto' } },
  { path: '/tv/', search: '', is: { base: '/tv/', page: 'landing', stream: '', engine: 'auto' } },
  { path: '/watch/demo', search: '', is: { base: '/', page: 'watch', stream: 'demo', engine: 'auto' } },
  { path: '/watch/demo', search: '?engine=hls', is: { base: '/', page: 'watch', stream: 'demo', engine: 'hls' } },
  { path: '/watch/demo', search: '?engine=flash', is: { base: '/', page: 'watch', stream: 'demo', engine: 'auto' } },
  { path: '/watch/demo', search: '?region=eu-west', is: { base: '/', page: 'watch', stream: 'demo', engine: 'auto', region: 'eu-west' } },
  { path: '/watch/demo', search: '?region=<eu>', is: { base: '/', page: 'watch', stream: 'demo', engine: 'auto' } },
  { path: '/a/b/embed/cam-1', search: '?engine=webrtc', is: { base: '/a/b/', page: 'embed', stream: 'cam-1', engine: 'webrtc' } },
  { path: '/tv/recordings/0a1b2c3d4e5f', search: '?engine=dash', is: { base: '/tv/', page: 'recordings', stream: '0a1b2c3d4e5f', engine: 'dash' } },
  { path: '/watch/watch', search: '', is: { base: '/', page: 'watch', stream: 'watch', engine: 'auto' } },
  { path: '/watch/%E0%A4%A', search: '', is: { base: '/', page: 'watch', stream: '%E0%A4%A', engine: 'auto' } },
];

describe('the address of a page', () => {
  for (const { path, search, is } of cases) {
    it(`reads ${path}${search}`, () => {
      expect(parseAddress(path, search)).toEqual(is);
    });
  }

  it('leads to the server below the same base path', () => {
    const routes = new Routes('/tv/');
    expect([routes.time, routes.hls('demo'), routes.events('demo'), routes.watch('demo')]).toEqual([
      '/tv/time',
      '/tv/live/demo/master.m3u8',
      '/tv/api/v1/streams/demo/events',
      '/tv/watch/demo',
    ]);
    expect([routes.rewind('demo'), routes.picture('demo', 'poster'), routes.storyboard('demo', 'b1'), routes.recording('b1'), routes.recording('b1', 'download.mp4')]).toEqual([
      '/tv/live/demo/rewind.m3u8',
      '/tv/live/demo/poster.jpg',
      '/tv/live/demo/b1/storyboard.vtt',
      '/tv/recordings/b1',
      '/tv/recordings/b1/download.mp4',
    ]);
  });
});
