import { describe, expect, it } from 'vitest';

import type { NodeInfo } from '../bus/node.ts';
import { wallTime } from '../media/time.ts';
import { edgesFor, ingestsFor, livingEdges } from './choose.ts';

const common = { version: '1', startedAt: wallTime(1), draining: false } as const;

function edge(node: string, load: number, more: Partial<NodeInfo> = {}): NodeInfo {
  return { ...common, node, roles: ['edge'], url: `http://${node}`, edge: { viewers: { hls: 0, dash: 0, webrtc: 0 }, load, whep: true, archive: false }, ...more };
}

function ingest(node: string, publishers: number): NodeInfo {
  return { ...common, node, roles: ['ingest'], url: `http://${node}`, ingest: { publishers, maxPublishers: 10, whip: true } };
}

const names = (nodes: readonly NodeInfo[]): readonly string[] => nodes.map(({ node }) => node);

describe('choosing a node', () => {
  it('puts edges of the asker\'s region first, then the emptier ones', () => {
    const nodes = [edge('a', 0.1, { region: 'us' }), edge('b', 0.5, { region: 'eu' }), edge('c', 0.2, { region: 'eu' })];
    expect(names(edgesFor(nodes, { region: 'eu' }))).toEqual(['c', 'b', 'a']);
    expect(names(edgesFor(nodes))).toEqual(['a', 'c', 'b']);
  });

  it('names neither full, nor draining, nor unreachable ones, nor who asks', () => {
    const { url: _none, ...hidden } = edge('hidden', 0);
    const nodes = [edge('full', 1), edge('leaving', 0, { draining: true }), hidden, edge('asker', 0), edge('good', 0.9), ingest('other', 0)];
    expect(names(edgesFor(nodes, { except: ['asker'] }))).toEqual(['good']);
  });

  it('names every edge that lives to who has lost the others: full ones behind the open ones, draining ones last', () => {
    const { url: _none, ...hidden } = edge('hidden', 0);
    const nodes = [edge('leaving', 0, { draining: true, region: 'eu' }), edge('full', 1, { region: 'eu' }), edge('open', 0.9, { region: 'us' }), hidden, ingest('other', 0)];
    expect(names(livingEdges(nodes, { region: 'eu' }))).toEqual(['open', 'full', 'leaving']);
    expect(names(livingEdges(nodes, { except: ['full'] }))).toEqual(['open', 'leaving']);
  });

  it('spreads askers over equals', () => {
    const nodes = [edge('a', 0.01), edge('b', 0.02), edge('c', 0.5)];
    expect(names(edgesFor(nodes, {}, 0))).toEqual(['a', 'b', 'c']);
    expect(names(edgesFor(nodes, {}, 0.4))).toEqual(['b', 'a', 'c']);
  });

  it('finds ingests with room for a publisher', () => {
    expect(names(ingestsFor([ingest('busy', 9), ingest('full', 10), ingest('idle', 0), { ...ingest('leaving', 0), draining: true }]))).toEqual(['idle', 'busy']);
  });

  it('finds ingests without WHIP where anything will do', () => {
    const rtmpOnly = { ...ingest('rtmp', 0), ingest: { publishers: 0, maxPublishers: 1, whip: false } };
    expect(names(ingestsFor([rtmpOnly, ingest('both', 0)]))).toEqual(['both']);
    expect(names(ingestsFor([rtmpOnly, ingest('both', 0)], { takes: 'anything' }))).toEqual(['both', 'rtmp']);
  });
});
