import { execFile } from 'node:child_process';

import { expect } from 'vitest';

import { parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { nutFrameHeader, nutHeader } from '#core/media/containers/nut/muxer.ts';
import type { Frame } from '#core/media/frame.ts';
import { VIDEO_TIMESCALE } from '#core/media/time.ts';
import type { VideoConfig } from '#core/media/track.ts';

/** A decoder takes every frame of an H.264 rung without a complaint, and shows each where it says. */
export async function expectDecodes(frames: readonly Frame[]): Promise<void> {
  const config = frames[0]?.head?.config as VideoConfig;
  const header = nutHeader([
    { kind: 'video', fourcc: 'H264', description: config.description, timescale: VIDEO_TIMESCALE, width: config.width, height: config.height, decodeDelay: 0, frameRate: [30, 1] },
  ]);
  const chunks = frames.flatMap(({ pts, key, data, head }) => {
    const sets = head?.config.kind === 'video' ? parameterSets(head.config) : new Uint8Array();
    return [nutFrameHeader({ stream: 0, pts, key, size: sets.byteLength + data.byteLength }), sets, data];
  });
  const { shown, complaints } = await decode(Buffer.concat([header, ...chunks]));
  expect(complaints).toBe('');
  // Where its input ends, ffmpeg may keep the last frames to itself.
  const before = frames.slice(0, -3).map(({ pts }) => pts);
  expect(shown.slice(0, before.length)).toEqual(before);
}

function parameterSets({ description }: VideoConfig): Uint8Array {
  const { sps, pps } = parseAvcC(description);
  return Buffer.concat(
    [...sps, ...pps].flatMap((unit) => {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(unit.byteLength);
      return [size, unit];
    }),
  );
}

async function decode(stream: Uint8Array): Promise<{ readonly shown: readonly number[]; readonly complaints: string }> {
  return new Promise((resolve, reject) => {
    const args = ['-v', 'warning', '-copyts', '-f', 'nut', '-i', 'pipe:0', '-fps_mode', 'passthrough', '-enc_time_base', '1:90000', '-f', 'framemd5', 'pipe:1'];
    const child = execFile('ffmpeg', args, { maxBuffer: 64 * 1024 * 1024 }, (thrown, stdout, stderr) => {
      if (thrown !== null) {
        reject(thrown);
        return;
      }
      const lines = stdout.split('\n').filter((line) => /^\d/.test(line));
      resolve({ shown: lines.map((line) => Number(line.split(',')[2])), complaints: stderr });
    });
    child.stdin?.end(stream);
  });
}
