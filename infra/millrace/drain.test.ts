import { describe, expect, it } from 'vitest';

import type { NodeInfo } from '#core/bus/node.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { createLog } from '#core/runtime/log.ts';

import { drainStages } from './drain.ts';

const { log } = createLog({ level: 'fatal' });
const common = { version: '1', startedAt: wallTime(1), draining: false, url: 'http://x' } as const;
const edge: NodeInfo = { ...common, node: 'edge-2', roles: ['edge'], edge: { viewers: { hls: 0, dash: 0, webrtc: 0 }, load: 0, whep: true, archive: false } };
const transcode: NodeInfo = { ...common, node: 'transcode-2', roles: ['transcode'], transcode: { megapixelsPerSecond: 1, budget: 1, used: 0, broadcasts: 0, cores: 1 } };

function drained(nodes: readonly NodeInfo[], limit = millis(5000)): Promise<readonly string[]> {
  const asked: string[] = [];
  const part = (name: string): { drain(limit: number): Promise<void> } => ({
    drain: (given) => {
      asked.push(`${name} ${given}`);
      return Promise.resolve();
    },
  });
  return drainStages({ nodes, node: 'self', limit, edge: part('edge'), transcode: part('transcode'), log }).then(() => asked);
}

describe('a process that leaves', () => {
  it('hands on what another process can take', async () => {
    expect(await drained([edge, transcode])).toEqual(['edge 5000', 'transcode 5000']);
    expect(await drained([transcode])).toEqual(['transcode 5000']);
  });

  it('does not wait where there is no other, or only itself, or only ones that leave too', async () => {
    expect(await drained([])).toEqual([]);
    expect(await drained([{ ...edge, node: 'self' }, { ...edge, draining: true }])).toEqual([]);
  });
});
