import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireBox } from '#core/media/containers/fmp4/read-boxes.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { ticks, timescale, wallTime } from '#core/media/time.ts';
import { configIdOf, trackName, type AudioConfig } from '#core/media/track.ts';
import { readMp4 } from '#test/vectors/read-mp4.ts';

const FRAMES_PER_GROUP = 50;

/** Three seconds of Opus that ffmpeg encodes now, in groups of one second. */
export function opusFrames(): Frame[] {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-opus-'));
  try {
    const path = join(folder, 'opus.mp4');
    const input = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=3'];
    execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', ...input, '-ac', '2', '-c:a', 'libopus', '-b:a', '32k', path]);
    const { samples, boxes } = readMp4(path);
    const config: AudioConfig = {
      kind: 'audio',
      codec: 'opus',
      codecString: 'opus',
      description: requireBox(boxes, 'moov/trak/mdia/minf/stbl/stsd/Opus/dOps').payload.slice(),
      sampleRate: 48_000,
      channels: 2,
      timescale: timescale(48_000),
      frameDuration: 960,
    };
    return samples.map((sample, place) => {
      const index = place % FRAMES_PER_GROUP;
      return {
        broadcast: broadcastId('vector00'),
        epoch: 0,
        fence: 1,
        track: trackName('opus'),
        group: 100 + Math.floor(place / FRAMES_PER_GROUP),
        index,
        pts: ticks(place * 960),
        dts: ticks(place * 960),
        duration: ticks(960),
        key: true,
        config: configIdOf(config),
        data: (sample.data as Uint8Array).slice(),
        ...(index === 0 ? { head: { config, wallTime: wallTime(1_790_000_000_000 + place * 20) } } : {}),
      };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
