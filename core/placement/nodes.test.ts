import { afterEach, describe, expect, it } from 'vitest';

import { createLocalBus } from '../bus/local/local-bus.ts';
import type { NodeInfo } from '../bus/node.ts';
import { wallTime } from '../media/time.ts';
import { Nodes } from './nodes.ts';

const info: NodeInfo = { node: 'edge-1', roles: ['edge'], version: '1', startedAt: wallTime(1), draining: false };

describe('the processes on the bus', () => {
  const bus = createLocalBus();

  afterEach(() => bus.close());

  it('are kept as they were last heard of', () => {
    bus.present(info);
    const nodes = new Nodes(bus);
    let changes = 0;
    nodes.onChange(() => (changes += 1));
    bus.present({ ...info, node: 'a', draining: true });
    bus.present({ ...info, draining: true });
    expect(nodes.list().map(({ node, draining }) => [node, draining])).toEqual([['a', true], ['edge-1', true]]);
    expect(changes).toBe(2);
    nodes.close();
    expect(nodes.list()).toEqual([]);
  });
});
