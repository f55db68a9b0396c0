import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const read = (path: string): string => readFileSync(pathOf(path), 'utf8');

/** Names, types and labels of docs/metrics.md, which another test compares with what the server registers. */
const documented = new Map(
  read('../../docs/metrics.md')
    .split('\n')
    .filter((line) => line.startsWith('| `millrace_'))
    .map((line) => {
      const [, name = '', type = '', labels = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return [name.replaceAll('`', ''), { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) }] as const;
    }),
);

type Alert = { readonly alert?: string; readonly record?: string; readonly expr: string; readonly labels?: { readonly severity: string }; readonly annotations?: { readonly summary: string; readonly runbook: string } };
const rules = (load(read('millrace.rules.yaml')) as { groups: readonly { readonly rules: readonly Alert[] }[] }).groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule) => rule.alert !== undefined);

type Panel = { readonly title: string; readonly targets?: readonly { readonly expr: string }[] };
const dashboard = JSON.parse(read('../grafana/millrace.json')) as { readonly panels: readonly Panel[]; readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] } };
const queries = [
  ...rules.map(({ alert, record, expr }) => [alert ?? record ?? '', expr] as const),
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
  ...dashboard.templating.list.map(({ query }) => ['a variable', typeof query === 'string' ? query : query.query] as const),
];

/** Labels that a scrape adds, or that Prometheus has itself. */
const ADDED = new Set(['instance', 'role', 'job', 'le', 'alertname', 'alertstate', 'namespace', 'pod']);

/** Metrics that an expression names, with the labels that it selects by. */
function selectorsIn(expr: string): readonly { readonly name: string; readonly labels: readonly string[] }[] {
  const named = expr.matchAll(/\b(millrace_[a-z0-9_]+)\b(?:\{([^}]*)\})?/g);
  return [...named].map(([, name = '', labels = '']) => ({ name, labels: [...labels.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label) }));
}

/** The metric behind a series: histograms have three. */
function metricOf(name: string): string {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return documented.get(base)?.type === 'histogram' ? base : name;
}

describe('Prometheus rules and the Grafana dashboard', () => {
  test('are there, and ask for something', () => {
    expect(queries.length).toBeGreaterThan(40);
    expect(queries.filter(([, expr]) => selectorsIn(expr).length === 0 && !/\bup\{|label_values|ALERTS|^prometheus$/.test(expr))).toEqual([]);
  });

  test.each(queries)('%s: %s names metrics and labels that there are', (_title, expr) => {
    for (const { name, labels } of selectorsIn(expr)) {
      const metric = documented.get(metricOf(name));
      expect(metric, name).toBeDefined();
      expect(labels.filter((label) => !ADDED.has(label) && !metric?.labels.includes(label)), name).toEqual([]);
    }
    const grouped = [...expr.matchAll(/\b(?:by|ignoring|on)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(',').map((label) => label.trim()));
    const known = new Set(selectorsIn(expr).flatMap(({ name }) => documented.get(metricOf(name))?.labels ?? []));
    expect(grouped.filter((label) => !ADDED.has(label) && !known.has(label))).toEqual([]);
  });

  test('rates are taken of counters, and of nothing else', () => {
    for (const [title, expr] of queries) {
      for (const [, name = ''] of expr.matchAll(/\b(?:rate|increase)\((millrace_[a-z0-9_]+)/g)) {
        expect(['counter', 'histogram'], `${title}: ${name}`).toContain(documented.get(metricOf(name))?.type);
      }
    }
  });

  test.each(alerts.map((alert) => [alert.alert ?? '', alert] as const))('%s says how bad it is, what happened, and what to do', (name, { labels, annotations }) => {
    expect(name).toMatch(/^Millrace[A-Z]/);
    expect(['critical', 'warning']).toContain(labels?.severity);
    expect(annotations?.summary.length).toBeGreaterThan(20);
    expect(annotations?.runbook.length).toBeGreaterThan(10);
  });

  test('panels lie side by side, none over another', () => {
    const places = (dashboard.panels as unknown as readonly { readonly id: number; readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number } }[]).map(({ gridPos }) => gridPos);
    const overlaps = places.flatMap((a, i) => places.slice(i + 1).filter((b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h));
    expect(overlaps).toEqual([]);
    expect(new Set((dashboard.panels as unknown as readonly { readonly id: number }[]).map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  test.runIf(spawnSync('promtool', ['--version']).status === 0)('promtool finds nothing wrong with the rules, the tests of the rules and the configuration', () => {
    const checks = [['check', 'rules', pathOf('millrace.rules.yaml')], ['check', 'config', '--syntax-only', pathOf('prometheus.yaml')], ['test', 'rules', pathOf('millrace.rules.test.yaml')]];
    for (const args of checks) {
      const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
      expect(status, `${stdout}${stderr}`).toBe(0);
    }
  });
});
