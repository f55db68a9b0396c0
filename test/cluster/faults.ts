import { until } from '#test/support/until.ts';

import { API_TOKEN, type Cluster } from './cluster.ts';
import type { GapCollector } from './missing-groups.ts';
import type { Seen, Viewer } from './viewer.ts';

/** What happens to a process: killed and started again after {@link FAULT_SECONDS}, stopped for so long, or its cable pulled for so long. */
export type Fault = 'kill -9' | 'stop' | 'cut off';

/** How long a fault lasts. Longer than a lease of who is gone, so that others take over in between. */
export const FAULT_SECONDS = 6;

/** What one viewer saw of a fault. */
export type Sight = {
  readonly viewer: string;
  /** Seconds without a new picture, all freezes of more than 0.4 s together, and the longest. */
  readonly frozen: number;
  readonly longest: number;
  readonly reloads: number;
  /** Seconds from the fault until pictures came steadily again. */
  readonly wellAfter: number;
};

/** A row of the table of faults. `gaps`: groups that are missing at the other edge, over all renditions. */
export type FaultRow = { readonly target: string; readonly fault: Fault; readonly sights: readonly Sight[]; readonly gaps: number };

/** What {@link sufferFault} works with. */
export type SufferOptions = {
  readonly cluster: Cluster;
  readonly viewers: Readonly<Record<string, Viewer>>;
  /** The process, or `nats`. */
  readonly target: string;
  readonly fault: Fault;
  readonly gaps: Pick<GapCollector, 'count'>;
};

/** Pictures must come for so long without a freeze before a viewer is well again. */
const STEADY_MILLIS = 3000;

/** Lets a process suffer under running viewers, brings it back, and waits until every viewer is well again, without touching their pages. */
export async function sufferFault({ cluster, viewers, target, fault, gaps }: SufferOptions): Promise<FaultRow> {
  const named = Object.entries(viewers);
  const before = new Map<string, Seen>();
  const gapsBefore = gaps.count;
  for (const [name, viewer] of named) {
    before.set(name, await viewer.seen());
  }
  const began = performance.now();
  const undo = await strike(cluster, target, fault);
  await new Promise((resolve) => setTimeout(resolve, FAULT_SECONDS * 1000));
  await undo();
  const sights = await Promise.all(
    named.map(async ([name, viewer]) => {
      const first = before.get(name);
      const since = first?.now ?? 0;
      const seen = await until(
        `${name} to be well after ${fault} of ${target}`,
        async () => {
          const now = await viewer.seen();
          const last = now.freezes.at(-1);
          const steady = last === undefined ? now.now : now.now - (last.at + last.length);
          return steady > STEADY_MILLIS && now.pictures > (first?.pictures ?? 0) && performance.now() - began > STEADY_MILLIS ? now : undefined;
        },
        { deadline: 60_000, every: 200 },
      );
      const freezes = seen.freezes.filter(({ at, length }) => at + length > since);
      const lengths = freezes.map(({ length }) => length / 1000);
      const end = freezes.at(-1);
      return {
        viewer: name,
        frozen: lengths.reduce((sum, length) => sum + length, 0),
        longest: Math.max(0, ...lengths),
        reloads: viewer.reloads,
        wellAfter: end === undefined ? 0 : (end.at + end.length - since) / 1000,
      };
    }),
  );
  return { target, fault, sights, gaps: gaps.count - gapsBefore };
}

/** Does it, and gives what takes it back. */
async function strike(cluster: Cluster, target: string, fault: Fault): Promise<() => Promise<void>> {
  if (target === 'nats') {
    return strikeNats(cluster, fault);
  }
  const node = cluster.node(target);
  switch (fault) {
    case 'kill -9':
      await node.kill();
      return () => node.start();
    case 'stop':
      node.pause();
      return () => Promise.resolve(node.resume());
    case 'cut off': {
      const host = cluster.host(target);
      await host.cut();
      return () => host.restore();
    }
  }
}

async function strikeNats({ nats }: Cluster, fault: Fault): Promise<() => Promise<void>> {
  if (fault === 'kill -9') {
    await nats.kill();
    return () => nats.restart();
  }
  nats.pause();
  return () => Promise.resolve(nats.resume());
}

/** The process that encodes now: the transcoder with a broadcast. */
export async function encodingNode(cluster: Cluster): Promise<string> {
  return until('a transcoder to have work', async () => {
    const response = await fetch(`${cluster.node('control-1').url}/api/v1/nodes`, { headers: { Authorization: `Bearer ${API_TOKEN}` }, signal: AbortSignal.timeout(2000) });
    const { nodes } = (await response.json()) as { nodes: readonly { node: string; transcode?: { broadcasts: number } | null }[] };
    return nodes.find(({ transcode }) => (transcode?.broadcasts ?? 0) > 0)?.node;
  });
}

/** The edge at which all viewers are. */
export async function edgeInUse(cluster: Cluster, viewers: Readonly<Record<string, Viewer>>): Promise<string> {
  return until('all viewers to be at one edge', async () => {
    const urls = await Promise.all(Object.values(viewers).map(({ page }) => page.evaluate(() => (globalThis as unknown as { millrace?: { stats: { edge: { url: string } } } }).millrace?.stats.edge.url)));
    const [first] = urls;
    return first !== undefined && urls.every((url) => url === first) ? cluster.names.find((name) => first.startsWith(cluster.node(name).url)) : undefined;
  });
}

/** The table as text, for the log and for docs/clusters.md. */
export function renderTable(rows: readonly FaultRow[]): string {
  const viewers = rows[0]?.sights.map(({ viewer }) => viewer) ?? [];
  const heads = ['process', 'fault', ...viewers.map((viewer) => `${viewer}: frozen (longest), s`), 'reloads', 'groups missing'];
  const lines = rows.map(({ target, fault, sights, gaps }) => [
    target,
    fault,
    ...sights.map(({ frozen, longest }) => (frozen === 0 ? 'nothing' : `${frozen.toFixed(1)} (${longest.toFixed(1)})`)),
    `${sights.reduce((sum, { reloads }) => sum + reloads, 0)}`,
    `${gaps}`,
  ]);
  return [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
