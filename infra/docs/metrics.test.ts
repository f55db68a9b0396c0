import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startControl } from '#control/main.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { MediaCounters, registerMediaMetrics } from '#core/bus/nats/media/counters.ts';
import { createNatsMetrics } from '#core/bus/nats/metrics.ts';
import { startRtcTransport } from '#core/rtc/start-transport.ts';
import { readFlags } from '#core/runtime/config/flags.ts';
import { loadConfig } from '#core/runtime/config/load.ts';
import { createLog } from '#core/runtime/log.ts';
import { createMetrics } from '#core/runtime/metrics.ts';
import { startEdge } from '#edge/main.ts';
import { startIngest } from '#ingest/main.ts';
import { startTranscode } from '#transcode/main.ts';

import { allOptions } from '../millrace/options.ts';

/** A metric as it is registered, or as the page has it. */
type Documented = { readonly name: string; readonly type: string; readonly labels: readonly string[] };

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

/** Rows of the tables: `| name | type | labels | unit | meaning | alert |`. */
const documented: readonly (Documented & { readonly unit: string; readonly meaning: string })[] = page
  .split('\n')
  .filter((line) => line.startsWith('| `millrace_'))
  .map((line) => {
    const [, name = '', type = '', labels = '', unit = '', meaning = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return { name: name.replaceAll('`', ''), type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label), unit, meaning };
  });

const home = mkdtempSync(join(tmpdir(), 'millrace-metrics-'));
const closing: (() => Promise<void>)[] = [];
let registered: readonly Documented[] = [];

/** Every stage as `millrace up` starts it, on ports of the system's choice. */
async function startStages(metrics: Registry): Promise<void> {
  const argv = ['--host', '127.0.0.1', '--data-dir', home, '--http-port', '0', '--rtmp-port', '0', '--webrtc-port', '0', '--transcode-capacity', '10'];
  const { values: config } = loadConfig({ options: allOptions, commandLine: readFlags(argv, allOptions), env: {}, defaultFile: join(home, 'none.yaml') });
  const bus = createLocalBus();
  closing.push(() => bus.close());
  // What the link to NATS registers besides.
  createNatsMetrics(metrics, () => 0);
  registerMediaMetrics(metrics, new MediaCounters(), () => 0);
  const deps = { config, bus, metrics, log: createLog({ level: 'silent' }).log };
  const control = await startControl(deps);
  closing.push(() => control.close());
  const rtc = await startRtcTransport(deps);
  closing.push(() => rtc.close());
  const stages = [await startEdge({ ...deps, rtc, apps: [control.router] }), await startTranscode(deps), await startIngest({ ...deps, rtc, policy: control.policy })];
  closing.push(...stages.map((stage) => () => stage.close()));
}

/** What the registry knows; prom-client keeps the labels' names, but does not tell of them in its types. */
async function read(metrics: Registry): Promise<readonly Documented[]> {
  const all = await metrics.getMetricsAsJSON();
  return all.map(({ name, type }) => {
    const metric: unknown = metrics.getSingleMetric(name);
    const labels = (metric as { readonly labelNames?: readonly string[] }).labelNames ?? [];
    return { name, type: String(type), labels: [...labels] };
  });
}

beforeAll(async () => {
  const metrics = createMetrics();
  await startStages(metrics);
  registered = await read(metrics);
}, 20_000);

afterAll(async () => {
  for (const close of closing.reverse()) {
    await close();
  }
  rmSync(home, { recursive: true, force: true });
});

describe('docs/metrics.md', () => {
  test('names every metric that the stages register, and no other', () => {
    expect(registered.length).toBeGreaterThan(50);
    expect(documented.map(({ name }) => name).toSorted()).toEqual(registered.map(({ name }) => name).toSorted());
  });

  test('has their types and labels', () => {
    const facts = new Map(registered.map((metric) => [metric.name, metric]));
    for (const { name, type, labels } of documented) {
      expect({ name, type, labels: labels.toSorted() }).toEqual({ name, type: facts.get(name)?.type, labels: facts.get(name)?.labels.toSorted() });
    }
  });

  test.each(documented.map(({ name, unit, meaning }) => [name, unit, meaning]))('says what %s is', (_name, unit, meaning) => {
    expect(unit).not.toBe('');
    expect(meaning).not.toBe('');
  });
});
