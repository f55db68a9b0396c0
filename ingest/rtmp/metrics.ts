import { Counter, Gauge, type Registry } from 'prom-client';

/** Why a connection or a publisher was turned away; the label `reason` of `millrace_rtmp_refused_total`. */
export type RefusalReason =
  | 'connections'
  | 'connections-per-address'
  | 'handshake-timeout'
  | 'limit'
  | 'malformed'
  | 'app'
  | 'play'
  | 'key'
  | 'busy'
  | 'full'
  | 'stopping'
  | 'unsupported'
  | 'failed';

/** The metrics of RTMP ingest. */
export type RtmpMetrics = {
  readonly connections: Gauge<'protocol'>;
  readonly refused: Counter<'reason'>;
  readonly receivedBytes: Counter<'protocol'>;
  readonly droppedMessages: Counter<'kind'>;
};

/** Registers the metrics of RTMP ingest. */
export function rtmpMetrics(registry: Registry): RtmpMetrics {
  const registers = [registry];
  return {
    connections: new Gauge({ name: 'millrace_rtmp_connections', help: 'Open RTMP connections, publishing or not, by protocol (rtmp, rtmps).', labelNames: ['protocol'], registers }),
    refused: new Counter({ name: 'millrace_rtmp_refused_total', help: 'RTMP connections and publishers turned away, by reason.', labelNames: ['reason'], registers }),
    receivedBytes: new Counter({ name: 'millrace_rtmp_received_bytes_total', help: 'Bytes received over RTMP, by protocol (rtmp, rtmps).', labelNames: ['protocol'], registers }),
    droppedMessages: new Counter({
      name: 'millrace_rtmp_dropped_messages_total',
      help: 'RTMP media messages that could not be used, by kind (video, audio, data).',
      labelNames: ['kind'],
      registers,
    }),
  };
}
