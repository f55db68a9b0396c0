import { expect, test } from 'vitest';

import { parseRecordingPath } from './path.ts';

const id = 'recording1';
const config = '0123456789abcdef';

test.each([
  ['/recordings/', 'page'],
  ['/recordings/recording1', 'page'],
  ['/recordings/recording1/', 'page'],
  ['/recordings/NOT-AN-ID', 'page'],
  ['/recordings/recording1/master.m3u8', { kind: 'master', id }],
  ['/recordings/recording1/manifest.mpd', { kind: 'mpd', id }],
  ['/recordings/recording1/download.mp4', { kind: 'download', id }],
  ['/recordings/recording1/poster.jpg', { kind: 'picture', id, file: 'poster.jpg' }],
  ['/recordings/recording1/storyboard.vtt', { kind: 'picture', id, file: 'storyboard.vtt' }],
  ['/recordings/recording1/storyboard-12.jpg', { kind: 'picture', id, file: 'storyboard-12.jpg' }],
  ['/recordings/recording1/v360/index.m3u8', { kind: 'playlist', id, track: 'v360' }],
  [`/recordings/recording1/v360/init-${config}.mp4`, { kind: 'init', id, track: 'v360', config }],
  ['/recordings/recording1/v360/1790000000.m4s', { kind: 'segment', id, track: 'v360', group: 1_790_000_000 }],
])('%s', (path, target) => {
  expect(parseRecordingPath(path)).toEqual(target);
});

test.each([
  '/recordings/recording1/constructor',
  '/recordings/recording1/broadcast.json',
  '/recordings/recording1/video.index',
  '/recordings/recording1/../recording2/master.m3u8',
  '/recordings/..%2f..%2fetc/master.m3u8',
  '/recordings/UPPER123/master.m3u8',
  '/recordings/recording1/video/1790000000.0.m4s',
  '/recordings/recording1/video/1790000000.m4s/',
  '/recordings/recording1/video/init-0123.mp4',
  '/recordings/recording1/video/9999999999999999.m4s',
  '/recordings/recording1/Video/index.m3u8',
  '/recordings/recording1/video/',
  '/recordings/recording1/storyboard-1234567.jpg',
])('%s names nothing', (path) => {
  expect(parseRecordingPath(path)).toBeUndefined();
});
