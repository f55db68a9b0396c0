import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';

import type { BroadcastInfo, IngestHealth, SourceCatalog } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import { rtcOptions } from '#core/rtc/options.ts';
import { startRtcTransport } from '#core/rtc/start-transport.ts';
import type { RtcTransport } from '#core/rtc/transport.ts';
import { commonOptions } from '#core/runtime/config/common.ts';
import { ingestOptions, type IngestConfig } from '#ingest/config.ts';
import { startIngest } from '#ingest/main.ts';

export const KEY = 'show_0123456789abcdef0123';

/** Ingest with WHIP on a bus of its own, and everything that comes out of it. */
export type WhipServer = {
  readonly url: string;
  readonly catalogs: readonly SourceCatalog[];
  readonly infos: readonly BroadcastInfo[];
  readonly health: readonly IngestHealth[];
  frames(track: string): readonly Frame[];
  metrics(): Promise<string>;
  close(): Promise<void>;
};

/** A transport on which packets are lost after they were decrypted: for the receiver, as if they never came. */
function lossy(transport: RtcTransport, lose: (packet: Uint8Array) => boolean): RtcTransport {
  return {
    port: transport.port,
    fingerprint: transport.fingerprint,
    candidates: transport.candidates,
    batch: transport.batch,
    counts: transport.counts,
    closed: transport.closed,
    close: () => transport.close(),
    open: (peer, handler) =>
      transport.open(peer, {
        connected: () => handler.connected(),
        rtcp: (compound, arrival) => handler.rtcp(compound, arrival),
        pathChanged: () => handler.pathChanged?.(),
        closed: (reason) => handler.closed(reason),
        rtp: (packet, arrival) => {
          if (!lose(packet)) {
            handler.rtp(packet, arrival);
          }
        },
      }),
  };
}

/** Starts it on ephemeral ports of the loopback interface. The stream is `show`, whatever the key. */
export async function startWhipServer(options: { readonly grace?: number; readonly log?: boolean; /** Which RTP packets are lost on the way. */ readonly lose?: (packet: Uint8Array) => boolean } = {}): Promise<WhipServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-whip-'));
  const defaults = Object.fromEntries(Object.entries({ ...commonOptions, ...ingestOptions, ...rtcOptions }).map(([name, { schema }]) => [name, schema.parse(undefined)]));
  const config = { ...defaults, host: '127.0.0.1', publicHost: '127.0.0.1', rtmpPort: 0, webrtcPort: 0, dataDir } as unknown as IngestConfig & { webrtcPort: number; maxRtcSessions: number; rtcFastPath: 'auto' | 'off' };
  const metrics = new Registry();
  const log = pino(options.log === true ? { level: 'debug' } : { enabled: false });
  const bus = createLocalBus();
  const transport = await startRtcTransport({ config, log, metrics });
  const rtc = options.lose === undefined ? transport : lossy(transport, options.lose);
  const policy = { decide: ({ key }: { key: string }) => Promise.resolve(key === KEY ? ({ allowed: true, stream: 'show' } as const) : ({ allowed: false, code: 'publish/unknown-key', message: 'unknown' } as const)) };
  const ingest = await startIngest({ config, bus, policy, log, metrics, rtc, ...(options.grace === undefined ? {} : { grace: millis(options.grace) }) });
  const http = createServer((request, response) => ingest.whip?.(request, response));
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  const catalogs: SourceCatalog[] = [];
  const infos: BroadcastInfo[] = [];
  const health: IngestHealth[] = [];
  const frames = new Map<string, Frame[]>();
  const known = new Set<string>();
  const follow = async (info: BroadcastInfo, track: string): Promise<void> => {
    const consumer = bus.consume(info.broadcast, trackName(track), { backlog: millis(60_000), maxFrames: 100_000, maxBytes: 1e9 });
    for await (const frame of consumer) {
      const list = frames.get(track) ?? [];
      frames.set(track, list);
      list.push(frame);
    }
  };
  bus.onBroadcast((info) => {
    infos.push(info);
    if (!known.has(info.broadcast)) {
      known.add(info.broadcast);
      bus.onCatalog(info.broadcast, 'source', (catalog) => catalogs.push(catalog));
      bus.onCatalog(info.broadcast, 'ingest', (value) => health.push(value));
      ['video', 'video-1', 'video-2', 'audio'].forEach((track) => void follow(info, track));
    }
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/whip`,
    catalogs,
    infos,
    health,
    frames: (track) => frames.get(track) ?? [],
    metrics: () => metrics.metrics(),
    close: async () => {
      await ingest.close();
      await rtc.close();
      http.closeAllConnections();
      await new Promise((resolve) => {
        http.close(resolve);
      });
      await bus.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
