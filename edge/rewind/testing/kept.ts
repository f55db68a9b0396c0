import type { LadderCatalog } from '#core/bus/catalog.ts';
import { broadcastId } from '#core/media/frame.ts';
import { later, millis, ticks, VIDEO_TIMESCALE, wallTime, type Millis } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { trackName, type ConfigId, type TrackConfig, type TrackName } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedFacts, ArchivedSegment, ArchivedTrack } from '../../archive/archive.ts';
import { testLadder } from '../../llhls/testing/broadcast.ts';
import { audioConfig, ORIGIN, videoConfig } from '../../llhls/testing/feed.ts';

/** A configuration's id in tests. */
export const CONFIG = '00000000000000c1' as ConfigId;

/** Another one. */
export const OTHER_CONFIG = '00000000000000c2' as ConfigId;

/** A segment of a second; group n begins n seconds after {@link ORIGIN} and after media time 0. */
export function segment(group: number, more: Partial<ArchivedSegment> = {}): ArchivedSegment {
  const timescale = more.timescale ?? VIDEO_TIMESCALE;
  const pts = ticks(group * timescale);
  const at = wallTime(ORIGIN + group * 1000);
  return { group, epoch: 0, config: CONFIG, timescale, pts, dts: pts, ticks: ticks(timescale), wallTime: at, bytes: 125_000, volume: 0, offset: 0, ...more };
}

/** A kept track whose segments tests write. Its bytes are nowhere. */
export class KeptTrack implements ArchivedTrack {
  readonly track: TrackName;
  readonly kind: 'video' | 'audio';
  readonly segments: ArchivedSegment[] = [];
  readonly configs: Map<ConfigId, TrackConfig>;

  constructor(name: string, kind: 'video' | 'audio' = 'video') {
    this.track = trackName(name);
    this.kind = kind;
    const config = kind === 'video' ? videoConfig : audioConfig;
    this.configs = new Map([[CONFIG, config], [OTHER_CONFIG, config]]);
  }

  /** Adds groups `from` to `to`, inclusive. */
  groups(from: number, to: number, more: Partial<ArchivedSegment> = {}): this {
    for (let group = from; group <= to; group++) {
      this.segments.push(segment(group, more));
    }
    return this;
  }

  segmentOf(group: number): ArchivedSegment | undefined {
    return this.segments.find((one) => one.group === group);
  }

  config(config: ConfigId): TrackConfig | undefined {
    return this.configs.get(config);
  }

  init(config: ConfigId): Uint8Array | undefined {
    return Buffer.from(`init ${config}`);
  }

  read(): Promise<Buffer | undefined> {
    return Promise.resolve(undefined);
  }

  readSlice(): Promise<Buffer | undefined> {
    return Promise.resolve(undefined);
  }
}

/** A kept broadcast whose fields tests write. */
export class KeptBroadcast implements ArchivedBroadcast {
  readonly tracks: Map<TrackName, KeptTrack>;
  readonly events: TimedEvent[] = [];
  readonly folder = '/nonexistent';
  rewind: Millis = millis(7_200_000);
  ladder: LadderCatalog | undefined = testLadder();
  state: ArchivedFacts['state'] = 'open';

  constructor(...tracks: readonly KeptTrack[]) {
    this.tracks = new Map(tracks.map((track) => [track.track, track]));
  }

  get facts(): ArchivedFacts {
    const ended = this.state === 'open' ? {} : { endedAt: later(ORIGIN, millis(60_000)) };
    return { id: broadcastId('testbroadcast'), stream: 'demo', startedAt: ORIGIN, isRecording: true, state: this.state, bytes: 1, duration: 1, lostGroups: 0, ...ended };
  }

  onChange(): () => void {
    return () => {};
  }
}
