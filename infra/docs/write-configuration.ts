import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { optionGroups } from '../millrace/options.ts';
import { renderConfigurationPage, renderExampleFile } from './render-configuration.ts';

/** Writes what is documented of the options from their tables. */
const written = {
  'docs/configuration.md': renderConfigurationPage(optionGroups),
  'millrace.example.yaml': renderExampleFile(optionGroups),
};
for (const [path, text] of Object.entries(written)) {
  writeFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), text);
  console.log(`wrote ${path}`);
}
