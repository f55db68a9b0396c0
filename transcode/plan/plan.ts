import type { LadderCatalog, Rendition, SourceCatalog, SourceTrack } from '#core/bus/catalog.ts';
import type { Grouping } from '#core/media/grouping.ts';
import { partTarget } from '#core/media/parts.ts';
import type { TrackName, VideoConfig } from '#core/media/track.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import { audioRenditions, type AudioEncode } from './audio.ts';
import { decodeCost, encodeCost } from './cost.ts';
import { encodedRung, type EncodedRung } from './encoded-rung.ts';
import type { H264Profile } from './level.ts';
import { layerRenditions, passThrough, type PassThrough } from './pass-through.ts';
import { bitrateFor, evenDown, rungsOf, shorterSide, type Rung } from './rung.ts';

/** What the planner decides on. */
export type PlanInput = {
  readonly source: SourceCatalog;
  readonly ladder: LadderSetting;
  /** Megapixels per second that this broadcast may spend; binds the ladder `auto` only. */
  readonly budget: number;
  /** Rungs that are not encoded for now because the machine fell behind. */
  readonly shed?: readonly TrackName[];
  /** H.264 profile of the rungs that HLS shows. Default: `high`. */
  readonly profile?: H264Profile;
  /** Encode what a WebRTC viewer needs and the source does not give: a top rung without B-frames, Opus. Default: nothing. */
  readonly forWebrtc?: { readonly video: boolean; readonly audio: boolean };
  /** The ladder that another transcoder began this epoch with: the same tracks where the budget allows, and the same PART-TARGET. */
  readonly inherited?: Pick<LadderCatalog, 'renditions' | 'omitted' | 'partTarget'> | undefined;
};

/** What the ffmpeg of the picture has to do. */
export type Encode = {
  readonly input: VideoConfig;
  readonly frameRate: number;
  readonly grouping: Grouping;
  /** Best first; never empty. */
  readonly rungs: readonly EncodedRung[];
};

/** The planner's answer. */
export type Plan = Pick<LadderCatalog, 'renditions' | 'omitted' | 'partTarget'> & {
  /** Undefined where the picture is passed through only. */
  readonly encode?: Encode;
  /** Undefined where the sound is passed through only. */
  readonly audio?: AudioEncode;
  /** Megapixels per second that the plan spends, decoding included. */
  readonly cost: number;
  /** Labels of the rungs that are left out because the machine fell behind, best first. */
  readonly shed: readonly string[];
  /** What of the source's colour format plays in few browsers, in words for the broadcaster. */
  readonly rareColourFormat?: string;
};

type Omitted = LadderCatalog['omitted'][number];

/** A rung nearer to the source than this is not worth its encode. */
const TOO_CLOSE = 0.9;

/**
 * Decides what of a source is passed through and what is encoded, and says why in words for the broadcaster. Pure: equal
 * inputs give equal ladders.
 */
export function planLadder(input: PlanInput): Plan {
  const { source } = input;
  // The best of a simulcast publisher's layers comes first; the others are its own ladder for WebRTC.
  const [video, ...layers] = source.tracks.filter((track) => track.config.kind === 'video');
  const audio = audioRenditions(source.tracks, { opus: input.forWebrtc?.audio === true, passAnything: input.ladder === 'source' });
  const sound = audio.encode === undefined ? {} : { audio: audio.encode };
  if (video === undefined || video.config.kind !== 'video') {
    const configs = audio.renditions.filter(onHls).map(({ config }) => config);
    return { renditions: audio.renditions, omitted: audio.omitted, partTarget: input.inherited?.partTarget ?? partTarget(configs), cost: 0, shed: [], ...sound };
  }
  const pass = passThrough(video, source.grouping, input.ladder);
  const omitted: Omitted[] = [...pass.omitted, ...audio.omitted];
  const layered = layerRenditions(layers);
  const wanted = wantedRungs(input, video, pass, omitted)
    .map((rung) => withoutDoubles(rung, layered))
    .filter((rung) => isOfEpoch(rung, input.inherited, omitted));
  const decoding = decodeCost(video.config, video.video?.frameRate ?? 30);
  const chosen = input.ladder === 'auto' ? withinBudget(wanted, input.budget - decoding, !pass.onHls, omitted) : wanted;
  const shed = new Set<TrackName>(input.shed);
  const rungs = chosen.filter(({ track }) => !shed.has(track));
  const leftOut = chosen.filter(({ track }) => shed.has(track)).map(({ label }) => label);
  omitted.push(...leftOut.map((label) => ({ label, reason: SHED })));
  const passed = [...passedThrough(pass, rungs), ...layered];
  const renditions = [...passed, ...rungs.map(renditionOf), ...audio.renditions].sort(byRank);
  const hls = [...passed, ...chosen.map(renditionOf), ...audio.renditions].filter(onHls);
  const encodes = rungs.length > 0;
  return {
    renditions,
    omitted,
    partTarget: input.inherited?.partTarget ?? partTarget(hls.map(({ config }) => config)),
    cost: encodes ? decoding + rungs.reduce((sum, { cost }) => sum + cost, 0) : 0,
    shed: leftOut,
    ...(pass.rareColourFormat === undefined ? {} : { rareColourFormat: pass.rareColourFormat }),
    ...(encodes ? { encode: encodeOf(video.config, video, source.grouping, rungs) } : {}),
    ...sound,
  };
}

/** A plan as the log tells it. */
export function inWords({ renditions, omitted, cost }: Plan): { readonly renditions: readonly string[]; readonly omitted: readonly string[]; readonly needsMegapixelsPerSecond: number } {
  return {
    renditions: renditions.map(({ label, mode, faces }) => `${label} ${mode} (${faces.join(', ')})`),
    omitted: omitted.map(({ label, reason }) => `${label}: ${reason}`),
    needsMegapixelsPerSecond: Math.round(cost),
  };
}

const SHED = 'Left out for now: the machine could not encode it in real time. It comes back when there is room again.';

/**
 * A ladder that another transcoder began gets no rung for HLS that it never had: its parts might be longer than PART-TARGET, which stands for the epoch. What the other had
 * shed may come back.
 */
function isOfEpoch(rung: EncodedRung, inherited: PlanInput['inherited'], omitted: Omitted[]): boolean {
  const without = inherited?.omitted.find(({ label }) => label === rung.label);
  const belongs = !rung.faces.includes('hls') || without?.reason === SHED || inherited?.renditions.some(({ track }) => track === rung.track);
  if (belongs === false && without !== undefined) {
    omitted.push(without);
  }
  return belongs !== false;
}

/** The rungs below (or, where it cannot be passed through, at) the source's size, each with what its encode costs. */
function wantedRungs(input: PlanInput, video: SourceTrack, pass: PassThrough, omitted: Omitted[]): EncodedRung[] {
  if (input.ladder === 'source' || video.config.kind !== 'video') {
    return [];
  }
  const source = video.config;
  const side = shorterSide(source);
  const forWebrtcOnly = pass.onHls && !pass.onWebrtc && input.forWebrtc?.video === true;
  const top = pass.onHls ? 1 : 0;
  const wanted: Rung[] = [];
  for (const rung of rungsOf(input.ladder)) {
    if (rung.height > side) {
      omitted.push({ label: `${rung.height}p`, reason: `The source is smaller: ${source.width}x${source.height}.` });
    } else if (rung.height > side * TOO_CLOSE && pass.onHls) {
      omitted.push({ label: `${rung.height}p`, reason: 'The source itself is passed through at about this size.' });
    } else {
      wanted.push(rung);
    }
  }
  const largest = wanted[0]?.height ?? 0;
  const highest = Math.min(side, input.ladder === 'auto' ? 1080 : side);
  if (!pass.onHls && (wanted.length === 0 || (input.ladder === 'auto' && largest < highest * TOO_CLOSE))) {
    wanted.unshift({ height: evenDown(highest), bitrate: bitrateFor(scaledSource(source, highest)) });
  }
  const rungs = wanted.map((rung, at) => encodedRung({ source: video, rung, place: at + top, why: why(pass, at), faces: facesOf(source, pass, rung.height === evenDown(side)), profile: input.profile ?? 'high' }));
  if (forWebrtcOnly) {
    const rung = { height: evenDown(side), bitrate: bitrateFor(source) };
    rungs.unshift(encodedRung({ source: video, rung, place: 0, why: 'Encoded for WebRTC, which cannot show the B-frames of the source.', faces: ['webrtc'], profile: 'baseline' }));
  }
  return rungs;
}

function scaledSource(source: VideoConfig, side: number): { readonly width: number; readonly height: number } {
  const factor = side / shorterSide(source);
  return { width: source.width * factor, height: source.height * factor };
}

/** A rung of the source's own size stands beside it only where the source is not offered, or in a codec that not every browser plays. */
function facesOf(source: VideoConfig, pass: PassThrough, sourceSize: boolean): EncodedRung['faces'] {
  return sourceSize && pass.onWebrtc && source.codec === 'h264' ? ['hls'] : ['hls', 'webrtc'];
}

/** WebRTC viewers get the publisher's own layer of about the same size instead, unless it is in a codec that some cannot play. */
function withoutDoubles(rung: EncodedRung, layers: readonly Rendition[]): EncodedRung {
  const side = shorterSide(rung);
  const isDouble = layers.some(({ config }) => config.kind === 'video' && config.codec === 'h264' && Math.abs(shorterSide(config) - side) <= side * (1 - TOO_CLOSE));
  return isDouble ? { ...rung, faces: rung.faces.filter((face) => face !== 'webrtc') } : rung;
}

function why(pass: PassThrough, at: number): string {
  return at === 0 && !pass.onHls ? pass.whyEncoded : 'Encoded for viewers whose connection or screen is smaller.';
}

/**
 * The smallest rung first, for it serves everybody; then from the best down whatever still fits. What only WebRTC needs
 * comes last: it may appear in mid-stream, and must take no rung from anybody then.
 */
function withinBudget(wanted: readonly EncodedRung[], budget: number, needed: boolean, omitted: Omitted[]): EncodedRung[] {
  let left = budget;
  const chosen = new Set<EncodedRung>();
  const webrtcOnly = wanted.filter(({ faces: on }) => !on.includes('hls'));
  const others = wanted.filter((rung) => !webrtcOnly.includes(rung));
  const smallest = others.at(-1);
  for (const rung of [...others.slice(-1), ...others.slice(0, -1), ...webrtcOnly]) {
    if (rung.cost <= left || (needed && rung === smallest)) {
      chosen.add(rung);
      left -= rung.cost;
    } else {
      const speed = `it needs ${rung.cost.toFixed(0)} megapixels a second, ${Math.max(0, left).toFixed(0)} are left`;
      omitted.push({ label: rung.label, reason: `Too much for this machine beside what it already encodes: ${speed}.` });
    }
  }
  return wanted.filter((rung) => chosen.has(rung));
}

/**
 * What is passed through, as renditions. Declared at no less than a tenth above the best encoded rung below: players
 * order a ladder by bandwidth, and a source that was quiet while it was measured must not end below its own copies.
 */
function passedThrough(pass: PassThrough, rungs: readonly EncodedRung[]): Rendition[] {
  if (pass.rendition === undefined) {
    return [];
  }
  const below = Math.max(0, ...rungs.filter(({ faces: on }) => on.includes('hls')).map(({ bandwidth }) => bandwidth));
  const floor = pass.onHls ? Math.round(below * 1.1) : 0;
  return [{ ...pass.rendition, bandwidth: Math.max(pass.rendition.bandwidth, floor) }];
}

function renditionOf(rung: EncodedRung): Rendition {
  return {
    track: rung.track,
    label: rung.label,
    faces: rung.faces,
    mode: 'encoded',
    reason: rung.reason,
    config: rung.config,
    frameRate: rung.rate.frameRate,
    bandwidth: rung.bandwidth,
    averageBandwidth: rung.bitrate,
  };
}

function encodeOf(input: VideoConfig, video: SourceTrack, grouping: Grouping, rungs: readonly EncodedRung[]): Encode {
  return { input, frameRate: video.video?.frameRate ?? 30, grouping, rungs };
}

function onHls(rendition: Rendition): boolean {
  return rendition.faces.includes('hls');
}

/** Video from the best down, passed through before encoded, then audio. */
function byRank(a: Rendition, b: Rendition): number {
  return rank(b) - rank(a);
}

function rank({ config, mode, frameRate }: Rendition): number {
  return config.kind === 'video' ? encodeCost(config, frameRate ?? 30) + (mode === 'passthrough' ? 1 : 0) * 1e-3 : -1;
}
