import { expect, test } from 'vitest';

import { MediaPathCache, parseMediaPath } from './media-path.ts';

const of = { stream: 'demo', broadcast: 'abcdef012345', track: 'v720' };
const cases: readonly (readonly [path: string, expected: unknown])[] = [
  ['/live/demo/master.m3u8', { kind: 'master', stream: 'demo' }],
  ['/live/demo/~a.B-c_d~/master.m3u8', { kind: 'master', stream: 'demo', isSigned: true }],
  ['/live/demo/manifest.mpd', { kind: 'manifest', stream: 'demo' }],
  ['/live/demo/~abc.DEF-_~/manifest.mpd', { kind: 'manifest', stream: 'demo', isSigned: true }],
  ['/live/demo/rewind.m3u8', { kind: 'rewind', stream: 'demo' }],
  ['/live/demo/testbroadcast/video/rewind.m3u8', { kind: 'rewind', stream: 'demo', of: { stream: 'demo', broadcast: 'testbroadcast', track: 'video' } }],
  ['/live/demo/poster.jpg', { kind: 'picture', stream: 'demo', picture: { kind: 'poster', stream: 'demo' } }],
  ['/live/demo/thumbnail.jpg', { kind: 'picture', stream: 'demo', picture: { kind: 'thumbnail', stream: 'demo' } }],
  ['/live/demo/testbroadcast/storyboard.vtt', { kind: 'picture', stream: 'demo', picture: { kind: 'storyboard', stream: 'demo', broadcast: 'testbroadcast', file: 'storyboard.vtt' } }],
  ['/live/demo/testbroadcast/storyboard-12.jpg', { kind: 'picture', stream: 'demo', picture: { kind: 'storyboard', stream: 'demo', broadcast: 'testbroadcast', file: 'storyboard-12.jpg' } }],
  ['/live/demo/testbroadcast/storyboard-x.jpg', undefined],
  ['/live/demo/testbroadcast/poster.jpg', undefined],
  ['/live/demo/abcdef012345/v720/index.m3u8', { kind: 'playlist', ...of }],
  ['/live/demo/~t/abcdef012345/v720/index.m3u8', { kind: 'playlist', ...of }],
  ['/live/demo/abcdef012345/v720/init-0123456789abcdef.mp4', { kind: 'init', ...of, config: '0123456789abcdef' }],
  ['/live/demo/abcdef012345/v720/1795336151.m4s', { kind: 'segment', ...of, group: 1795336151 }],
  ['/live/demo/abcdef012345/v720/1795336151.12.m4s', { kind: 'part', ...of, group: 1795336151, part: 12 }],
  ['/live/demo/abcdef012345/v720/else.txt', { kind: 'other', stream: 'demo' }],
  ['/live/', undefined],
  ['/live/demo', undefined],
  ['/live/demo/', undefined],
  ['/live/-demo/master.m3u8', undefined],
  ['/live/demo/~/master.m3u8', undefined],
  ['/live/demo/~a/~b/master.m3u8', undefined],
  ['/live/demo/short/v720/index.m3u8', undefined],
  ['/live/demo/abcdef012345/V720/index.m3u8', undefined],
  ['/live/demo/abcdef012345/v720/', undefined],
  ['/live/demo/abcdef012345/v720/a/b', undefined],
  ['/live/demo/abcdef012345/v720', undefined],
  ['/live/demo//master.m3u8', undefined],
];

test.each(cases)('%s', (path, expected) => {
  expect(parseMediaPath(path)).toEqual(expected);
});

test('the cache gives one object for one path and stays bounded', () => {
  const cache = new MediaPathCache(2);
  const first = cache.parse('/live/a/master.m3u8');
  expect(cache.parse('/live/a/master.m3u8')).toBe(first);
  cache.parse('/live/b/master.m3u8');
  cache.parse('/live/c/master.m3u8');
  expect(cache.parse('/live/a/master.m3u8')).not.toBe(first);
  expect(cache.parse('/live/a')).toBeUndefined();
});
