import { execFile } from 'node:child_process';

import { sampleData, sortAccessUnit } from '#core/media/codecs/h264/access-unit.ts';
import { h264Config } from '#core/media/codecs/h264/avcc.ts';
import { splitAnnexB } from '#core/media/codecs/h264/nal-unit.ts';
import { NutDemuxer } from '#core/media/containers/nut/demuxer.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { gridGroup, gridSecond, type Grouping } from '#core/media/grouping.ts';
import { ticks, VIDEO_TIMESCALE, wallTime, type Ticks } from '#core/media/time.ts';
import { configIdOf, trackName, type VideoConfig } from '#core/media/track.ts';
import type { SourceCatalog } from '#core/bus/catalog.ts';

/** A source to be made. */
export type SourceSpec = {
  /** Frames per second as ffmpeg takes it: `30000/1001`. */
  readonly rate: string;
  readonly seconds: number;
  /** Options of x264: key frames, scene cuts, B-frames. */
  readonly x264: readonly string[];
  readonly grouping: 'source' | 'grid';
  readonly size?: string;
  /** ffmpeg's name of it. Default `yuv420p`. */
  readonly pixelFormat?: string;
  /** Filters of the picture, e.g. one that changes scenes. */
  readonly picture?: string;
  /** pts of the first frame. */
  readonly startsAt?: number;
  /** Number of the first group. */
  readonly firstGroup?: number;
  /** Drops frames, so that the rate varies. */
  readonly variable?: boolean;
};

/** A source ready for the bus: frames in decoding order. */
export type MadeSource = { readonly catalog: SourceCatalog; readonly frames: readonly Frame[] };

export const BROADCAST = broadcastId('test00000001');
const DEFAULT_FIRST_GROUP = 1_700_000_000;
/** Wall time of pts 0. */
export const FIRST_WALL_TIME = 1_700_000_000_000;

/** Makes H.264 with ffmpeg and gives it groups, as ingest does. */
export async function makeSource(spec: SourceSpec, epoch = 0): Promise<MadeSource> {
  const { config, units } = await encodeSource(spec);
  const frameDuration = spec.variable === true ? 0 : (VIDEO_TIMESCALE * denominator(spec.rate)) / numerator(spec.rate);
  const nominal = (VIDEO_TIMESCALE * denominator(spec.rate)) / numerator(spec.rate);
  const whole: VideoConfig = { ...config, frameDuration, reordered: units.some((unit, at) => at > 0 && unit.pts < (units[at - 1]?.pts ?? 0)) };
  const first = Math.min(...units.map(({ pts }) => pts));
  const begin = spec.startsAt ?? 900_000;
  const sorted = units.map(({ pts }) => pts).sort((a, b) => a - b);
  const firstGroup = spec.firstGroup ?? DEFAULT_FIRST_GROUP;
  const grouping: Grouping = spec.grouping === 'source' ? { mode: 'source' } : { mode: 'grid', firstGroup, firstSecond: gridSecond(ticks(begin), VIDEO_TIMESCALE) };
  let group = firstGroup - 1;
  let groupStart = -Infinity;
  let index = 0;
  const frames = units.map((unit, at): Frame => {
    // The exact grid: whole frames from the first one on, as ingest snaps them.
    const snap = (pts: number): Ticks => ticks(spec.variable === true ? begin + pts - first : begin + Math.round(Math.round((pts - first) / nominal) * nominal));
    const pts = snap(unit.pts);
    const starts = grouping.mode === 'source' ? unit.key && pts - groupStart >= VIDEO_TIMESCALE : gridGroup(grouping, pts, VIDEO_TIMESCALE) > group;
    index = starts ? 0 : index + 1;
    group = starts ? (grouping.mode === 'source' ? group + 1 : gridGroup(grouping, pts, VIDEO_TIMESCALE)) : group;
    groupStart = starts ? pts : groupStart;
    const place = sorted.indexOf(unit.pts);
    const next = sorted[place + 1];
    return {
      broadcast: BROADCAST,
      epoch,
      fence: 1,
      track: trackName('video'),
      group,
      index,
      pts,
      dts: snap(sorted[at] ?? 0),
      duration: ticks(next === undefined ? nominal : snap(next) - pts),
      key: unit.key,
      config: configIdOf(whole),
      data: unit.data,
      ...(starts ? { head: { config: whole, wallTime: wallTime(FIRST_WALL_TIME + pts / 90) } } : {}),
    };
  });
  const catalog: SourceCatalog = {
    stream: 'test',
    broadcast: BROADCAST,
    epoch,
    fence: 1,
    protocol: 'rtmp',
    grouping,
    tracks: [
      {
        name: trackName('video'),
        config: whole,
        bitrate: 500_000,
        video: { frameRate: numerator(spec.rate) / denominator(spec.rate), variableFrameRate: spec.variable === true, bFrames: whole.reordered },
      },
    ],
  };
  return { catalog, frames };
}

/** The lowest pts of each group: on the grid by seconds of pts, else from the key frame on that begins it. */
export function groupStarts(source: MadeSource): ReadonlyMap<number, number> {
  const { grouping } = source.catalog;
  const starts = new Map<number, number>();
  for (const frame of source.frames) {
    const group = grouping.mode === 'grid' ? gridGroup(grouping, frame.pts, VIDEO_TIMESCALE) : frame.group;
    starts.set(group, Math.min(starts.get(group) ?? Infinity, frame.pts));
  }
  return starts;
}

type Unit = { readonly pts: Ticks; readonly key: boolean; readonly data: Uint8Array };

async function encodeSource(spec: SourceSpec): Promise<{ readonly config: Omit<VideoConfig, 'frameDuration' | 'reordered'>; readonly units: readonly Unit[] }> {
  const input = `testsrc2=s=${spec.size ?? '320x180'}:r=${spec.rate}${spec.picture === undefined ? '' : `,${spec.picture}`}`;
  const args = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', input, '-t', String(spec.seconds), '-c:v', 'libx264', '-preset', 'veryfast', ...spec.x264];
  const bytes = await new Promise<Uint8Array>((resolve, reject) => {
    execFile('ffmpeg', [...args, '-pix_fmt', spec.pixelFormat ?? 'yuv420p', '-fps_mode', 'passthrough', '-enc_time_base', '1:90000', '-f', 'nut', 'pipe:1'], { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 }, (thrown, stdout) =>
      thrown === null ? resolve(stdout) : reject(thrown),
    );
  });
  const demuxer = new NutDemuxer();
  const units = demuxer.push(bytes).map((packet): Unit => {
    const unit = sortAccessUnit(splitAnnexB(packet.data));
    return { pts: packet.pts, key: unit.idr, data: sampleData(unit) };
  });
  const { config } = h264Config(sortAccessUnit(splitAnnexB(demuxer.streams[0]?.description ?? new Uint8Array())));
  return { config, units };
}

function numerator(rate: string): number {
  return Number(rate.split('/')[0]);
}

function denominator(rate: string): number {
  return Number(rate.split('/')[1] ?? '1');
}
