import { afterEach, describe, expect, test } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { gridGroup } from '#core/media/grouping.ts';
import { timescale } from '#core/media/time.ts';
import { trackName, type AudioConfig } from '#core/media/track.ts';
import { expectSameCut, expectTiled, lastPts } from './expectations.ts';
import { Harness, isAlive } from './harness.ts';
import { expectInSync, groupsOf, soundAlone, withSound, type SoundSpec } from './sound.ts';
import { BROADCAST, FIRST_WALL_TIME, groupStarts, makeSource, type MadeSource, type SourceSpec } from './source.ts';

const LADDER = [{ height: 96, bitrate: 100_000 }];
const OPUS = trackName('opus');
const RATE = 48_000;

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

const picture = (facts: Partial<SourceSpec> = {}): SourceSpec => ({ rate: '30', seconds: 5, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source', ...facts });

const cases: readonly { readonly name: string; readonly spec: SourceSpec; readonly sound: SoundSpec }[] = [
  { name: 'AAC 48 kHz, a key frame each second', spec: picture(), sound: { codec: 'aac', rate: 48_000 } },
  { name: 'AAC 44.1 kHz, groups at odd times with B-frames', spec: picture({ rate: '60000/1001', x264: ['-g', '71', '-bf', '2', '-sc_threshold', '0'], startsAt: 955_555 }), sound: { codec: 'aac', rate: 44_100 } },
  { name: 'AAC 22.05 kHz mono on the grid', spec: picture({ rate: '30000/1001', x264: ['-g', '240', '-bf', '0'], grouping: 'grid', startsAt: 990_000 }), sound: { codec: 'aac', rate: 22_050, channels: 1 } },
  { name: 'AAC 5.1', spec: picture(), sound: { codec: 'aac', rate: 48_000, channels: 6 } },
  { name: 'Opus, which becomes AAC', spec: picture({ x264: ['-g', '50', '-bf', '0'] }), sound: { codec: 'opus', rate: 48_000 } },
];

describe('sound is encoded in step with the source, in the groups of its picture', () => {
  test.each(cases)('$name', async ({ spec, sound }) => {
    const video = await makeSource(spec);
    const made = await withSound(video, sound);
    harness = await Harness.start({ ladder: LADDER, webrtcRenditions: 'on' });
    await harness.begin(made);
    harness.write(made.frames);
    harness.announce('interrupted');
    const track = sound.codec === 'aac' ? OPUS : trackName('aac');
    const source = soundOf(made);
    const frames = await harness.gave(track, lastSecond(source) * RATE - 3000);
    const config = audioConfig(frames);
    expect(config).toMatchObject({ codec: sound.codec === 'aac' ? 'opus' : 'aac', sampleRate: RATE, channels: Math.min(2, sound.channels ?? 2) });
    expect(harness.ladders.at(-1)?.renditions.find((rendition) => rendition.track === track)).toMatchObject({ mode: 'encoded', faces: [sound.codec === 'aac' ? 'webrtc' : 'hls'], config });
    expectTiled(frames);
    frames.forEach(({ pts, duration }) => expect([pts % config.frameDuration, duration]).toEqual([0, config.frameDuration]));
    expectGroupsOf(video, frames);
    await expectInSync(source, frames, { source: audioConfig(source), encoded: config });
  });
});

test('sound without a picture lies on the grid of seconds', async () => {
  const made = await soundAlone({ codec: 'aac', rate: 48_000 }, 4);
  harness = await Harness.start({ webrtcRenditions: 'on' });
  await harness.begin(made);
  harness.write(made.frames);
  harness.announce('interrupted');
  const frames = await harness.gave(OPUS, 14 * RATE - 3000);
  expectTiled(frames);
  const { grouping } = made.catalog;
  expect(frames.map(({ group }) => group)).toEqual(frames.map(({ pts }) => (grouping.mode === 'grid' ? gridGroup(grouping, pts, timescale(RATE)) : -1)));
  await expectInSync(made.frames, frames, { source: audioConfig(made.frames), encoded: audioConfig(frames) });
  // Its last sample is there before its process is gone.
  await expect.poll(() => harness?.stage.encoders).toEqual([]);
  harness.announce('ended');
  await expect.poll(() => harness?.stage.capacity.used).toBe(0);
});

test('after every ffmpeg is killed, sound goes on with the next index, to the sample, and so do the rungs of a source with B-frames', async () => {
  const video = await makeSource(picture({ seconds: 6, x264: ['-g', '40', '-bf', '2', '-sc_threshold', '0'] }));
  const made = await withSound(video, { codec: 'aac', rate: 44_100 });
  harness = await Harness.start({ ladder: LADDER, webrtcRenditions: 'on' });
  await harness.begin(made);
  const writing = harness.pace(made.frames, 2);
  await harness.gave(OPUS, 12 * RATE);
  const killed = harness.stage.encoders;
  expect(killed.length).toBe(2);
  killed.forEach((pid) => process.kill(pid, 'SIGKILL'));
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(video) - 9000);
  const source = soundOf(made);
  const frames = await harness.gave(OPUS, lastSecond(source) * RATE - 3000);
  expect(killed.filter(isAlive)).toEqual([]);
  await expect.poll(() => harness?.health?.restarts).toBe(2);
  expectTiled(frames);
  expectGroupsOf(made, frames);
  await expectInSync(source, frames, { source: audioConfig(source), encoded: audioConfig(frames) });
  expect(harness.encoded.map(({ track }) => track)).toEqual(['v180', 'v96']);
  harness.encoded.forEach(({ track }) => expectSameCut(video, harness?.outputs.get(track) ?? []));
});

test('an ffmpeg that is fed with sound and stays silent is ended after 3 s, and what it missed is made up for', async () => {
  const made = await soundAlone({ codec: 'aac', rate: 48_000 }, 7);
  harness = await Harness.start({ webrtcRenditions: 'on' });
  await harness.begin(made);
  const writing = harness.pace(made.frames, 1);
  await harness.gave(OPUS, 11 * RATE);
  const stopped = harness.pid;
  process.kill(stopped, 'SIGSTOP');
  await writing;
  harness.announce('interrupted');
  const frames = await harness.gave(OPUS, 17 * RATE - 3000);
  expect(isAlive(stopped)).toBe(false);
  expectTiled(frames);
  await expectInSync(made.frames, frames, { source: audioConfig(made.frames), encoded: audioConfig(frames) });
});

test('a lost frame becomes silence; a long hole stays open, and sound goes on after it', async () => {
  const made = await soundAlone({ codec: 'aac', rate: 48_000 }, 8);
  const kept = made.frames.filter(({ pts }) => !(pts > 11.2 * RATE && pts < 11.23 * RATE) && !(pts > 13.3 * RATE && pts < 15.8 * RATE));
  harness = await Harness.start({ webrtcRenditions: 'on' });
  await harness.begin(made);
  harness.write(kept);
  harness.announce('interrupted');
  const frames = await harness.gave(OPUS, 18 * RATE - 3000);
  const hole = frames.findIndex((frame, at) => at > 0 && frame.pts > frames[at - 1]!.pts + 960);
  expect([frames[hole - 1]!.pts / RATE, frames[hole]!.pts / RATE]).toEqual([expect.closeTo(13.3, 1), expect.closeTo(15.8, 1)]);
  expectTiled(frames.slice(0, hole));
  const configs = { source: audioConfig(made.frames), encoded: audioConfig(frames) };
  await expectInSync(made.frames.filter(({ pts }) => pts < 13.3 * RATE), frames.slice(0, hole), configs);
  await expectInSync(made.frames.filter(({ pts }) => pts > 15.8 * RATE), frames.slice(hole), configs);
});

describe('what WebRTC needs', () => {
  test('is encoded from the first such viewer to the end of the epoch, and nobody else notices', async () => {
    const video = await makeSource(picture({ seconds: 8, x264: ['-g', '30', '-bf', '2', '-sc_threshold', '0'] }));
    const made = await withSound(video, { codec: 'aac', rate: 48_000 });
    harness = await Harness.start({ ladder: LADDER });
    await harness.begin(made);
    const writing = harness.pace(made.frames, 2);
    await harness.gave(trackName('v96'), video.frames[0]!.pts + 180_000);
    expect(harness.ladders.map(tracksOf)).toEqual([['video', 'v96', 'audio']]);
    harness.bus.putCatalog(BROADCAST, 'audience', { viewers: { hls: 1, webrtc: 1 } });
    harness.bus.putCatalog(BROADCAST, 'audience', { viewers: { hls: 1 } });
    harness.bus.putCatalog(BROADCAST, 'audience', { viewers: { webrtc: 3 } });
    await writing;
    harness.announce('interrupted');
    await harness.reached(lastPts(video) - 9000);
    expect(harness.ladders.map(tracksOf)).toEqual([['video', 'v96', 'audio'], ['video', 'v180', 'v96', 'audio', 'opus']]);
    const [before, after] = harness.ladders.map(({ renditions, partTarget }) => ({ partTarget, hls: renditions.filter(({ faces }) => faces.includes('hls')) }));
    expect(after).toEqual(before);
    expectSameCut(video, harness.outputs.get(trackName('v96')) ?? []);
    const top = harness.outputs.get(trackName('v180')) ?? [];
    expectTiled(top);
    expect([...groupStarts(video)]).toContainEqual([top[0]?.group, top[0]?.pts]);
    const source = soundOf(made);
    const frames = await harness.gave(OPUS, lastSecond(source) * RATE - 3000);
    expectTiled(frames);
    await expectInSync(source, frames, { source: audioConfig(source), encoded: audioConfig(frames) });
  });

  test.each([
    { webrtcRenditions: 'off' as const, tracks: ['video', 'v96', 'audio'] },
    { webrtcRenditions: 'on' as const, tracks: ['video', 'v180', 'v96', 'audio', 'opus'] },
  ])('is decided beforehand where the option is `$webrtcRenditions`', async ({ webrtcRenditions, tracks }) => {
    const made = await withSound(await makeSource(picture({ seconds: 1, x264: ['-g', '30', '-bf', '2'] })), { codec: 'aac', rate: 48_000 });
    harness = await Harness.start({ ladder: LADDER, webrtcRenditions });
    await harness.begin(made);
    harness.bus.putCatalog(BROADCAST, 'audience', { viewers: { webrtc: 1 } });
    expect(harness.ladders.map(tracksOf)).toEqual([tracks]);
  });

  test('is there from the start of an epoch whose viewers were there before', async () => {
    const made = await withSound(await makeSource(picture({ seconds: 1 })), { codec: 'aac', rate: 48_000 });
    harness = await Harness.start({ ladder: LADDER });
    harness.bus.putCatalog(BROADCAST, 'audience', { viewers: { webrtc: 1 } });
    await harness.begin(made);
    expect(harness.ladders.map(tracksOf)).toEqual([['video', 'v96', 'audio', 'opus']]);
  });
});

function soundOf({ frames }: MadeSource): Frame[] {
  return frames.filter(({ track }) => track === trackName('audio'));
}

function lastSecond(frames: readonly Frame[]): number {
  return (frames.at(-1)?.pts ?? 0) / audioConfig(frames).sampleRate;
}

function audioConfig(frames: readonly Frame[]): AudioConfig {
  const config = frames.find(({ head }) => head !== undefined)?.head?.config;
  if (config?.kind !== 'audio') {
    throw new Error('no sound');
  }
  return config;
}

function tracksOf({ renditions }: { readonly renditions: readonly { readonly track: string }[] }): string[] {
  return renditions.map(({ track }) => track);
}

/** ADR 0001, rule 3: audio group n is the audio with pts in [start n, start n+1); each group's head has its wall time. */
function expectGroupsOf(made: MadeSource, frames: readonly Frame[]): void {
  const groupOf = groupsOf(made);
  frames.forEach(({ group, pts }) => expect({ pts, group }).toEqual({ pts, group: groupOf(pts / RATE) }));
  frames.filter(({ head }) => head !== undefined).forEach(({ head, pts }) => expect(head?.wallTime).toBeCloseTo(FIRST_WALL_TIME + pts / 48, 1));
  expect(new Set(frames.map(({ group }) => group)).size).toBeGreaterThan(2);
}
