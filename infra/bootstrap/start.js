// `npm start`: sets up whatever is missing, then runs everything. Plain JavaScript without dependencies: it runs before
// anything is installed, on Node 20.
import { join } from 'node:path';

import { checkOwnNode, handOver } from './steps/node.js';
import { installPackages } from './steps/packages.js';
import { buildPlayer } from './steps/player.js';
import { provideFfmpeg } from './steps/programs.js';
import { root } from './steps/root.js';
import { fail } from './steps/terminal.js';

try {
  checkOwnNode();
  await installPackages();
  await provideFfmpeg();
  await buildPlayer();
} catch (error) {
  fail(error);
}
await handOver(join(root, 'infra', 'millrace', 'main.ts'), process.argv.slice(2));
