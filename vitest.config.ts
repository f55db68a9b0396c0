import { join } from 'node:path';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';

const stages = '{core,ingest,transcode,edge,control,infra}';
/** When a condition is given up that a test waits for. A busy machine takes its time; no bound is tested by it. */
const patience = { expect: { poll: { timeout: 30_000 } }, setupFiles: [join(import.meta.dirname, 'test/support/patience.ts')], testTimeout: 60_000, hookTimeout: 60_000 };

/** Tests that start processes share two cores: so many files at a time, after everything of the groups before, with time to spare. */
const processes = (groupOrder: number, maxWorkers: number) => ({ ...patience, maxWorkers, testTimeout: 120_000, hookTimeout: 120_000, sequence: { groupOrder } }) as const;

/** Pages over media that are there already: a busy machine makes them wait, and nothing else. */
const kept = '{dash,recordings,rewind}';

export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    projects: [
      { test: { name: 'unit', ...patience, include: [`${stages}/**/*.test.ts`, 'player/src/**/*.test.ts', 'test/{support,bench,soak}/**/*.test.ts'], exclude: ['player/src/**/*.browser.test.ts'] } },
      {
        plugins: [svelte()],
        root: 'player',
        test: {
          name: 'player',
          ...patience,
          sequence: { groupOrder: 1 },
          include: ['src/**/*.browser.test.ts'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'] } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      { test: { name: 'integration', include: ['test/{integration,fuzz}/**/*.test.ts'], ...processes(2, 2) } },
      { test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], ...processes(2, 2) } },
      { test: { name: 'pages', include: [`test/e2e/${kept}/**/*.test.ts`], ...processes(2, 2) } },
      { test: { name: 'e2e', include: ['test/{e2e,cluster}/**/*.test.ts'], exclude: [`test/e2e/${kept}/**`], ...processes(3, 1) } },
    ],
  },
});
