import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { NutDemuxer } from '#core/media/containers/nut/demuxer.ts';
import { nutFrameHeader, nutHeader } from '#core/media/containers/nut/muxer.ts';
import { nutFrameOf } from '#transcode/supervisor/from-bus.ts';
import { makeSource } from './source.ts';

function run(program: string, args: readonly string[], input?: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, ['-v', 'error', ...args], { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 }, (thrown, stdout) => (thrown === null ? resolve(stdout) : reject(thrown)));
    child.stdin?.end(input);
  });
}

/** Stream, pts, size and MD5 of each packet, as ffmpeg reads them. */
async function packetsByFfmpeg(nut: Uint8Array): Promise<string[]> {
  const listed = (await run('ffmpeg', ['-f', 'nut', '-copyts', '-i', 'pipe:0', '-map', '0', '-c', 'copy', '-copytb', '1', '-f', 'framemd5', 'pipe:1'], nut)).toString();
  const lines = listed.split('\n').filter((line) => /^\d/.test(line));
  return lines.map((line) => line.split(',').map((field) => field.trim())).map(([stream, , pts, , size, md5]) => `${stream} ${pts} ${size} ${md5}`);
}

const sources: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: 'H.264 with B-frames and AAC', args: ['-c:v', 'libx264', '-bf', '3', '-c:a', 'aac'] },
  { name: 'the same as a pipe of version 4', args: ['-c:v', 'libx264', '-bf', '3', '-c:a', 'aac', '-syncpoints', 'none', '-strict', 'experimental'] },
  { name: 'tiny packets with a coarse time base and elided headers', args: ['-c:v', 'mpeg4', '-c:a', 'mp2'] },
];

describe('what ffmpeg writes', () => {
  test.each(sources)('$name', async ({ args }) => {
    const nut = await run('ffmpeg', ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25', '-f', 'lavfi', '-i', 'sine=r=44100', '-t', '3', ...args, '-f', 'nut', 'pipe:1']);
    const demuxer = new NutDemuxer();
    const packets = [];
    for (let at = 0; at < nut.length; at += 3001) {
      packets.push(...demuxer.push(nut.subarray(at, at + 3001)));
    }
    const listed = packets.map(({ stream, pts, data }) => `${stream.id} ${pts} ${data.length} ${createHash('md5').update(data).digest('hex')}`);
    expect(listed.length).toBeGreaterThan(150);
    // framemd5 sorts by dts; as sets they must be the same.
    expect([...listed].sort()).toEqual((await packetsByFfmpeg(nut)).sort());
  });
});

describe('what we write', () => {
  test('ffmpeg reads every frame with its exact pts', async () => {
    const made = await makeSource({ rate: '60000/1001', seconds: 1, x264: ['-g', '60', '-bf', '0'], grouping: 'source', startsAt: 90_000 * 86_400 * 365 + 1 });
    const config = made.catalog.tracks[0]?.config;
    if (config?.kind !== 'video') {
      throw new Error('no video');
    }
    const header = nutHeader([{ kind: 'video', fourcc: 'H264', description: config.description, timescale: config.timescale, width: config.width, height: config.height, decodeDelay: 0 }]);
    const nut = Buffer.concat([header, ...made.frames.flatMap((frame) => nutFrameOf(frame))]);
    const expected = made.frames.map(({ pts, data }) => `0 ${pts} ${data.length} ${createHash('md5').update(data).digest('hex')}`);
    expect(await packetsByFfmpeg(nut)).toEqual(expected);
  });

  test('ffmpeg decodes length-prefixed H.264 with avcC', async () => {
    const made = await makeSource({ rate: '30', seconds: 1, x264: ['-g', '30', '-bf', '2'], grouping: 'source' });
    const config = made.catalog.tracks[0]?.config;
    if (config?.kind !== 'video') {
      throw new Error('no video');
    }
    const header = nutHeader([{ kind: 'video', fourcc: 'H264', description: config.description, timescale: config.timescale, width: config.width, height: config.height, decodeDelay: 2 }]);
    const frames = made.frames.flatMap((frame) => [nutFrameHeader({ stream: 0, pts: frame.pts, key: frame.key, size: frame.data.length }), frame.data]);
    const decoded = await run('ffmpeg', ['-f', 'nut', '-i', 'pipe:0', '-fps_mode', 'passthrough', '-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1'], Buffer.concat([header, ...frames]));
    expect(decoded.length).toBe(30 * 320 * 180);
  });
});
