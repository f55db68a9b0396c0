import { execFile } from 'node:child_process';

import { sampleData, sortAccessUnit } from '#core/media/codecs/h264/access-unit.ts';
import { h264Config } from '#core/media/codecs/h264/avcc.ts';
import { splitAnnexB } from '#core/media/codecs/h264/nal-unit.ts';
import { NutDemuxer } from '#core/media/containers/nut/demuxer.ts';
import { nutFrameHeader } from '#core/media/containers/nut/muxer.ts';
import type { SourceTrack } from '#core/bus/catalog.ts';
import { addTicks, ticks, VIDEO_TIMESCALE } from '#core/media/time.ts';
import { trackName, type VideoConfig } from '#core/media/track.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import { ffmpegArguments } from '../ffmpeg/arguments.ts';
import { FfmpegProcess } from '../ffmpeg/process.ts';
import { decodeCost } from '../plan/cost.ts';
import { encodedRung } from '../plan/encoded-rung.ts';
import type { Encode } from '../plan/plan.ts';
import type { RunSettings } from '../supervisor/run.ts';
import { nutHeaderOf } from '../supervisor/from-bus.ts';

/** What is decoded and encoded to see how fast this machine is: a noisy 720p second, into the three rungs below it. */
const SECOND = { width: 1280, height: 720, frameRate: 30 };
const RUNGS = [
  { height: 480, bitrate: 1_200_000 },
  { height: 360, bitrate: 700_000 },
  { height: 240, bitrate: 350_000 },
];
/** Long enough to even out scheduling, short enough for a first start. */
const MEASURE_MILLIS = 1000;
const GIVE_UP_MILLIS = 10_000;
/** Frames that may be inside ffmpeg at once. */
const AHEAD = 30;

type Sample = { readonly key: boolean; readonly data: Uint8Array };

/**
 * Measures what this machine encodes with the settings that are really used, through the same command line, decoding
 * and scaling included. Takes about 1.5 s.
 *
 * @returns megapixels per second.
 * @param signal breaks it off.
 * @throws {MillraceError} `transcode/probe-failed` where ffmpeg gives nothing, `transcode/probe-aborted` where it was broken off.
 */
export async function measureCapacity(settings: RunSettings, log: Logger, signal?: AbortSignal): Promise<number> {
  const { config, samples } = await noisySecond(settings.ffmpegPath, signal);
  const source: SourceTrack = {
    name: trackName('video'),
    config,
    bitrate: 0,
    video: { frameRate: SECOND.frameRate, variableFrameRate: false, bFrames: false, gopSeconds: 1 },
  };
  const rungs = RUNGS.map((rung, at) => encodedRung({ source, rung, place: at + 1, why: '', faces: [] }));
  const encode: Encode = { input: config, frameRate: SECOND.frameRate, grouping: { mode: 'source' }, rungs };
  const frames = await countFrames(encode, samples, settings, log, signal);
  const perSecond = decodeCost(SECOND, SECOND.frameRate) + rungs.reduce((sum, rung) => sum + rung.cost, 0);
  return (perSecond / SECOND.frameRate) * frames.perSecond;
}

/** Feeds the samples over and over as fast as ffmpeg takes them, and counts what comes out of the last rung. */
async function countFrames(encode: Encode, samples: readonly Sample[], settings: RunSettings, log: Logger, signal?: AbortSignal): Promise<{ readonly perSecond: number }> {
  const demuxer = new NutDemuxer();
  const last = encode.rungs.length - 1;
  let [fed, out, firstAt, lastAt] = [0, 0, 0, 0];
  const feed = (): void => {
    while (fed < out + AHEAD && !process.congested) {
      const { key, data } = samples[fed % samples.length] ?? { key: true, data: new Uint8Array() };
      const pts = addTicks(ticks(0), ticks((fed * VIDEO_TIMESCALE) / SECOND.frameRate));
      process.write([nutFrameHeader({ stream: 0, pts, key, size: data.byteLength }), data]);
      fed += 1;
    }
  };
  const process = new FfmpegProcess({
    path: settings.ffmpegPath,
    args: ffmpegArguments({ encode, encoder: settings.encoder, settings, starts: new Map() }),
    outputs: encode.rungs.length,
    log,
    onOutput: (output, chunk) => {
      if (output !== last) {
        return;
      }
      out += demuxer.push(chunk).length;
      lastAt = performance.now();
      firstAt ||= lastAt;
      if (lastAt - firstAt < MEASURE_MILLIS) {
        feed();
      } else {
        process.kill();
      }
    },
  });
  const timer = setTimeout(() => process.kill(), GIVE_UP_MILLIS);
  process.write([nutHeaderOf(encode)]);
  feed();
  const abort = (): void => process.kill();
  signal?.addEventListener('abort', abort);
  if (signal?.aborted === true) {
    abort();
  }
  const exit = await process.exited;
  clearTimeout(timer);
  signal?.removeEventListener('abort', abort);
  if (signal?.aborted === true) {
    throw new MillraceError('transcode/probe-aborted', 'the test of the encoder was broken off');
  }
  if (out < 2 || lastAt <= firstAt) {
    throw new MillraceError('transcode/probe-failed', 'ffmpeg encoded nothing in the test at start', { details: { complaints: exit.complaints } });
  }
  return { perSecond: ((out - 1) * 1000) / (lastAt - firstAt) };
}

/** Noise, because a clean test picture encodes twice as fast as a camera's. */
async function noisySecond(ffmpegPath: string, signal: AbortSignal | undefined): Promise<{ readonly config: VideoConfig; readonly samples: readonly Sample[] }> {
  const picture = `testsrc2=s=${SECOND.width}x${SECOND.height}:r=${SECOND.frameRate},noise=all_seed=1:alls=6:allf=t,format=yuv420p`;
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-b:v', '4M', '-f', 'nut', 'pipe:1'];
  const bytes = await new Promise<Uint8Array>((resolve, reject) => {
    const args = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', picture, '-frames:v', String(SECOND.frameRate), ...encode];
    execFile(ffmpegPath, args, { encoding: 'buffer', maxBuffer: 16 * 1024 * 1024, timeout: GIVE_UP_MILLIS, signal }, (thrown, stdout) =>
      thrown === null ? resolve(stdout) : reject(new MillraceError('transcode/probe-failed', 'ffmpeg could not make its test picture', { cause: thrown })),
    );
  });
  const demuxer = new NutDemuxer();
  const units = demuxer.push(bytes).map((packet) => sortAccessUnit(splitAnnexB(packet.data)));
  const { config } = h264Config(sortAccessUnit(splitAnnexB(demuxer.streams[0]?.description ?? new Uint8Array())));
  return {
    config: { ...config, frameDuration: VIDEO_TIMESCALE / SECOND.frameRate, reordered: false },
    samples: units.map((unit) => ({ key: unit.idr, data: sampleData(unit) })),
  };
}
