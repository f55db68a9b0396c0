import { afterEach, describe, expect, test } from 'vitest';

import type { MetadataAnswer } from '#core/bus/metadata.ts';
import { readChunks } from '#core/media/containers/fmp4/read-chunks.ts';
import type { TrackName } from '#core/media/track.ts';
import { NO_DIRECTIVES } from '#edge/llhls/directives.ts';
import type { Rendition } from '#edge/llhls/rendition.ts';
import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';
import type { MediaPlaylist } from '#test/support/m3u8/playlist.ts';
import { startPublisher, type PublisherOptions } from '#test/support/publisher.ts';
import { until } from '#test/support/until.ts';
import { Pipeline } from './pipeline.ts';

const LADDER = [{ height: 180, bitrate: 250_000 }, { height: 96, bitrate: 100_000 }];
const PATIENCE = { deadline: 30_000 };

let pipeline: Pipeline | undefined;

afterEach(async () => {
  await pipeline?.close();
  pipeline = undefined;
});

/** Waits until messages can be sent and every rendition gives frames of an epoch. */
async function onAir(it: Pipeline, epoch: number): Promise<void> {
  await until(`epoch ${epoch} in every rendition`, () => {
    const tracks = it.ladder?.epoch === epoch ? it.ladder.renditions.map(({ track }) => track) : [];
    return tracks.length > 0 && tracks.every((track) => it.frames.get(track)?.at(-1)?.epoch === epoch);
  }, PATIENCE);
}

function playlistOf(rendition: Rendition): MediaPlaylist {
  const found = rendition.playlist(NO_DIRECTIVES);
  return parseMediaPlaylist(typeof found === 'string' ? '' : found.bytes.toString());
}

/** The chunks of a rendition's group that say a message, and the pts of their samples. */
function partsWith(rendition: Rendition, group: number, id: string): { readonly part: number; readonly time: number; readonly content: unknown; readonly pts: readonly number[] }[] {
  const parts = rendition.window.segmentOf(group)?.parts ?? [];
  return parts.flatMap(({ media }, part) =>
    readChunks(media?.bytes ?? new Uint8Array(0)).flatMap(({ messages, samples }) =>
      messages
        .filter((message) => message.id === Number.parseInt(id.slice(0, 8), 16) && message.schemeIdUri === 'urn:millrace:event:2026')
        .map(({ presentationTime, timescale, data }) => ({ part, time: presentationTime / timescale, content: JSON.parse(new TextDecoder().decode(data)) as unknown, pts: samples.map(({ pts }) => pts) })),
    ),
  );
}

function ofKind(it: Pipeline, kind: 'video' | 'audio'): TrackName[] {
  return it.ladder?.renditions.filter(({ config }) => config.kind === kind).map(({ track }) => track) ?? [];
}

/** A message is in every rendition of the picture (of the sound, where there is none): once, in the part of the frame that is shown at its time; and in every playlist. */
async function expectEverywhere(it: Pipeline, answer: MetadataAnswer, data: unknown, kind: 'video' | 'audio' = 'video'): Promise<void> {
  const { id, type, time, wallTime } = answer;
  const carrying = ofKind(it, kind);
  await until(`message ${JSON.stringify(data)} in every rendition`, () => it.carriers(id).size === carrying.length, PATIENCE);
  expect([...it.carriers(id).keys()].sort()).toEqual([...carrying].sort());
  for (const [track, frame] of it.carriers(id)) {
    const timescale = frame.track === 'audio' ? 48_000 : 90_000;
    expect(time).toBeGreaterThanOrEqual(frame.pts / timescale - 1e-6);
    expect(time).toBeLessThan((frame.pts + frame.duration) / timescale);
    const rendition = it.window.renditions.get(track);
    if (rendition === undefined) {
      // Of WebRTC alone.
      continue;
    }
    const [found] = await until(`the part with message ${JSON.stringify(data)} of ${track}`, () => {
      const parts = partsWith(rendition, frame.group, id);
      return parts.length > 0 ? parts : undefined;
    }, PATIENCE);
    expect(partsWith(rendition, frame.group, id)).toHaveLength(1);
    expect(found?.content).toEqual({ id, type, data });
    expect(found?.pts).toContain(frame.pts);
    expect(found?.time).toBeCloseTo(time, 4);
  }
  for (const rendition of it.window.renditions.values()) {
    const tags = playlistOf(rendition).dateRanges.filter((tag) => tag.id === id);
    expect(tags).toMatchObject([{ class: 'urn:millrace:event:2026', duration: 0, own: { 'X-TIME': time.toFixed(6), 'X-TYPE': type, 'X-DATA': Buffer.from(JSON.stringify(data)).toString('base64url') } }]);
    expect(Math.abs((tags[0]?.startDate ?? 0) - Date.parse(wallTime))).toBeLessThanOrEqual(1);
  }
}

/** What a player makes of a date range: its distance from the date of the segment that has it is that of the frame. */
function expectPlayersFindTheFrame(it: Pipeline, { id, time }: MetadataAnswer): void {
  for (const [track, frame] of it.carriers(id)) {
    const rendition = it.window.renditions.get(track);
    const playlist = rendition === undefined ? undefined : playlistOf(rendition);
    const segment = playlist?.segments.find(({ msn }) => msn === frame.group);
    const timing = rendition?.window.segmentOf(frame.group)?.timing;
    const startDate = playlist?.dateRanges.find((tag) => tag.id === id)?.startDate;
    if (segment?.programDateTime !== undefined && timing !== undefined && startDate !== undefined) {
      expect((startDate - segment.programDateTime) / 1000).toBeCloseTo(time - timing.pts / timing.timescale, 2);
    }
  }
}

const sources: readonly (readonly [what: string, source: Omit<PublisherOptions, 'url'>, kind: 'video' | 'audio', hls: Record<string, string>])[] = [
  ['passed through with B-frames, encoded beside that', { size: '320x240', bFrames: 2, gop: 30 }, 'video', { video: 'passthrough', v180: 'encoded', v96: 'encoded' }],
  ['key frames too far apart, so that all of HLS is encoded', { size: '320x240', gop: 240, frameRate: '30000/1001' }, 'video', { v180: 'encoded', v96: 'encoded' }],
  ['sound alone', { media: 'audio' }, 'audio', { audio: 'passthrough' }],
];

describe.each(sources)('a source that is %s', (_what, source, kind, hls) => {
  test('has each message once in every rendition on the frame that was next, and in every playlist', async () => {
    const it = (pipeline = await Pipeline.start(LADDER));
    await using publisher = startPublisher({ url: it.publishUrl, ...source });
    await onAir(it, 0);
    const offered = it.ladder?.renditions.filter(({ faces, config }) => faces.includes('hls') && config.kind === kind) ?? [];
    expect(Object.fromEntries(offered.map(({ track, mode }) => [track, mode])), publisher.log()).toEqual(hls);
    const sent: { readonly answer: MetadataAnswer; readonly data: unknown }[] = [];
    for (let n = 0; n < 6; n++) {
      const before = Date.now();
      const data = { n, text: '¿Qué? "…"' };
      const answer = await it.send(data);
      sent.push({ answer, data });
      // It left the camera about when it was sent: no second before, and not after the frame was here.
      expect(Date.parse(answer.wallTime)).toBeGreaterThan(before - 1000);
      expect(Date.parse(answer.wallTime)).toBeLessThan(Date.now() + 50);
      await new Promise((resolve) => setTimeout(resolve, 130 + n * 40));
    }
    for (const { answer, data } of sent) {
      await expectEverywhere(it, answer, data, kind);
      expectPlayersFindTheFrame(it, answer);
    }
    expect(sent.map(({ answer }) => answer.time)).toEqual(sent.map(({ answer }) => answer.time).sort((a, b) => a - b));
  }, 90_000);
});

test('a publisher that drops and returns: messages of both epochs stand in the playlists, and none is taken in between', async () => {
  const it = (pipeline = await Pipeline.start(LADDER.slice(0, 1)));
  const options = { url: it.publishUrl, size: '320x240', gop: 30 } as const;
  const first = startPublisher(options);
  await onAir(it, 0);
  const before = await it.send(1);
  await expectEverywhere(it, before, 1);
  await first.kill();
  await until('the broadcast to be interrupted', () => it.info?.state === 'interrupted');
  await expect(it.send(2)).rejects.toMatchObject({ code: 'metadata/offline' });
  await using second = startPublisher(options);
  await onAir(it, 1);
  const after = await it.send(3);
  await expectEverywhere(it, after, 3);
  await expectEverywhere(it, before, 1);
  expect(after.broadcast).toBe(before.broadcast);
  expect(it.carriers(after.id).values().next().value?.epoch, second.log()).toBe(1);
  expectPlayersFindTheFrame(it, before);
  expectPlayersFindTheFrame(it, after);
}, 90_000);
