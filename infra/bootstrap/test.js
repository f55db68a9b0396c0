// `npm test`: the set-up of `npm start` plus a browser, NATS and nginx, then everything there is to check. The last line is the sum.
import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';

import { checks, closingLine, holdBackClosingLine } from './steps/checks.js';
import { checkOwnNode, findNode } from './steps/node.js';
import { installPackages } from './steps/packages.js';
import { buildPlayer } from './steps/player.js';
import { provideChromium, provideClusterPrograms, provideFfmpeg } from './steps/programs.js';
import { root } from './steps/root.js';
import { runWithProgress, tell } from './steps/terminal.js';

/** Every project in one run of vitest; its closing line is held back until all is summed up. */
function runVitest(node, env) {
  return new Promise((resolve) => {
    const args = [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)];
    const child = spawn(node, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const hold = holdBackClosingLine((text) => process.stdout.write(text));
    child.stdout.setEncoding('utf8').on('data', hold.push);
    child.on('error', () => resolve({ code: 1, sum: undefined }));
    child.on('close', (code) => resolve({ code: code ?? 1, sum: hold.end() }));
    for (const signal of ['SIGINT', 'SIGTERM']) {
      process.on(signal, () => child.kill(signal));
    }
  });
}

const sum = { passed: 0, failed: 0, skipped: 0 };
try {
  checkOwnNode();
  await installPackages();
  await provideFfmpeg();
  await provideChromium();
  await provideClusterPrograms();
  await buildPlayer();
  const node = await findNode();
  const env = {
    ...process.env,
    PATH: [join(root, 'node_modules', 'node', 'bin'), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
    ...(process.stdout.isTTY === true ? { FORCE_COLOR: '1' } : {}),
  };
  for (const { title, script, args } of checks) {
    const { code, output } = await runWithProgress(title, node, [join(root, 'node_modules', script), ...args], { cwd: root, env });
    sum[code === 0 ? 'passed' : 'failed'] += 1;
    if (code !== 0) {
      process.stdout.write(`${output.trimEnd()}\n`);
    }
  }
  const tests = await runVitest(node, env);
  sum.passed += tests.sum?.passed ?? 0;
  sum.skipped += tests.sum?.skipped ?? 0;
  // A run that ends badly without a failed test to show for it has failed all the same.
  sum.failed += tests.sum?.failed || (tests.code === 0 ? 0 : 1);
} catch (error) {
  tell(error);
  sum.failed += 1;
}
process.stdout.write(`\n${closingLine(sum)}\n`);
process.exitCode = sum.failed === 0 ? 0 : 1;
