import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input, type InputTrack } from 'mediabunny';
import { createFile, MP4BoxBuffer, type Sample } from 'mp4box';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '#core/media/frame.ts';
import { rescale, VIDEO_TIMESCALE } from '#core/media/time.ts';
import { eventNumber, eventText, type TimedEvent } from '#core/media/timed-event.ts';
import { trackName } from '#core/media/track.ts';
import { loadTracks } from '#test/vectors/load.ts';
import { opusFrames } from './opus.ts';
import { fileOf, packageFrames, packageVector, type PackagedTrack } from './packaged.ts';

const run = promisify(execFile);
const opus = packageFrames('opus', trackName('opus'), opusFrames());
const withMessages = ['video', 'audio'].map((name) => {
  const frames = loadTracks('source-29.97').get(trackName(name)) ?? [];
  return packageFrames(`source-29.97 ${name} with messages`, trackName(name), frames.map(told));
});
const tracks = [...packageVector('source-30'), ...packageVector('source-29.97'), opus, ...withMessages];

/** An `emsg` as mp4box reads it. */
type ReadEmsg = {
  readonly type: string;
  readonly version: number;
  readonly scheme_id_uri: string;
  readonly value: string;
  readonly timescale: number;
  readonly presentation_time: number;
  readonly event_duration: number;
  readonly id: number;
  readonly message_data: Uint8Array;
};

/** A message on every eleventh frame, two on every 22nd. */
function told(frame: Frame, at: number, frames: readonly Frame[]): Frame {
  const pts = rescale(frame.pts, frames[0]?.head?.config.timescale ?? VIDEO_TIMESCALE, VIDEO_TIMESCALE);
  const message = (n: number): TimedEvent => ({ id: n.toString(16).padStart(8, '0').padEnd(32, '0'), type: `kind-${n}`, pts, data: JSON.stringify({ n, text: '¿Qué?' }) });
  const events = [message(2 * at), ...(at % 22 === 0 ? [message(2 * at + 1)] : [])];
  return at % 11 === 0 ? { ...frame, events } : frame;
}

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

  it.each(withMessages)('has each message before the chunk of its frame: $name', (packaged) => {
    const file = createFile(true);
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(fileOf(packaged).buffer, 0));
    file.flush();
    const { timescale } = packaged.config;
    const always = { version: 1, timescale, event_duration: 0, scheme_id_uri: 'urn:millrace:event:2026' };
    const expected = packaged.parts.flatMap((part, chunk) => (part.events ?? []).map((event) => ({ ...always, chunk, value: '', pts: event.pts, id: eventNumber(event), data: eventText(event) })));
    expect(expected.length).toBeGreaterThan(30);
    const boxes = file.boxes as unknown as readonly ReadEmsg[];
    const read = boxes.flatMap((box, at) => {
      const { version, event_duration, scheme_id_uri, value, id, message_data } = box;
      const chunk = boxes.slice(0, at).filter(({ type }) => type === 'moof').length;
      const pts = Math.round((box.presentation_time * VIDEO_TIMESCALE) / timescale);
      const data = (): string => new TextDecoder().decode(Uint8Array.from(message_data));
      return box.type === 'emsg' ? [{ version, timescale: box.timescale, event_duration, scheme_id_uri, chunk, value, pts, id, data: data() }] : [];
    });
    expect(read).toEqual(expected);
    const frames = packaged.frames.filter((frame) => frame.events !== undefined);
    expect(expected.map(({ pts }) => pts)).toEqual(frames.flatMap((frame) => frame.events?.map(({ pts }) => pts) ?? []));
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
