import { broadcastId, type Frame } from '#core/media/frame.ts';
import { rescale, VIDEO_TIMESCALE, timescale, type Ticks, type Timescale, type WallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { configIdOf, type AudioConfig, type ConfigId, type TrackName, type VideoConfig } from '#core/media/track.ts';
import type { InitSegment, PackagerEvents, Part, Segment } from '../segment.ts';

/** A video configuration at 30 fps, whose `avcC` is made up. */
export const videoConfig: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.42c01e',
  description: Uint8Array.of(1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0),
  width: 640,
  height: 360,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 3000,
  reordered: false,
};

/** AAC-LC at 48 kHz in stereo. */
export const audioConfig: AudioConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  description: Uint8Array.of(0x11, 0x90),
  sampleRate: 48_000,
  channels: 2,
  timescale: timescale(48_000),
  frameDuration: 1024,
};

/** What tests vary in a made-up frame. */
export type FrameFields = Partial<Omit<Frame, 'config'>> & { readonly group: number; readonly index: number; readonly trackConfig?: VideoConfig };

/** A frame of a 30 fps track with groups of 30, group `firstGroup` at time 0. Its bytes follow from its place. */
export function videoFrame(fields: FrameFields, firstGroup = 100): Frame {
  const { trackConfig = videoConfig, ...given } = fields;
  const dts = (((fields.group - firstGroup) * 30 + fields.index) * 3000) as Ticks;
  return {
    broadcast: broadcastId('testtest1'),
    epoch: 0,
    fence: 1,
    track: 'video' as TrackName,
    pts: dts,
    dts,
    duration: 3000 as Ticks,
    key: fields.index === 0,
    config: configIdOf(trackConfig),
    data: Uint8Array.of(0, 0, 0, 3, fields.group & 0xff, fields.index, fields.epoch ?? 0),
    ...(fields.index === 0 ? { head: { config: trackConfig, wallTime: (1_790_000_000_000 + dts / 90) as WallTime } } : {}),
    ...given,
  };
}

/** All frames of a group of {@link videoFrame}s. */
export function videoGroup(group: number, fields: Partial<FrameFields> = {}, count = 30): Frame[] {
  return Array.from({ length: count }, (_, index) => videoFrame({ ...fields, group, index }));
}

/** A message on a frame of a track of the given timescale, as ingest puts it there. Its id follows from `n`. */
export function messageAt(frame: Frame, n: number, scale: Timescale = VIDEO_TIMESCALE): TimedEvent {
  return { id: n.toString(16).padStart(8, '0').padEnd(32, '0'), type: 'test', pts: rescale(frame.pts, scale, VIDEO_TIMESCALE), data: JSON.stringify({ n }) };
}

/** Notes what a packager tells, as lines and as objects. */
export class PackagerLog implements PackagerEvents {
  readonly lines: string[] = [];
  readonly inits = new Map<ConfigId, InitSegment>();
  readonly segments = new Map<number, Segment>();
  readonly parts: Part[] = [];

  init(init: InitSegment): void {
    this.lines.push('init');
    this.inits.set(init.config, init);
  }

  part(segment: Segment, part: Part): void {
    this.lines.push(`part ${segment.group}.${part.index}`);
    this.segments.set(segment.group, segment);
    this.parts.push(part);
  }

  segment(segment: Segment): void {
    this.lines.push(`segment ${segment.group}`);
  }

  gap(epoch: number, from: number, to: number): void {
    this.lines.push(`gap ${epoch}: ${from}..${to}`);
  }

  /** Every URL given out with its bytes, whole segments included. */
  urls(): Map<string, Uint8Array> {
    const urls = new Map<string, Uint8Array>();
    for (const init of this.inits.values()) {
      urls.set(`init-${init.config}.mp4`, init.bytes);
    }
    for (const segment of this.segments.values()) {
      for (const part of segment.parts) {
        urls.set(`${segment.group}.${part.index}.m4s`, part.bytes);
      }
      if (segment.complete) {
        urls.set(`${segment.group}.m4s`, segmentBytes(segment));
      }
    }
    return urls;
  }
}

/** The parts of a segment in a row. */
export function segmentBytes(segment: Segment): Uint8Array {
  const bytes = new Uint8Array(segment.bytes);
  for (const part of segment.parts) {
    bytes.set(part.bytes, part.offset);
  }
  return bytes;
}
