#!/usr/bin/env node
// Finds a Node that runs TypeScript, then hands over to the command line proper.
import { join } from 'node:path';

import { checkOwnNode, handOver } from '../bootstrap/steps/node.js';
import { root } from '../bootstrap/steps/root.js';
import { fail } from '../bootstrap/steps/terminal.js';

try {
  checkOwnNode();
  await handOver(join(root, 'infra', 'millrace', 'main.ts'), process.argv.slice(2));
} catch (error) {
  fail(error);
}
