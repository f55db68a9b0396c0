import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { cardArguments, prepareCard } from './card.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-card-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the card into a file for half a second, and asks ffprobe what it is. */
function probe(font: string | undefined): { streams: Record<string, unknown>[] } {
  const file = join(folder, 'card.flv');
  const args = [...cardArguments(file, font)];
  execFileSync('ffmpeg', [...args.slice(0, -1), '-t', '1.1', file]);
  return JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', file], { encoding: 'utf8' })) as { streams: Record<string, unknown>[] };
}

describe('the test card', () => {
  test.each([['/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf'], [undefined]])('is H.264 and AAC that ffmpeg makes, with font %s', (font) => {
    const [video, audio] = probe(font).streams;
    expect(video).toMatchObject({ codec_name: 'h264', width: 640, height: 360, r_frame_rate: '30/1', has_b_frames: 0 });
    expect(audio).toMatchObject({ codec_name: 'aac', sample_rate: '48000', channels: 2 });
  });

  test('tells why it ended', async () => {
    const start = await prepareCard('ffmpeg');
    expect(await start('rtmp://127.0.0.1:1/live/demo_x').exited).toMatch(/refused/i);
  });

  test('of a program that is not there ends with the reason', async () => {
    const start = await prepareCard('/nowhere/ffmpeg');
    expect(await start('rtmp://127.0.0.1:1/live/demo_x').exited).toMatch(/ENOENT/);
  });
});
