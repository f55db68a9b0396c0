import { Counter, Gauge, type Registry } from 'prom-client';

/** Why a publisher was turned away or sent away; the label `reason` of `millrace_whip_refused_total`. */
export type RefusalReason = 'key' | 'stream' | 'offer' | 'busy' | 'full' | 'stopping' | 'unsupported' | 'failed';

/** What became of packets; the label `fate` of `millrace_whip_packets_total`. */
export type PacketFate = 'received' | 'lost' | 'recovered' | 'given-up' | 'unusable';

/** The metrics of WHIP ingest. */
export type WhipMetrics = {
  readonly sessions: Gauge;
  readonly refused: Counter<'reason'>;
  readonly receivedBytes: Counter;
  readonly packets: Counter<'fate'>;
  readonly keyRequests: Counter;
  readonly droppedUnits: Counter<'kind'>;
};

/** Registers the metrics of WHIP ingest. */
export function whipMetrics(registry: Registry): WhipMetrics {
  const registers = [registry];
  return {
    sessions: new Gauge({ name: 'millrace_whip_sessions', help: 'Open WHIP sessions, those still connecting included.', registers }),
    refused: new Counter({ name: 'millrace_whip_refused_total', help: 'WHIP publishers turned away, by reason.', labelNames: ['reason'], registers }),
    receivedBytes: new Counter({ name: 'millrace_whip_received_bytes_total', help: 'Bytes of RTP received over WHIP, decrypted.', registers }),
    packets: new Counter({
      name: 'millrace_whip_packets_total',
      help: 'RTP packets of WHIP publishers by what became of them: received, lost (on the way), recovered (asked for again and received), given-up, unusable.',
      labelNames: ['fate'],
      registers,
    }),
    keyRequests: new Counter({ name: 'millrace_whip_key_requests_total', help: 'Key frames asked of WHIP publishers (PLI).', registers }),
    droppedUnits: new Counter({
      name: 'millrace_whip_dropped_units_total',
      help: 'Access units of WHIP publishers that could not be used, by kind (video, audio).',
      labelNames: ['kind'],
      registers,
    }),
  };
}
