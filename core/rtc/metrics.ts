import { Counter, Gauge, type Registry } from 'prom-client';

import type { EgressCounts } from './egress/datagram-egress.ts';
import type { CloseReason } from './transport.ts';

/** Why a datagram went no further. */
export const DROP_REASONS = [
  'unknown-protocol',
  'unknown-address',
  'malformed-stun',
  'unknown-ufrag',
  'unsigned-stun',
  'forged-stun',
  'replayed-stun',
  'unexpected-stun',
  'no-keys',
  'rejected-srtp',
  'no-path',
  'queue-full',
  'send-failed',
  'handler-failed',
] as const;

/** One of {@link DROP_REASONS}. */
export type DropReason = (typeof DROP_REASONS)[number];

/** Why a session could not be opened. */
export type RefusalReason = 'too-many-sessions' | 'stopping' | 'bad-peer' | 'tcp-connections';

/** What the transport counts as it goes: plain numbers, which the registry reads when it is asked. */
export class RtcCounters {
  readonly dropped: Record<DropReason, number> = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
  readonly closed: Record<CloseReason, number> = { 'consent-lost': 0, 'peer-closed': 0, closed: 0, 'connect-timeout': 0, 'dtls-failed': 0, 'transport-closed': 0 };
  readonly refused: Record<RefusalReason, number> = { 'too-many-sessions': 0, stopping: 0, 'bad-peer': 0, 'tcp-connections': 0 };
  readonly sent = { udp: { packets: 0, bytes: 0 }, tcp: { packets: 0, bytes: 0 } };
  readonly received = { udp: { packets: 0, bytes: 0 }, tcp: { packets: 0, bytes: 0 } };
  checksAnswered = 0;
  checksRefused = 0;
  pathChecks = 0;
  pathChanges = 0;
  restarts = 0;
}

/** What is read at the moment of asking, of all threads together. */
export type RtcGauges = {
  readonly counts: () => {
    readonly counters: RtcCounters;
    readonly sessions: { readonly connecting: number; readonly connected: number };
    /** What the UDP socket's sending halves have counted. */
    readonly egress: Pick<EgressCounts, 'dropped' | 'calls'>;
  };
  readonly tcpConnections: () => number;
};

/** Tells the registry of the transport's counters. */
export function registerRtcMetrics(registry: Registry, { counts, tcpConnections }: RtcGauges): void {
  const registers = [registry];
  new Gauge({
    name: 'millrace_rtc_sessions',
    help: 'WebRTC sessions, publishers and viewers, by state: connecting (waiting for ICE and DTLS) and connected.',
    labelNames: ['state'],
    registers,
    collect() {
      Object.entries(counts().sessions).forEach(([state, count]) => this.set({ state }, count));
    },
  });
  new Gauge({ name: 'millrace_rtc_tcp_connections', help: 'Open TCP connections on the WebRTC port.', registers, collect() { this.set(tcpConnections()); } });
  byReason(registry, 'millrace_rtc_sessions_closed_total', 'WebRTC sessions that ended, by reason.', () => counts().counters.closed);
  byReason(registry, 'millrace_rtc_refused_total', 'WebRTC sessions and TCP connections that were not taken, by reason.', () => counts().counters.refused);
  byReason(registry, 'millrace_rtc_datagrams_dropped_total', 'Packets from or to WebRTC peers that were dropped, by reason: what was not proven, not understood, or had no room.', () => { const { counters, egress } = counts(); return { ...counters.dropped, 'send-failed': egress.dropped }; });
  byProtocol(registry, 'millrace_rtc_packets_sent_total', 'RTP and RTCP packets sent to WebRTC peers, by protocol.', () => counts().counters.sent, 'packets');
  byProtocol(registry, 'millrace_rtc_sent_bytes_total', 'Bytes of RTP and RTCP sent to WebRTC peers, protection included, by protocol.', () => counts().counters.sent, 'bytes');
  byProtocol(registry, 'millrace_rtc_datagrams_received_total', 'Packets of any kind that came to the WebRTC port, by protocol.', () => counts().counters.received, 'packets');
  byProtocol(registry, 'millrace_rtc_received_bytes_total', 'Bytes of any kind that came to the WebRTC port, by protocol.', () => counts().counters.received, 'bytes');
  total(registry, 'millrace_rtc_send_calls_total', 'System calls that sent datagrams: on the fast path one for a whole frame.', () => counts().egress.calls);
  total(registry, 'millrace_rtc_checks_answered_total', 'Verified ICE connectivity and consent checks that were answered.', () => counts().counters.checksAnswered);
  total(registry, 'millrace_rtc_checks_refused_total', 'ICE checks that were answered with an error.', () => counts().counters.checksRefused);
  total(registry, 'millrace_rtc_path_checks_total', 'Checks of our own: sent to an address before media may go there, and to peers that have gone silent.', () => counts().counters.pathChecks);
  total(registry, 'millrace_rtc_path_changes_total', 'Connected sessions whose media moved to another address.', () => counts().counters.pathChanges);
  total(registry, 'millrace_rtc_ice_restarts_total', 'ICE restarts.', () => counts().counters.restarts);
}

function byReason(registry: Registry, name: string, help: string, read: () => Readonly<Record<string, number>>): void {
  new Counter({
    name,
    help,
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      Object.entries(read()).forEach(([reason, count]) => this.inc({ reason }, count));
    },
  });
}

function byProtocol(registry: Registry, name: string, help: string, read: () => RtcCounters['sent'], unit: 'packets' | 'bytes'): void {
  new Counter({
    name,
    help,
    labelNames: ['protocol'],
    registers: [registry],
    collect() {
      const { udp, tcp } = read();
      this.reset();
      this.inc({ protocol: 'udp' }, udp[unit]);
      this.inc({ protocol: 'tcp' }, tcp[unit]);
    },
  });
}

function total(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}
