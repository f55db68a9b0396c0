import type { EdgeSnapshot, SessionState, Snapshot } from '../session/snapshot.ts';

/** What is said over the picture, or undefined while there is nothing to say. */
export type Notice = { readonly title: string; readonly detail?: string; readonly busy: boolean };

/** A recording's state in plain words. */
export function recordingNotice(state: SessionState, refusal?: string): Notice | undefined {
  switch (state) {
    case 'unknown':
      return { title: 'This recording is not here', detail: 'It was deleted, or is older than recordings are kept here.', busy: false };
    case 'starting':
      return { title: 'Opening the recording…', busy: true };
    default:
      return notice(state, '', refusal);
  }
}

/** The state in plain words. */
export function notice(state: SessionState, stream: string, refusal?: string): Notice | undefined {
  switch (state) {
    case 'starting':
      return { title: 'Starting…', busy: true };
    case 'buffering':
      return { title: 'Waiting for the picture…', busy: true };
    case 'reconnecting':
      return { title: 'Reconnecting…', detail: 'The server cannot be reached just now. Playback goes on by itself.', busy: true };
    case 'interrupted':
      return { title: 'The broadcaster lost connection', detail: 'Waiting for them to return. Playback goes on by itself.', busy: true };
    case 'offline':
      return { title: `${stream} is off air`, detail: 'Leave this page open: it starts by itself when the broadcast does.', busy: false };
    case 'unknown':
      return { title: 'There is no such stream', detail: `This server knows no stream called “${stream}”.`, busy: false };
    case 'unsupported':
      return { title: 'This cannot be played here', detail: refusal ?? '', busy: false };
    case 'playing':
    case 'ended':
      return undefined;
  }
}

/** Seconds as people read a latency: `40 ms`, `0.7 s`, `12 s`. */
export function latencyText(seconds: number): string {
  if (seconds < 0.295) {
    return `${Math.max(Math.round(seconds * 100), 1) * 10} ms`;
  }
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}

/** A length as clocks show it: `0:07`, `12:34`, `1:02:03`. */
export function clockText(seconds: number): string {
  const whole = Math.max(Math.floor(seconds), 0);
  const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A length as it is read out: `2 minutes 10 seconds`. */
export function spokenText(seconds: number): string {
  const whole = Math.max(Math.round(seconds), 0);
  const parts = [
    [Math.floor(whole / 3_600), 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`);
  return said.length === 0 ? '0 seconds' : said.join(' ');
}

/** How far behind the live edge, beside the badge: `0.7 s`, and `2:10` where it is longer than a look. */
export function behindText(seconds: number): string {
  return seconds < 20 ? latencyText(seconds) : clockText(seconds);
}

/** When something was, in the viewer's own time and language: `2 Jan 2026, 14:30`. */
export function dateText(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleString([], { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
}

/** The time of day of an instant, in the viewer's own time and language; milliseconds since 1970. */
export function timeText(instant: number): string {
  return new Date(instant).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/** Bytes as people read them: `1.2 GB`, `640 MB`. */
export function bytesText(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB'] as const;
  const power = Math.min(Math.max(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 1), units.length);
  const value = bytes / 1_000 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power - 1]}`;
}

/** Bits per second as people read them: `2.5 Mbit/s`, `640 kbit/s`. */
export function bitrateText(bitsPerSecond: number): string {
  return bitsPerSecond >= 1_000_000 ? `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s` : `${Math.round(bitsPerSecond / 1_000)} kbit/s`;
}

/** How many are watching. */
export function viewersText(viewers: number): string {
  return viewers === 1 ? '1 viewer' : `${viewers.toLocaleString()} viewers`;
}

/** How long ago, in the largest unit that fits: `5 min`, `2 h 10 min`. */
export function durationText(seconds: number): string {
  const minutes = Math.floor(Math.max(seconds, 0) / 60);
  if (minutes < 1) {
    return 'less than a minute';
  }
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What people call the ways. */
const engineNames = { webrtc: 'WebRTC', hls: 'LL-HLS', native: 'HLS of the browser', dash: 'LL-DASH', rewind: 'HLS' } as const;

/** Why another way was left, in words; the codes are those of an engine's failure. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['blocked', 'WebRTC does not come through'],
  ['full', 'no place left over WebRTC'],
  ['unfit', 'no WebRTC codec in common'],
  ['network', 'WebRTC was lost'],
  ['media', 'WebRTC was lost'],
]);

/** The way in use, by which transport, and why not a better one. */
export function engineText({ engine, network, ways }: Pick<Snapshot, 'engine' | 'network' | 'ways'>): string {
  if (engine === null) {
    return '–';
  }
  const because = ways.at(-1)?.because?.split(':')[0] ?? '';
  const more = engine === 'webrtc' ? network?.transport?.toUpperCase() : reasons.get(because);
  return more === undefined ? engineNames[engine] : `${engineNames[engine]} (${more})`;
}

/** Which server serves, and how often another took over; undefined where there is but one: then there is nothing to tell. */
export function serverText(edge: EdgeSnapshot | null): string | undefined {
  if (edge === null || (edge.others === 0 && edge.moves.length === 0)) {
    return undefined;
  }
  const moves = edge.moves.length;
  const moved = moves === 0 ? '' : moves === 1 ? ' (moved once)' : ` (moved ${moves} times)`;
  return `${new URL(edge.url).host}${moved}`;
}

/** The lines of the statistics panel. */
export function statisticsLines(snapshot: Snapshot): readonly (readonly [name: string, value: string])[] {
  const { latency, targetLatency, levels, level, droppedFrames, totalFrames, network } = snapshot;
  const shown = levels[level];
  const milliseconds = (seconds: number | null): string => (seconds === null ? '–' : `${Math.round(seconds * 1_000)} ms`);
  const bits = (value: number | null): string => (value === null ? '–' : bitrateText(value));
  const ways: readonly (readonly [string, string])[] =
    network === null
      ? [
          ['Buffer', milliseconds(snapshot.buffer)],
          ['Speed', `${snapshot.rate.toFixed(2)}×`],
          ['Bandwidth', bits(snapshot.throughput)],
        ]
      : [
          ['Round trip', milliseconds(network.roundTrip)],
          ['Packets lost', network.loss === null ? '–' : `${(network.loss * 100).toFixed(1)} %, ${network.nacks} sent again`],
          ['Jitter buffer', `${milliseconds(network.jitterBuffer)} (at least ${milliseconds(network.jitterBufferTarget)})`],
          ['Bandwidth', network.estimate === null ? bits(network.received) : `${bits(network.received)} of ${bits(network.estimate)}`],
        ];
  const server = serverText(snapshot.edge);
  return [
    ['Engine', engineText(snapshot)],
    ...(server === undefined ? [] : [['Server', server] as const]),
    ['Latency', targetLatency === null ? milliseconds(latency) : `${milliseconds(latency)} (target ${milliseconds(targetLatency)})`],
    ...ways,
    ['Rendition', shown === undefined ? '–' : [shown.label, `${shown.width}×${shown.height}`, ...(shown.bitrate > 0 ? [bitrateText(shown.bitrate)] : [])].join(', ')],
    ['Dropped frames', `${droppedFrames} of ${totalFrames}`],
    ['Stalls', snapshot.stalls === 0 ? 'none' : `${snapshot.stalls} (${snapshot.stalledTime.toFixed(1)} s)`],
    ['First picture', snapshot.joinTime === null ? '–' : `${Math.round(snapshot.joinTime)} ms`],
    ['Clock', snapshot.clockError === null ? 'this device’s' : `server’s, ±${Math.ceil(snapshot.clockError * 1_000)} ms`],
  ];
}
