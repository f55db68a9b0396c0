import type { NodeInfo } from '#core/bus/node.ts';
import { wallTime } from '#core/media/time.ts';

const common = { version: '1.2.3', startedAt: wallTime(0), draining: false } as const;

/** An edge for tests, at `http://<name>:8080`. */
export function edgeNode(node: string, more: Partial<NodeInfo> & { readonly load?: number; readonly archive?: boolean } = {}): NodeInfo {
  const { load = 0, archive = false, ...info } = more;
  return { ...common, node, roles: ['edge'], url: `http://${node}:8080`, edge: { viewers: { hls: 1, dash: 0, webrtc: 2 }, load, whep: true, archive }, ...info };
}

/** An ingest for tests, at `http://<name>:8080`. */
export function ingestNode(node: string, more: Partial<NodeInfo> & { readonly publishers?: number; readonly whip?: boolean } = {}): NodeInfo {
  const { publishers = 0, whip = true, ...info } = more;
  return { ...common, node, roles: ['ingest'], url: `http://${node}:8080`, ingest: { publishers, maxPublishers: 2, rtmpUrl: `rtmp://${node}:1935/live`, whip }, ...info };
}

/** A transcoder for tests. */
export function transcodeNode(node: string, megapixelsPerSecond: number): NodeInfo {
  return { ...common, node, roles: ['transcode'], transcode: { megapixelsPerSecond, budget: megapixelsPerSecond / 2, used: 10, broadcasts: 1, cores: 4 } };
}
