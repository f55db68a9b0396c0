import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input, type InputTrack } from 'mediabunny';
import { createFile, MP4BoxBuffer, type Sample } from 'mp4box';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trackName } from '#core/media/track.ts';
import { opusFrames } from './opus.ts';
import { fileOf, packageFrames, packageVector, type PackagedTrack } from './packaged.ts';

const run = promisify(execFile);
const opus = packageFrames('opus', trackName('opus'), opusFrames());
const tracks = [...packageVector('source-30'), ...packageVector('source-29.97'), opus];

describe('what the packager writes, read by mp4box', () => {
  it.each(tracks)('has every frame in its place: $name', (packaged) => {
    const file = createFile(true);
    const samples: Sample[] = [];
    const complaints: string[] = [];
    file.onError = (module, message) => complaints.push(`${module}: ${message}`);
    file.onSamples = (_id, _user, batch) => samples.push(...batch);
    file.onReady = (info) => {
      expect(info.isFragmented).toBe(true);
      expect(info.brands).toEqual(['cmf2', 'iso6', 'cmfc', 'cmf2']);
      const [track, ...others] = info.tracks;
      expect(others).toEqual([]);
      // mp4box names Opus after its box.
      expect(track?.codec.toLowerCase()).toBe(packaged.config.codecString);
      expect(track?.timescale).toBe(packaged.config.timescale);
      if (packaged.config.kind === 'video') {
        expect(track?.video).toEqual({ width: packaged.config.width, height: packaged.config.height });
      } else {
        expect(track?.audio).toMatchObject({ sample_rate: packaged.config.sampleRate, channel_count: packaged.config.channels });
      }
      file.setExtractionOptions(track?.id ?? 0, undefined, { nbSamples: 1 });
      file.start();
    };
    // As a player gets it: piece by piece.
    let at = 0;
    for (const piece of [packaged.init, ...packaged.parts.map((part) => part.bytes)]) {
      file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(Uint8Array.from(piece).buffer, at));
      at += piece.length;
    }
    file.flush();
    expect(complaints).toEqual([]);
    expect(samples.map(({ dts, cts, duration, is_sync, data }) => ({ dts, pts: cts, duration, key: is_sync, data: Buffer.from(data as Uint8Array) }))).toEqual(
      packaged.frames.map(({ dts, pts, duration, key, data }) => ({ dts, pts, duration, key, data: Buffer.from(data) })),
    );
    const sequences = file.moofs.map((moof) => moof.mfhd.sequence_number);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
  });

  it.each(tracks)('tells the wall time at each segment: $name', (packaged) => {
    const file = createFile(true);
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(fileOf(packaged).buffer, 0));
    file.flush();
    const prfts = file.boxes.filter((box) => box.type === 'prft') as unknown as { ntp_timestamp: number; media_time: number; flags: number }[];
    const heads = packaged.frames.filter((frame) => frame.head !== undefined);
    expect(prfts.map((prft) => prft.media_time)).toEqual(heads.map((frame) => frame.pts));
    expect(prfts.every((prft) => prft.flags === 24)).toBe(true);
  });
});

// It reckons durations of its own for reordered pictures: mp4box, above, judges ours.
describe('what the packager writes, read by mediabunny', () => {
  it.each(tracks)('has every frame in its place: $name', async (packaged) => {
    using input = new Input({ formats: ALL_FORMATS, source: new BufferSource(fileOf(packaged)) });
    const [track, ...others] = await input.getTracks();
    expect(others).toEqual([]);
    expect(await (track as InputTrack).getCodecParameterString()).toBe(packaged.config.codecString);
    const packets = [];
    for await (const packet of new EncodedPacketSink(track as InputTrack).packets()) {
      packets.push({
        pts: Math.round(packet.timestamp * packaged.config.timescale),
        key: packet.type === 'key',
        data: Buffer.from(packet.data),
      });
    }
    expect(packets).toEqual(packaged.frames.map(({ pts, key, data }) => ({ pts, key, data: Buffer.from(data) })));
  });
});

describe('what the packager writes, read by ffmpeg', () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-judges-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  async function fileFor(packaged: PackagedTrack, from = 0): Promise<string> {
    const path = join(folder, `${packaged.name.replace(' ', '-')}-${from}.mp4`);
    await writeFile(path, fileOf(packaged, packaged.segments.slice(from).flatMap((segment) => segment.parts)));
    return path;
  }

  it.each(tracks)('has every packet at its pts and dts: $name', async (packaged) => {
    const { stdout, stderr } = await run('ffprobe', ['-v', 'warning', '-show_entries', 'packet=pts,dts,size,flags:stream=time_base', '-of', 'json', await fileFor(packaged)]);
    expect(stderr).toBe('');
    const { packets, streams } = JSON.parse(stdout) as {
      packets: { pts: number; dts: number; size: string; flags: string }[];
      streams: { time_base: string }[];
    };
    expect(streams).toEqual([{ time_base: `1/${packaged.config.timescale}` }]);
    expect(packets.map(({ pts, dts, size, flags }) => ({ pts, dts, size: Number(size), key: flags.startsWith('K') }))).toEqual(
      packaged.frames.map(({ pts, dts, key, data }) => ({ pts, dts, size: data.length, key })),
    );
  });

  it.each(tracks)('decodes without an error, from the first segment and from one in the middle: $name', async (packaged) => {
    for (const from of [0, 2]) {
      const { stdout, stderr } = await run('ffmpeg', ['-v', 'warning', '-xerror', '-err_detect', 'explode', '-i', await fileFor(packaged, from), '-f', 'framecrc', '-']);
      expect(stderr).toBe('');
      const shown = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      expect(shown).toHaveLength(packaged.frames.filter((frame) => frame.group >= (packaged.segments[from]?.group ?? Infinity)).length);
    }
  });
});
