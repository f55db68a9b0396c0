import { describe, expect, test } from 'vitest';

import type { Grouping } from '#core/media/grouping.ts';
import { millis } from '#core/media/time.ts';
import { trackName, type AudioConfig, type VideoConfig } from '#core/media/track.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import { audioTrack, sourceCatalog, videoTrack, type VideoFacts } from '../testing/sources.ts';
import { inWords, planLadder, type Plan, type PlanInput } from './plan.ts';

const PLENTY = 1000;
const GRID: Grouping = { mode: 'grid', firstGroup: 1_700_000_000, firstSecond: 0 };

function planOf(facts: VideoFacts, more: Partial<PlanInput> & { readonly grouping?: Grouping } = {}): Plan {
  const { grouping, ...input } = more;
  return planLadder({ source: sourceCatalog([videoTrack(facts), audioTrack()], grouping), ladder: 'auto', budget: PLENTY, ...input });
}

/** One line per rendition: track, size, rate, mode and faces. */
function lines(plan: Plan): string[] {
  return plan.renditions.map(({ track, label, config, mode, faces }) => {
    const size = config.kind === 'video' ? `${config.width}x${config.height}` : config.codec;
    return `${track} ${label} ${size} ${mode} ${faces.join('+')}`;
  });
}

describe('the default ladder', () => {
  const cases: readonly { readonly name: string; readonly facts: VideoFacts; readonly grouping?: Grouping; readonly expected: readonly string[] }[] = [
    {
      name: 'passes 1080p30 through and encodes what is below',
      facts: {},
      expected: ['video 1080p 1920x1080 passthrough hls+webrtc', 'v720 720p 1280x720 encoded hls+webrtc', 'v480 480p 854x480 encoded hls+webrtc', 'v360 360p 640x360 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    {
      name: 'keeps 60 fps for the top two only',
      facts: { width: 1280, height: 720, frameRate: 60 },
      expected: ['video 720p60 1280x720 passthrough hls+webrtc', 'v480 480p60 854x480 encoded hls+webrtc', 'v360 360p 640x360 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    {
      name: 'keeps B-frames from WebRTC',
      facts: { width: 640, height: 360, bFrames: true },
      expected: ['video 360p 640x360 passthrough hls', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    {
      name: 'encodes the top where key frames are too far apart, and passes it to WebRTC',
      facts: { width: 1280, height: 720 },
      grouping: GRID,
      expected: ['video 720p 1280x720 passthrough webrtc', 'v720 720p 1280x720 encoded hls', 'v480 480p 854x480 encoded hls+webrtc', 'v360 360p 640x360 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    {
      name: 'makes a varying rate constant',
      facts: { width: 640, height: 360, frameRate: 23.4, variable: true, bFrames: true },
      grouping: GRID,
      expected: ['v360 360p 640x360 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    {
      name: 'encodes the top where few players decode the colour format',
      facts: { width: 640, height: 360, codecString: 'avc1.f4001f' },
      expected: ['v360 360p 640x360 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    {
      name: 'encodes the top of such a format in one size only, even where WebRTC could have the source but for that',
      facts: { width: 640, height: 360, codecString: 'avc1.6e001f' },
      grouping: GRID,
      expected: ['v360 360p 640x360 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    {
      name: 'names portrait rungs after the shorter side',
      facts: { width: 720, height: 1280 },
      expected: ['video 720p 720x1280 passthrough hls+webrtc', 'v480 480p 480x854 encoded hls+webrtc', 'v360 360p 360x640 encoded hls+webrtc', 'v240 240p 240x426 encoded hls+webrtc'],
    },
    {
      name: 'gives a size between two rungs a top rung of its own',
      facts: { width: 1600, height: 900, bFrames: true },
      grouping: GRID,
      expected: ['v900 900p 1600x900 encoded hls+webrtc', 'v720 720p 1280x720 encoded hls+webrtc', 'v480 480p 854x480 encoded hls+webrtc', 'v360 360p 640x360 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    {
      name: 'encodes nothing above 1080p',
      facts: { width: 3840, height: 2160, bFrames: true },
      grouping: GRID,
      expected: ['v1080 1080p 1920x1080 encoded hls+webrtc', 'v720 720p 1280x720 encoded hls+webrtc', 'v480 480p 854x480 encoded hls+webrtc', 'v360 360p 640x360 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc'],
    },
    { name: 'leaves a source below its smallest rung alone', facts: { width: 320, height: 180 }, expected: ['video 180p 320x180 passthrough hls+webrtc'] },
    {
      name: 'encodes even a tiny source that cannot be passed through, in even sizes',
      facts: { width: 321, height: 181, bFrames: true },
      grouping: GRID,
      expected: ['v180 180p 320x180 encoded hls+webrtc'],
    },
  ];
  test.each(cases)('$name', ({ facts, grouping, expected }) => {
    const plan = planOf(facts, grouping === undefined ? {} : { grouping });
    expect(lines(plan)).toEqual([...expected, 'audio Audio aac passthrough hls']);
  });

  test('every rendition and every rung left out says why', () => {
    const plan = planOf({ width: 1280, height: 720, bFrames: true }, { budget: 0 });
    [...plan.renditions, ...plan.omitted].forEach(({ reason }) => expect(reason).toMatch(/^[A-Z].*\.$/));
    expect(plan.omitted.map(({ label, reason }) => `${label}: ${reason}`)).toEqual([
      '1080p: The source is smaller: 1280x720.',
      '720p: The source itself is passed through at about this size.',
      '240p: Too much for this machine beside what it already encodes: it needs 3 megapixels a second, 0 are left.',
      '480p: Too much for this machine beside what it already encodes: it needs 12 megapixels a second, 0 are left.',
      '360p: Too much for this machine beside what it already encodes: it needs 7 megapixels a second, 0 are left.',
    ]);
  });
});

describe('the budget', () => {
  test('goes to the smallest rung first, then from the best down', () => {
    // 1080p30 costs 19 to decode; 240p 3, 720p 28, 480p 12, 360p 7.
    expect(lines(planOf({}, { budget: 52 })).filter((line) => line.includes('encoded'))).toEqual(['v720 720p 1280x720 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc']);
    expect(planOf({}, { budget: 52 }).cost).toBeLessThan(52);
  });

  test('leaves one rung where nothing is passed through', () => {
    const plan = planOf({ variable: true, bFrames: true }, { budget: 0, grouping: GRID });
    expect(lines(plan)).toEqual(['v240 240p 426x240 encoded hls+webrtc', 'audio Audio aac passthrough hls']);
  });

  test('does not bind a ladder that is configured', () => {
    const plan = planOf({}, { budget: 0, ladder: [{ height: 720, bitrate: '3M' }] });
    expect(plan.renditions[1]).toMatchObject({ track: 'v720', averageBandwidth: 3_000_000 });
  });
});

describe('configured ladders', () => {
  test('`source` passes everything through and encodes nothing', () => {
    const plan = planOf({ bFrames: true, variable: true }, { ladder: 'source', grouping: GRID });
    expect(lines(plan)).toEqual(['video 1080p 1920x1080 passthrough hls', 'audio Audio aac passthrough hls']);
    expect(plan).toMatchObject({ cost: 0 });
    expect(plan.encode).toBeUndefined();
    expect(plan.renditions[0]?.reason).toBe('Passed through because the ladder is set to "source".');
  });

  test('rungs are sorted, made even and never above the source', () => {
    const ladder: LadderSetting = [{ height: 241, bitrate: '400k' }, { height: 2160, bitrate: 9_000_000 }, { height: 540, bitrate: '1.5M' }];
    const plan = planOf({}, { ladder });
    expect(lines(plan).slice(1, 3)).toEqual(['v540 540p 960x540 encoded hls+webrtc', 'v240 240p 426x240 encoded hls+webrtc']);
    expect(plan.omitted).toEqual([{ label: '2160p', reason: 'The source is smaller: 1920x1080.' }]);
  });
});

test('a colour format that few players decode is named where the source is encoded, and goes to HLS alone where the ladder asks for it', () => {
  const facts: VideoFacts = { width: 640, height: 360, codecString: 'avc1.f4001f' };
  const plan = planOf(facts);
  expect(plan.rareColourFormat).toBe('High 4:4:4 Predictive profile');
  expect(plan.renditions[0]?.reason).toBe("Encoded because the source's colour format (High 4:4:4 Predictive profile) plays in few browsers; 8 bit 4:2:0 (NV12, yuv420p) would be passed through.");
  expect(plan.omitted).toContainEqual({ label: '360p as sent', reason: plan.renditions[0]?.reason });
  const asked = planOf(facts, { ladder: 'source' });
  expect(lines(asked)[0]).toBe('video 360p 640x360 passthrough hls');
  expect(asked.rareColourFormat).toBe(plan.rareColourFormat);
  expect(planOf({}).rareColourFormat).toBeUndefined();
});

test('the log tells what a plan needs by a name that nobody takes for the speed of the machine', () => {
  expect(inWords(planOf({ width: 640, height: 360 }))).toMatchObject({ renditions: ['360p passthrough (hls, webrtc)', '240p encoded (hls, webrtc)', 'Audio passthrough (hls)'], needsMegapixelsPerSecond: 5 });
});

test('a shed rung is left out, said so, and still counts for the part target', () => {
  const full = planOf({ width: 1280, height: 720, frameRate: 25 });
  const plan = planOf({ width: 1280, height: 720, frameRate: 25 }, { shed: full.encode!.rungs.map(({ track }) => track) });
  expect(lines(plan)).toEqual(['video 720p 1280x720 passthrough hls+webrtc', 'audio Audio aac passthrough hls']);
  expect(plan.partTarget).toBe(full.partTarget);
  expect(plan.omitted.map(({ label }) => label)).toEqual(expect.arrayContaining(['480p', '360p', '240p']));
  expect(plan.shed).toEqual(['480p', '360p', '240p']);
  expect(plan.cost).toBe(0);
});

describe('an epoch that another transcoder began', () => {
  const facts = { width: 1280, height: 720, frameRate: 25 };
  const tracks = (plan: Plan): string[] => plan.renditions.map(({ track }) => track);

  test('gets the same ladder from equal inputs', () => {
    const inherited = planOf(facts);
    expect(planOf(facts, { inherited })).toEqual(inherited);
  });

  test('keeps its part target and gets no rung that it did not have, however much room there is', () => {
    const inherited = { ...planOf(facts, { budget: 20 }), partTarget: millis(201) };
    const plan = planOf(facts, { inherited });
    expect(tracks(plan)).toEqual(tracks(planOf(facts, { budget: 20 })));
    expect(tracks(plan).length).toBeLessThan(tracks(planOf(facts)).length);
    expect(plan.partTarget).toBe(201);
    expect(plan.omitted).toEqual(inherited.omitted);
  });

  test('loses rungs for which this machine has no room', () => {
    const plan = planOf(facts, { inherited: planOf(facts), budget: 0 });
    expect(tracks(plan)).toEqual(['video', 'audio']);
    expect(plan.omitted.map(({ label }) => label)).toEqual(expect.arrayContaining(['480p', '360p', '240p']));
  });

  test('gets back what the other had shed', () => {
    const inherited = planOf(facts, { shed: [trackName('v480')] });
    expect(tracks(inherited)).not.toContain('v480');
    expect(tracks(planOf(facts, { inherited }))).toEqual(tracks(planOf(facts)));
  });

  test('gets what only WebRTC viewers need when they come', () => {
    const inherited = planOf({ ...facts, bFrames: true });
    const plan = planOf({ ...facts, bFrames: true }, { inherited, forWebrtc: { video: true, audio: true } });
    expect(tracks(plan)).toEqual(['video', 'v720', 'v480', 'v360', 'v240', 'audio', 'opus']);
  });

  test('of sound alone keeps its part target too', () => {
    const source = sourceCatalog([audioTrack()], GRID);
    const inherited = { ...planLadder({ source, ladder: 'auto', budget: PLENTY }), partTarget: millis(222) };
    expect(planLadder({ source, ladder: 'auto', budget: PLENTY, inherited }).partTarget).toBe(222);
  });
});

test('for WebRTC viewers a top rung without B-frames and Opus are added when asked for', () => {
  const plan = planOf({ width: 640, height: 360, bFrames: true }, { forWebrtc: { video: true, audio: true } });
  expect(lines(plan)).toEqual([
    'video 360p 640x360 passthrough hls',
    'v360 360p 640x360 encoded webrtc',
    'v240 240p 426x240 encoded hls+webrtc',
    'audio Audio aac passthrough hls',
    'opus Audio opus encoded webrtc',
  ]);
});

test('what only WebRTC needs takes no rung from anybody, whatever the budget', () => {
  const hls = (plan: Plan): string[] => plan.renditions.filter(({ faces }) => faces.includes('hls')).map(({ track }) => track);
  for (let budget = 10; budget < 300; budget += 10) {
    const [without, withIt] = [false, true].map((video) => planOf({ bFrames: true }, { budget, forWebrtc: { video, audio: video } }));
    expect(hls(withIt!)).toEqual(hls(without!));
    expect(withIt!.partTarget).toBe(without!.partTarget);
  }
});

test('Opus goes through to WebRTC and becomes AAC for HLS; the ladder `source` passes it through to both', () => {
  const track = audioTrack();
  const opus = { ...track, config: { ...track.config, codec: 'opus', codecString: 'opus', frameDuration: 960 } as AudioConfig };
  const plan = (ladder: LadderSetting): Plan => planLadder({ source: sourceCatalog([opus], GRID), ladder, budget: PLENTY, forWebrtc: { video: true, audio: true } });
  expect(lines(plan('auto'))).toEqual(['aac Audio aac encoded hls', 'audio Audio opus passthrough webrtc']);
  expect(plan('auto').audio?.config).toMatchObject({ codecString: 'mp4a.40.2', sampleRate: 48_000, frameDuration: 1024, description: Uint8Array.of(0x11, 0x90) });
  expect(lines(plan('source'))).toEqual(['audio Audio opus passthrough hls+webrtc']);
  expect(plan('source').audio).toBeUndefined();
});

test('Opus is described by a `dOps` whose pre-skip is 0', () => {
  const { config } = planOf({}, { forWebrtc: { video: false, audio: true } }).audio ?? {};
  expect(config).toMatchObject({ codecString: 'opus', sampleRate: 48_000, timescale: 48_000, frameDuration: 960 });
  expect(config?.description.toHex()).toBe('0002' + '0000' + '0000bb80' + '0000' + '00');
});

test('audio alone is passed through', () => {
  const plan = planLadder({ source: sourceCatalog([audioTrack()], GRID), ladder: 'auto', budget: PLENTY });
  expect(lines(plan)).toEqual(['audio Audio aac passthrough hls']);
  expect(plan.encode).toBeUndefined();
});

test('a quiet source is still declared above its own copies', () => {
  const [passed, below] = planOf({ width: 640, height: 360, bitrate: 90_000 }).renditions;
  expect(passed?.bandwidth).toBeGreaterThan(below?.bandwidth ?? Infinity);
  expect(passed?.averageBandwidth).toBe(90_000);
});

test('codec strings are predicted with the level that size, rate and bit rate need', () => {
  const levels = (facts: VideoFacts): (string | undefined)[] => planOf(facts, { grouping: GRID }).renditions.filter(({ mode }) => mode === 'encoded').map(({ config }) => config.codecString);
  expect(levels({ bFrames: true })).toEqual(['avc1.640028', 'avc1.64001f', 'avc1.64001f', 'avc1.64001e', 'avc1.64001e']);
  expect(levels({ bFrames: true, frameRate: 60 })).toEqual(['avc1.64002a', 'avc1.640020', 'avc1.64001f', 'avc1.64001e', 'avc1.64001e']);
});

test('exact frame durations are kept, and doubled where the rate is halved', () => {
  const durations = planOf({ frameRate: 60_000 / 1001 }).renditions.map(({ config }) => config.frameDuration);
  expect(durations).toEqual([1501.5, 1501.5, 3003, 3003, 3003, 1024]);
});

describe('a publisher over WebRTC', () => {
  const whip = (codec: VideoConfig['codec'], layers: readonly number[] = []): Plan => {
    const [best, ...lower] = [720, ...layers].map((height, at) => {
      const track = videoTrack({ width: (height * 16) / 9, height, variable: true, bitrate: 2_000_000 / (at + 1) });
      const config = { ...(track.config as VideoConfig), codec, codecString: codec === 'h264' ? 'avc1.42e01f' : codec, description: new Uint8Array() };
      return { ...track, name: trackName(at === 0 ? 'video' : `video-${at}`), config };
    });
    return planLadder({ source: { ...sourceCatalog([best!, ...lower, audioTrack()], GRID), protocol: 'whip' }, ladder: 'auto', budget: PLENTY });
  };

  test.each(['vp8', 'vp9', 'av1'] as const)('in %s is passed through to the browsers that play it; everybody else gets H.264', (codec) => {
    expect(lines(whip(codec))).toEqual([
      'video 720p 1280x720 passthrough webrtc',
      'v720 720p 1280x720 encoded hls+webrtc',
      'v480 480p 854x480 encoded hls+webrtc',
      'v360 360p 640x360 encoded hls+webrtc',
      'v240 240p 426x240 encoded hls+webrtc',
      'audio Audio aac passthrough hls',
    ]);
  });

  test('with simulcast: its layers are rungs of WebRTC, and only what is missing is encoded for it', () => {
    expect(lines(whip('h264', [360]))).toEqual([
      'video 720p 1280x720 passthrough webrtc',
      'v720 720p 1280x720 encoded hls',
      'v480 480p 854x480 encoded hls+webrtc',
      'video-1 360p 640x360 passthrough webrtc',
      'v360 360p 640x360 encoded hls',
      'v240 240p 426x240 encoded hls+webrtc',
      'audio Audio aac passthrough hls',
    ]);
  });
});
