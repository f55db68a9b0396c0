/*
 * Makes the frame logs in this folder, as ingest and the transcoder would have written them, from what ffmpeg encodes:
 *
 *   npx node test/vectors/record.ts
 *
 * Run again only to change them: tests name nothing of their bytes, but the vectors of a release should not move.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sample } from 'mp4box';
import { aacConfig, buildAudioSpecificConfig } from '#core/media/codecs/aac/audio-specific-config.ts';
import { h264Config, parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { joinLengthPrefixed, NAL_AUD, NAL_SEI, nalType, splitLengthPrefixed } from '#core/media/codecs/h264/nal-unit.ts';
import { requireBox } from '#core/media/containers/fmp4/read-boxes.ts';
import { writeFrameLog } from '#core/media/frame-log.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { MIN_GROUP_SECONDS } from '#core/media/grouping.ts';
import { ticks, wallTime, type Ticks } from '#core/media/time.ts';
import { configIdOf, trackName, type TrackConfig } from '#core/media/track.ts';
import { readMp4 } from './read-mp4.ts';

type Vector = {
  readonly name: string;
  readonly seconds: number;
  /** As ffmpeg writes a rate, and the same as ticks of 90 kHz. */
  readonly frameRate: string;
  readonly frameDuration: number;
  /** Instants of the key frames, as ffmpeg's `force_key_frames` takes them. */
  readonly keyFrames: string;
  readonly sampleRate: number;
  readonly video: readonly { readonly track: string; readonly encoder: readonly string[] }[];
};

const FIRST_GROUP = 1_790_000_000;

const vectors: readonly Vector[] = [
  {
    name: 'source-30',
    seconds: 12,
    frameRate: '30',
    frameDuration: 3000,
    // 4.5 s comes 0.5 s after another one: a key frame inside a group.
    keyFrames: '0,1.2,2.6,4,4.5,5.1,6.9,8,9.5,10.6',
    sampleRate: 48_000,
    video: [
      { track: 'video', encoder: ['-s', '320x180', '-bf', '2', '-b:v', '110k', '-maxrate', '140k', '-bufsize', '140k'] },
      { track: 'v90', encoder: ['-s', '160x90', '-tune', 'zerolatency', '-b:v', '40k', '-maxrate', '50k', '-bufsize', '50k'] },
    ],
  },
  {
    name: 'source-29.97',
    seconds: 10,
    frameRate: '30000/1001',
    frameDuration: 3003,
    keyFrames: 'expr:gte(t,n_forced*2.002)',
    sampleRate: 44_100,
    video: [{ track: 'video', encoder: ['-s', '320x180', '-bf', '3', '-b:v', '90k', '-maxrate', '110k', '-bufsize', '110k'] }],
  },
];

const folder = mkdtempSync(join(tmpdir(), 'millrace-record-'));
try {
  for (const vector of vectors) {
    const log = writeFrameLog(record(vector));
    writeFileSync(join(import.meta.dirname, `${vector.name}.mrfl`), log);
    process.stdout.write(`${vector.name}: ${log.length} bytes\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** The frames of all tracks in the order of their dts. */
function record(vector: Vector): Frame[] {
  const firstPts = 2 * vector.frameDuration;
  const videos = vector.video.map(({ track, encoder }) => recordVideo(vector, track, encoder, firstPts));
  const starts = (videos[0] ?? []).filter((frame) => frame.index === 0).map((frame) => frame.pts / 90_000);
  const audio = recordAudio(vector, starts);
  const seconds = (frame: Frame): number => frame.dts / (frame.track === 'audio' ? vector.sampleRate : 90_000);
  return [...videos.flat(), ...audio].sort((a, b) => seconds(a) - seconds(b));
}

/** A video track; groups begin as on a grouping of mode `source`. A rung without B-frames has the same pts and later dts. */
function recordVideo(vector: Vector, track: string, encoder: readonly string[], firstPts: number): Frame[] {
  const file = join(folder, `${track}.mp4`);
  ffmpeg(
    ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${vector.frameRate}:duration=${vector.seconds}`],
    ['-c:v', 'libx264', '-preset', 'medium', '-pix_fmt', 'yuv420p', '-g', '250', '-sc_threshold', '0', '-force_key_frames', vector.keyFrames],
    [...encoder, '-video_track_timescale', '90000', file],
  );
  const { samples, boxes } = readMp4(file);
  const { config: parsed } = h264Config(parseAvcC(requireBox(boxes, 'moov/trak/mdia/minf/stbl/stsd/avc1/avcC').payload));
  const reordered = samples.some((sample) => sample.cts !== sample.dts);
  const config: TrackConfig = { ...parsed, frameDuration: vector.frameDuration, reordered };
  const shift = firstPts - (samples[0]?.cts ?? 0);
  let start = -Infinity;
  return numbered(samples, config, track, vector.frameDuration, (sample) => {
    const pts = sample.cts + shift;
    const starts = sample.is_sync && (pts - start) / 90_000 >= MIN_GROUP_SECONDS;
    start = starts ? pts : start;
    return { pts, dts: sample.dts + shift, starts };
  });
}

/** An audio track whose groups begin with the first frame at or after each video group's start (ADR 0001, rule 3). */
function recordAudio(vector: Vector, videoStarts: readonly number[]): Frame[] {
  const file = join(folder, 'audio.mp4');
  ffmpeg(
    ['-f', 'lavfi', '-i', `sine=frequency=440:beep_factor=4:sample_rate=${vector.sampleRate}:duration=${vector.seconds}`],
    ['-ac', '2', '-c:a', 'aac', '-b:a', '32k', file],
    [],
  );
  const { samples } = readMp4(file);
  const config = aacConfig(buildAudioSpecificConfig({ sampleRate: vector.sampleRate, channels: 2 }));
  const firstDts = Math.ceil((videoStarts[0] ?? 0) * vector.sampleRate);
  let next = 0;
  return numbered(samples, config, 'audio', 1024, (sample) => {
    const pts = firstDts + sample.dts;
    let starts = false;
    while (next < videoStarts.length && pts / vector.sampleRate >= (videoStarts[next] ?? Infinity)) {
      next++;
      starts = true;
    }
    return { pts, dts: pts, starts };
  });
}

function numbered(
  samples: readonly Sample[],
  config: TrackConfig,
  track: string,
  duration: number,
  place: (sample: Sample) => { readonly pts: number; readonly dts: number; readonly starts: boolean },
): Frame[] {
  let group = FIRST_GROUP - 1;
  let index = 0;
  return samples.map((sample) => {
    const { pts, dts, starts } = place(sample);
    group += starts ? 1 : 0;
    index = starts ? 0 : index + 1;
    const at = wallTime(FIRST_GROUP * 1000 + (pts * 1000) / config.timescale);
    return {
      broadcast: broadcastId('vector00'),
      epoch: 0,
      fence: 1,
      track: trackName(track),
      group,
      index,
      pts: pts as Ticks,
      dts: dts as Ticks,
      duration: ticks(duration),
      key: sample.is_sync,
      config: configIdOf(config),
      data: withoutParameterSets(config, sample.data as Uint8Array),
      ...(index === 0 ? { head: { config, wallTime: at } } : {}),
    };
  });
}

/** Drops SEI with x264's settings, delimiters and parameter sets: a frame's data holds what the decoder needs alone. */
function withoutParameterSets(config: TrackConfig, data: Uint8Array): Uint8Array {
  if (config.kind === 'audio') {
    return data.slice();
  }
  return joinLengthPrefixed(splitLengthPrefixed(data).filter((unit) => nalType(unit) < NAL_SEI || nalType(unit) > NAL_AUD));
}

function ffmpeg(...args: readonly (readonly string[])[]): void {
  execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args.flat()], { stdio: ['ignore', 'inherit', 'inherit'] });
}
