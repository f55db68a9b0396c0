import type { NodeInfo } from '#core/bus/node.ts';
import { wallTime } from '#core/media/time.ts';

/** An edge as it tells of itself. */
export function edgeNode(node: string, { load = 0, url = `http://${node}.example`, ...more }: Partial<NodeInfo> & { readonly load?: number } = {}): NodeInfo {
  return { node, roles: ['edge'], version: '1', startedAt: wallTime(1), draining: false, url, edge: { viewers: { hls: 0, dash: 0, webrtc: 0 }, load, whep: true, archive: false }, ...more };
}
