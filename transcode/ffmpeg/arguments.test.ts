import { describe, expect, test } from 'vitest';

import { ticks } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import { audioRenditions, type AudioEncode } from '../plan/audio.ts';
import { planLadder, type Encode, type PlanInput } from '../plan/plan.ts';
import { audioTrack, sourceCatalog, videoTrack, type VideoFacts } from '../testing/sources.ts';
import { audioArguments, ffmpegArguments } from './arguments.ts';
import { ENCODERS } from './encoders.ts';

const settings = { preset: 'veryfast', threads: 2 };

function encodeOf(facts: VideoFacts, more: Partial<PlanInput> = {}): Encode {
  const { encode } = planLadder({ source: sourceCatalog([videoTrack(facts)]), ladder: [{ height: 360, bitrate: '700k' }], budget: 1000, ...more });
  if (encode === undefined) {
    throw new Error('nothing to encode');
  }
  return encode;
}

function starting(encode: Encode, from: number, first = from): Parameters<typeof ffmpegArguments>[0]['starts'] {
  return new Map(encode.rungs.map(({ track }) => [track, { from: ticks(from), first: ticks(first) }]));
}

test('one rung, to the word', () => {
  const encode = encodeOf({ width: 1280, height: 720 });
  expect(ffmpegArguments({ encode, encoder: 'x264', settings, starts: starting(encode, 0) }).join(' ')).toBe(
    [
      '-hide_banner -nostdin -nostats -loglevel warning -copyts -f nut -probesize 32 -analyzeduration 0 -reinit_filter 0 -thread_type slice -threads 2 -flags low_delay -i pipe:0',
      '-vcodec libx264 -filter:v scale=w=640:h=360:flags=bilinear,setsar=1,format=yuv420p',
      '-map 0:v:0 -b:v 700000 -maxrate 700000 -bufsize 245000',
      '-preset veryfast -tune zerolatency -profile:v high -level 3.0 -threads 2 -forced-idr 1 -sc_threshold 0 -g 9999 -bf 0',
      '-x264-params 8x8dct=1:fps=360000/12000 -force_key_frames source -fps_mode passthrough -enc_time_base 1:90000',
      '-map_metadata -1 -f nut -syncpoints none -strict experimental -write_index 0 -flush_packets 1 pipe:3',
    ].join(' '),
  );
});

describe('filters', () => {
  const filters = (encode: Encode, from: number): string[] => {
    const args = ffmpegArguments({ encode, encoder: 'x264', settings, starts: starting(encode, from) });
    return args.filter((_, at) => args[at - 1] === '-filter:v');
  };

  test('a replay drops what was given out, half a tick before the first missing frame', () => {
    expect(filters(encodeOf({ width: 640, height: 360 }, { ladder: [{ height: 240, bitrate: 1 }] }), 900_000)).toEqual([
      "select='gte(t,9.9999944)',scale=w=426:h=240:flags=bilinear,setsar=1,format=yuv420p",
    ]);
  });

  test('halving the rate keeps every key frame of the source', () => {
    const encode = encodeOf({ width: 1280, height: 720, frameRate: 60 }, { ladder: [{ height: 480, bitrate: 1 }, { height: 240, bitrate: 1 }] });
    expect(filters(encode, 0)[1]).toContain("select='isnan(prev_selected_t)+key+gte(n-prev_selected_n,2)'");
    expect(filters(encode, 0)[0]).not.toContain('select');
  });

  test('halving the rate on the grid keeps the first frame of every second', () => {
    const source = sourceCatalog([videoTrack({ width: 1280, height: 720, frameRate: 60, bFrames: true })], { mode: 'grid', firstGroup: 1, firstSecond: 0 });
    const encode = encodeOf({}, { source, ladder: 'auto' });
    expect(filters(encode, 0)[2]).toContain("select='isnan(prev_selected_t)+gt(floor(t+0.000001),floor(prev_selected_t+0.000001))+gte(n-prev_selected_n,2)'");
  });

  test('a varying rate becomes a constant one before anything is dropped', () => {
    const source = sourceCatalog([videoTrack({ width: 640, height: 360, variable: true, bFrames: true })], { mode: 'grid', firstGroup: 1, firstSecond: 0 });
    expect(filters(encodeOf({}, { source }), 90_000)).toEqual(["fps=fps=30:round=down,select='gte(t,0.9999944)',scale=w=640:h=360:flags=bilinear,setsar=1,format=yuv420p"]);
  });
});

test('on the grid the phase of the first frame goes into the expression', () => {
  const source = sourceCatalog([videoTrack({ width: 640, height: 360, bFrames: true })], { mode: 'grid', firstGroup: 1, firstSecond: 0 });
  const encode = encodeOf({}, { source });
  const args = ffmpegArguments({ encode, encoder: 'x264', settings, starts: starting(encode, 0, 90_000 * 7 + 45_000) });
  expect(args).toContain('expr:isnan(prev_forced_t)+gt(floor(t+0.500001000),floor(prev_forced_t+0.500001000))');
});

test('a source with B-frames is decoded in its own reorder depth', () => {
  const encode = encodeOf({ width: 1280, height: 720, bFrames: true });
  const args = ffmpegArguments({ encode, encoder: 'x264', settings, starts: starting(encode, 0) }).join(' ');
  expect(args).toContain('-threads 2 -strict 1 -i pipe:0');
  expect(args).not.toContain('low_delay');
});

test.each(ENCODERS)('%s: one pipe per rung, a bounded rate, no B-frames, no key frames of its own', (encoder) => {
  const encode = encodeOf({}, { ladder: 'auto' });
  const args = ffmpegArguments({ encode, encoder, settings, starts: starting(encode, 0) });
  expect(args.filter((arg) => /^pipe:\d$/.test(arg))).toEqual(['pipe:0', 'pipe:3', 'pipe:4', 'pipe:5', 'pipe:6']);
  for (const [option, value] of [['-bf', '0'], ['-g', '9999'], ['-force_key_frames', 'source']] as const) {
    expect(args.filter((_, at) => args[at - 1] === option)).toEqual(encode.rungs.map(() => value));
  }
  expect(args.filter((_, at) => args[at - 1] === '-maxrate')).toEqual(['2500000', '1200000', '700000', '350000']);
  expect(encode.rungs.map(({ track }) => track)).toEqual(['v720', 'v480', 'v360', 'v240'].map(trackName));
});

test.each([
  { codec: 'opus', begin: 960_120, encoder: '-ac 2 -b:a 96000 -c:a libopus -application lowdelay -frame_duration 20 -vbr constrained' },
  { codec: 'aac', begin: 961_024, encoder: '-ac 2 -b:a 128000 -c:a aac' },
])('sound into $codec, to the word: the encoder is fed as much later as it is ahead', ({ codec, begin, encoder }) => {
  const track = audioTrack();
  const source = codec === 'opus' ? track : { ...track, config: { ...track.config, codec: 'opus' as const } as typeof track.config };
  const encode = audioRenditions([source], { opus: true, passAnything: false }).encode as AudioEncode;
  expect(audioArguments({ encode, first: ticks(960_000) }).join(' ')).toBe(
    [
      '-hide_banner -nostdin -nostats -loglevel warning -copyts -f nut -probesize 32 -analyzeduration 0 -i pipe:0',
      `-filter:a aresample=48000:async=1:min_hard_comp=0.01,atrim=start_pts=${begin}`,
      `-map 0:a:0 ${encoder}`,
      '-map_metadata -1 -f nut -syncpoints none -strict experimental -write_index 0 -flush_packets 1 pipe:3',
    ].join(' '),
  );
});
