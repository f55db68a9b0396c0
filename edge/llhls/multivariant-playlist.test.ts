import { expect, test } from 'vitest';

import { testBroadcast, testRendition } from './testing/broadcast.ts';
import { audioConfig, videoConfig } from './testing/feed.ts';
import { multivariantPlaylist } from './multivariant-playlist.ts';

const video = testRendition('video', { ...videoConfig, width: 1280, height: 720 }, 2_500_000, { frameRate: 30_000 / 1001 });
const small = testRendition('v360', videoConfig, 700_000);
const audio = testRendition('audio', audioConfig, 128_000, { label: 'Audio' });

test('pictures with sound: an audio group, and bandwidths that include it', () => {
  expect(multivariantPlaylist(testBroadcast, [video, small, audio], true)).toBe(
    `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-aac",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="testbroadcast/audio/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2628000,AVERAGE-BANDWIDTH=1314000,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio-aac"
testbroadcast/video/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=828000,AVERAGE-BANDWIDTH=414000,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO="audio-aac"
testbroadcast/v360/index.m3u8
`,
  );
});

test('sound alone is a variant without resolution or group', () => {
  expect(multivariantPlaylist(testBroadcast, [audio], true)).toBe(
    `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=64000,CODECS="mp4a.40.2"
testbroadcast/audio/index.m3u8
`,
  );
});

test('pictures alone name no audio group', () => {
  expect(multivariantPlaylist(testBroadcast, [small], false)).toBe(
    `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-STREAM-INF:BANDWIDTH=700000,AVERAGE-BANDWIDTH=350000,CODECS="avc1.64001e",RESOLUTION=640x360,FRAME-RATE=30.000
testbroadcast/v360/index.m3u8
`,
  );
});

test('each codec of the sound is a group of its own, and every picture is offered with each', () => {
  const opus = testRendition('opus', { ...audioConfig, codec: 'opus', codecString: 'opus' }, 96_000, { label: 'say "Opus"' });
  const lines = multivariantPlaylist(testBroadcast, [small, audio, opus], false).split('\n');
  expect(lines.filter((line) => line.startsWith('#EXT-X-MEDIA:')).map((line) => /NAME="[^"]*"/.exec(line)?.[0])).toEqual(['NAME="Audio"', 'NAME="say  Opus "']);
  expect(lines.filter((line) => line.startsWith('#EXT-X-STREAM-INF')).map((line) => /CODECS="([^"]*)".*AUDIO="([^"]*)"/.exec(line)?.slice(1))).toEqual([
    ['avc1.64001e,mp4a.40.2', 'audio-aac'],
    ['avc1.64001e,opus', 'audio-opus'],
  ]);
});
