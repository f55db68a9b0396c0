import { execFile } from 'node:child_process';
import { once } from 'node:events';

import { afterEach, expect, test } from 'vitest';

import { parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { joinAnnexB, lengthPrefixedToAnnexB } from '#core/media/codecs/h264/nal-unit.ts';
import type { Frame } from '#core/media/frame.ts';
import { expectSameCut, lastPts } from './expectations.ts';
import { Harness } from './harness.ts';
import { makeSource } from './source.ts';

const LADDER = [
  { height: 180, bitrate: 300_000 },
  { height: 96, bitrate: 100_000 },
];

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

/** What ffprobe reads of a rung's first group. */
async function probed(frames: readonly Frame[]): Promise<unknown> {
  const { sps, pps } = parseAvcC(frames[0]?.head?.config.description ?? new Uint8Array());
  const args = ['-v', 'error', '-f', 'h264', '-show_entries', 'stream=profile,pix_fmt,color_space', '-of', 'json', 'pipe:0'];
  const answer = Promise.withResolvers<string>();
  const child = execFile('ffprobe', args, (thrown, stdout) => (thrown === null ? answer.resolve(stdout) : answer.reject(thrown)));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(Buffer.concat([joinAnnexB([...sps, ...pps]), ...frames.slice(0, 30).map(({ data }) => lengthPrefixedToAnnexB(data))]));
  await once(child, 'close');
  return (JSON.parse(await answer.promise) as { readonly streams: readonly unknown[] }).streams[0];
}

test.each([
  ['4:4:4', 'yuv444p', 'libx264'],
  ['10 bit', 'yuv420p10le', 'libx264'],
  ['4:4:4', 'rgb24', 'libx264rgb'],
])('a source of %s (%s) is encoded to 8 bit 4:2:0 in every quality', async (words, pixelFormat, codec) => {
  const made = await makeSource({ rate: '30', seconds: 2, x264: ['-c:v', codec, '-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source', pixelFormat });
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(made);
  harness.write(made.frames);
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  const { renditions } = harness.ladders.at(-1)!;
  expect(renditions.map(({ label, mode, faces }) => `${label} ${mode} ${faces.join('+')}`)).toEqual(['180p encoded hls+webrtc', '96p encoded hls+webrtc']);
  expect(renditions[0]?.reason).toContain(`colour format (${words})`);
  for (const { track, config } of harness.encoded) {
    const frames = harness.outputs.get(track) ?? [];
    expectSameCut(made, frames);
    expect(frames[0]?.head?.config.codecString).toBe(config.codecString);
    expect(await probed(frames)).toMatchObject({ profile: 'High', pix_fmt: 'yuv420p' });
    expect(await probed(frames)).not.toMatchObject({ color_space: 'gbr' });
  }
  await expect.poll(() => harness?.health?.warnings.map(({ code }) => code)).toEqual(['source/pixel-format']);
}, 30_000);
