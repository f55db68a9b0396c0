import { millis, wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { NetworkFigures } from '../engine.ts';

/** What `getStats` says at an instant, as far as the player needs it (webrtc-stats, "identifiers for WebRTC's statistics"). */
export type RtcSample = {
  /** By `performance.now()`. */
  readonly at: number;
  /** Of sound and picture, in all. */
  readonly packets: number;
  readonly lost: number;
  readonly bytes: number;
  readonly nacks: number;
  readonly freezes: number;
  /** Pictures decoded; the sum of the times between them in seconds, and that of its squares. */
  readonly decoded: number;
  readonly interFrameDelay: number;
  readonly squaredInterFrameDelay: number;
  /** Of the picture; of the sound where there is no picture. Seconds over all frames, and their number. */
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmitted: number;
  /** Mean time of all sound so far in its buffer. */
  readonly soundBuffer: Millis | undefined;
  readonly jitter: Millis | undefined;
  readonly roundTrip: Millis | undefined;
  readonly transport: 'udp' | 'tcp' | undefined;
  /** Capture time of what is being played, by the sender reports. */
  readonly playoutAt: WallTime | undefined;
};

/** From the epoch of NTP (1900) to that of Unix, milliseconds. */
const ntpToUnix = 2_208_988_800_000;

/** Reads a report. `now` is `performance.now()`. */
export function readSample(report: Iterable<unknown>, now: number): RtcSample {
  const entries = [...report].filter((entry): entry is RTCStats => typeof entry === 'object' && entry !== null && 'type' in entry);
  const inbound = entries.filter((entry): entry is RTCInboundRtpStreamStats => entry.type === 'inbound-rtp');
  const main = inbound.find(({ kind }) => kind === 'video') ?? inbound[0];
  const sum = (read: (entry: RTCInboundRtpStreamStats) => number | undefined): number => inbound.reduce((total, entry) => total + (read(entry) ?? 0), 0);
  const pair = selectedPair(entries);
  return {
    at: now,
    packets: sum((entry) => entry.packetsReceived),
    lost: sum((entry) => entry.packetsLost),
    bytes: sum((entry) => (entry.bytesReceived ?? 0) + (entry.headerBytesReceived ?? 0)),
    nacks: sum((entry) => entry.nackCount),
    freezes: main?.freezeCount ?? 0,
    decoded: main?.framesDecoded ?? 0,
    interFrameDelay: main?.totalInterFrameDelay ?? 0,
    squaredInterFrameDelay: main?.totalSquaredInterFrameDelay ?? 0,
    jitterBufferDelay: main?.jitterBufferDelay ?? 0,
    jitterBufferEmitted: main?.jitterBufferEmittedCount ?? 0,
    soundBuffer: soundBufferOf(inbound.find(({ kind }) => kind === 'audio')),
    jitter: main?.jitter === undefined ? undefined : millis(main.jitter * 1_000),
    roundTrip: pair?.currentRoundTripTime === undefined ? undefined : millis(pair.currentRoundTripTime * 1_000),
    transport: transportOf(entries, pair),
    playoutAt: playoutOf(main),
  };
}

/** Figures of the time between two samples. */
export function networkFigures(before: RtcSample | undefined, now: RtcSample, extra: { readonly target: Millis; readonly estimate: number | undefined }): NetworkFigures {
  const packets = before === undefined ? 0 : now.packets - before.packets;
  const lost = before === undefined ? 0 : Math.max(now.lost - before.lost, 0);
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1_000;
  return {
    roundTrip: now.roundTrip,
    loss: packets + lost > 0 ? lost / (packets + lost) : undefined,
    jitterBuffer: meanDelay(before, now),
    jitterBufferTarget: extra.target,
    estimate: extra.estimate,
    received: seconds > 0 && before !== undefined ? ((now.bytes - before.bytes) * 8) / seconds : undefined,
    nacks: now.nacks,
    freezes: now.freezes,
    transport: now.transport,
  };
}

/** Mean time in the jitter buffer of what left it between two samples. */
export function meanDelay(before: RtcSample | undefined, now: RtcSample): Millis | undefined {
  const emitted = now.jitterBufferEmitted - (before?.jitterBufferEmitted ?? 0);
  return emitted > 0 ? millis(((now.jitterBufferDelay - (before?.jitterBufferDelay ?? 0)) / emitted) * 1_000) : undefined;
}

/** Mean and standard deviation of the time between the pictures that were decoded between two samples. */
export function pictureIntervals(before: RtcSample | undefined, now: RtcSample): { readonly interval: Millis | undefined; readonly unevenness: Millis | undefined } {
  const pictures = now.decoded - (before?.decoded ?? now.decoded);
  if (before === undefined || pictures < 2) {
    return { interval: undefined, unevenness: undefined };
  }
  const mean = (now.interFrameDelay - before.interFrameDelay) / pictures;
  const variance = (now.squaredInterFrameDelay - before.squaredInterFrameDelay) / pictures - mean ** 2;
  return { interval: millis(mean * 1_000), unevenness: millis(Math.sqrt(Math.max(variance, 0)) * 1_000) };
}

function selectedPair(entries: readonly RTCStats[]): (RTCIceCandidatePairStats & { readonly selected?: boolean }) | undefined {
  const pairs = entries.filter((entry): entry is RTCIceCandidatePairStats & { readonly selected?: boolean } => entry.type === 'candidate-pair');
  const transport = entries.find((entry): entry is RTCTransportStats => entry.type === 'transport');
  // Firefox before 131 names no transport, but marks the pair.
  return pairs.find(({ id }) => id === transport?.selectedCandidatePairId) ?? pairs.find(({ selected }) => selected === true);
}

function transportOf(entries: readonly RTCStats[], pair: RTCIceCandidatePairStats | undefined): 'udp' | 'tcp' | undefined {
  const local = entries.find(({ id }) => id === pair?.localCandidateId) as { readonly protocol?: string } | undefined;
  return local?.protocol === 'udp' || local?.protocol === 'tcp' ? local.protocol : undefined;
}

function soundBufferOf(entry: RTCInboundRtpStreamStats | undefined): Millis | undefined {
  const { jitterBufferDelay = 0, jitterBufferEmittedCount = 0 } = entry ?? {};
  return jitterBufferEmittedCount > 0 ? millis((jitterBufferDelay / jitterBufferEmittedCount) * 1_000) : undefined;
}

/** Chromium counts from 1900, as NTP does; others may count from 1970. */
function playoutOf(entry: RTCInboundRtpStreamStats | undefined): WallTime | undefined {
  const at = entry?.estimatedPlayoutTimestamp;
  if (at === undefined || at <= 0) {
    return undefined;
  }
  return wallTime(at > ntpToUnix + 1_000_000_000_000 ? at - ntpToUnix : at);
}
