import { broadcastId, type Frame } from '../../frame.ts';
import { ticks, wallTime } from '../../time.ts';
import { configIdOf, trackName, type TrackConfig } from '../../track.ts';
import type { AccessUnit, DepacketizerInput, RtpConfig } from '../access-unit.ts';
import type { PacketizedFrame } from '../packetized-frame.ts';

/** A configuration as the timeline completes it. */
export function trackConfig(config: RtpConfig): TrackConfig {
  return config.kind === 'audio' ? config : { ...config, frameDuration: 3000, reordered: false };
}

/** A frame of one group, its head where it is the first. */
export function frameOf(unit: Pick<AccessUnit, 'key' | 'data'>, config: TrackConfig, index: number): Frame {
  return {
    broadcast: broadcastId('abcdefgh'),
    epoch: 1,
    fence: 1,
    track: trackName(config.kind),
    group: 7,
    index,
    pts: ticks(index * config.frameDuration),
    dts: ticks(index * config.frameDuration),
    duration: ticks(config.frameDuration),
    key: unit.key,
    config: configIdOf(config),
    data: unit.data,
    ...(index === 0 && { head: { config, wallTime: wallTime(0) } }),
  };
}

/** The packets of frames in a row, with marker on each video frame's last. */
export function packetsOf(frames: readonly PacketizedFrame[], firstSequence = 0): DepacketizerInput[] {
  const packets: DepacketizerInput[] = [];
  for (const { payloads, timestamp, config } of frames) {
    payloads.forEach((payload, i) => {
      packets.push({ payload, timestamp, sequence: firstSequence + packets.length, marker: config.kind === 'video' && i === payloads.length - 1 });
    });
  }
  return packets;
}
