import { edgeOptions } from '#edge/config.ts';

import { fixed, printTable } from '../support/statistics.ts';
import { measureFanout, type FanoutOptions, type FanoutResult } from './fanout.ts';
import { measureFull } from './full.ts';
import { measureIdle } from './idle.ts';
import { connectInspector, INSPECTED, takeProfile, type ProfileEntry } from './inspector.ts';

/** Options of {@link fanoutSuite}. */
export type FanoutSuiteOptions = {
  /** Numbers of viewers on the fast path, rising; the other ways take some of them. */
  readonly steps?: readonly number[];
  /** Also take a profile of the largest step, in a run of its own. */
  readonly profile?: boolean;
};

const STEPS = [50, 200, 400, 600, 800];
const PROFILE_MILLIS = 6000;
/** After so long no further way is begun. */
const MOST_MILLIS = 150_000;
const PROFILE_LINES = 40;

/** WebRTC fan-out: the fast path, the portable one, worker threads, receivers as most are, and full viewers. */
export async function fanoutSuite({ steps = STEPS, profile = false }: FanoutSuiteOptions = {}): Promise<unknown> {
  process.stdout.write(`
A sink has ICE, DTLS and SRTP keys of its own and the address 127.1.x.y; all share one socket, read in batches. It reads sequence numbers,
timestamps and transport-wide numbers of every packet, verifies one in 64 by werift, sends transport-wide feedback ten times a second, a receiver
report once a second and a check of consent every 5 s. It asks for nothing again and decodes nothing. The server's processor time includes the
kernel's work on loopback, up to the sinks' socket; where bursts come whole (UDP_GRO) nobody cuts them, as a network card does it.
`);
  const ways: readonly FanoutOptions[] = [
    { way: 'fast', steps },
    { way: 'fast, cut by the kernel', steps: steps.slice(1, 2), whole: false },
    { way: 'portable', steps: steps.slice(0, 3), config: { rtcFastPath: 'off' } },
    ...('egressWorkers' in edgeOptions ? [{ way: 'fast, 1 worker thread', steps: steps.slice(1, 3), config: { egressWorkers: 1 } }] : []),
  ];
  const results: FanoutResult[] = [];
  const end = performance.now() + MOST_MILLIS;
  for (const way of ways) {
    if (performance.now() > end) {
      process.stdout.write(`not measured, the machine was too slow: ${way.way}\n`);
      continue;
    }
    results.push(...(await measureFanout(way)));
  }
  printFanout(results);
  const full = await measureFull(50, 50);
  printTable(
    'Full viewers (libwebrtc: VP8 by WHIP, 320x180) with sinks (H.264, 2 Mbit/s) beside them',
    ['full', 'sinks', 'server CPU', 'us/packet', 'libwebrtc CPU', 'playing', 'pictures/s each', 'lost', 'freezes', 'sinks lost', 'server dropped'],
    [[full.full, full.sinks, fixed(full.cpu, 2), fixed(full.microsecondsWhole, 1), fixed(full.fullCpu, 2), full.fullPlaying, fixed(full.picturesPerSecond, 1), full.fullLost, full.fullFreezes, full.sinksLost, reasons(full.dropped)]],
  );
  return { results, full, ...(profile ? { profile: await profileFanout(largest(results, 'fast')) } : {}) };
}

/** What 2,000 idle sessions cost. */
export async function idleSuite(sessions = 2000): Promise<unknown> {
  const result = await measureIdle(sessions);
  const megabytes = (bytes: number): string => fixed(bytes / 1e6, 0);
  printTable(
    'Idle WebRTC sessions: connected, publisher interrupted, nothing sent (memory of the server, after a collection of garbage)',
    ['sessions', 'connected', 'before (MB)', 'with them (MB)', 'cost (MB)', 'cost uncollected (MB)', 'kB each', 'CPU (cores)'],
    [[result.sessions, result.connected, megabytes(result.before), megabytes(result.after), megabytes(result.after - result.before), megabytes(result.uncollected - result.before), fixed((result.after - result.before) / result.sessions / 1e3, 1), fixed(result.cpu, 3)]],
  );
  return result;
}

/** Where the server's time goes with so many viewers: a run of its own, as the profiler costs too. */
export async function profileFanout(viewers: number, config: FanoutOptions['config'] = {}): Promise<readonly ProfileEntry[]> {
  let entries: readonly ProfileEntry[] = [];
  await measureFanout({
    way: 'profiled', steps: [viewers], config, env: INSPECTED, seconds: 2,
    atLargest: async (server) => {
      const inspector = await connectInspector(() => server.log());
      entries = await takeProfile(inspector, PROFILE_MILLIS);
      inspector.close();
    },
  });
  printTable(`Busy time of the server with ${viewers} viewers, by function itself`, ['function', '%'], entries.slice(0, PROFILE_LINES).map(({ place, share }) => [place, fixed(share * 100, 1)]));
  return entries.slice(0, PROFILE_LINES);
}

/** Prints the steps. */
export function printFanout(results: readonly FanoutResult[]): void {
  printTable(
    'WebRTC fan-out, one broadcast of 640x360 at 30 fps and 2 Mbit/s with Opus (microseconds of server CPU per RTP packet sent)',
    ['way', 'viewers', 'packets/s', 'Mbit/s', 'CPU', 'without viewers', 'us/packet whole', 'us/packet marginal', 'lost', 'sinks full', 'server dropped', 'late p50', 'p99 (ms)', 'verified', 'forged', 'sinks CPU', 'softirqd', 'viewers/core'],
    results.map((r) => [
      r.way, r.viewers, fixed(r.packetsPerSecond, 0), fixed(r.megabitsPerSecond, 0), fixed(r.cpu, 2), fixed(r.idleCpu, 2), fixed(r.microseconds.whole, 2),
      fixed(r.microseconds.marginal, 2), r.lost, r.overflow, reasons(r.dropped), r.late.p50, r.late.p99, r.verified, r.forged, fixed(r.sinksCpu, 2), fixed(r.softirqCpu, 2), fixed(r.viewersPerCore, 0),
    ]),
  );
}

function largest(results: readonly FanoutResult[], way: string): number {
  return Math.max(...results.filter((result) => result.way === way).map(({ viewers }) => viewers));
}

function reasons(dropped: Readonly<Record<string, number>>): string {
  const entries = Object.entries(dropped);
  return entries.length === 0 ? '0' : entries.map(([reason, count]) => `${count} ${reason}`).join(', ');
}

if (import.meta.main) {
  const [what = 'fanout', count] = process.argv.slice(2);
  if (what === 'profile') {
    await profileFanout(Number(count ?? 200), process.argv[4] === 'portable' ? { rtcFastPath: 'off' } : {});
  } else {
    await (what === 'idle' ? idleSuite(Number(count ?? 2000)) : fanoutSuite());
  }
}
