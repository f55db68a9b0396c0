import { expect, test } from 'vitest';

import { createMetrics } from './metrics.ts';

test('every metric of the process carries the prefix and a help text', async () => {
  const metrics = await createMetrics().getMetricsAsJSON();
  expect(metrics.map(({ name }) => name)).toContain('millrace_process_cpu_seconds_total');
  for (const { name, help } of metrics) {
    expect(name).toMatch(/^millrace_/);
    expect(help).not.toBe('');
  }
});
