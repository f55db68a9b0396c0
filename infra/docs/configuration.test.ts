import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { readConfigText } from '#core/runtime/config/file.ts';
import { environmentName, flagName } from '#core/runtime/config/names.ts';
import { validateOption } from '#core/runtime/config/validate.ts';

import { allOptions, optionGroups } from '../millrace/options.ts';
import { renderConfigurationPage, renderExampleFile } from './render-configuration.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const keys = Object.keys(allOptions);

describe('the documentation of options', () => {
  test.each([
    ['docs/configuration.md', renderConfigurationPage],
    ['millrace.example.yaml', renderExampleFile],
  ])('%s is what the tables say (else run `node infra/docs/write-configuration.ts`)', (path, render) => {
    expect(read(path)).toBe(render(optionGroups));
  });

  test.each(keys)('%s stands in the page and in the example', (key) => {
    expect(read('docs/configuration.md')).toContain(`| \`${key}\` | \`${environmentName(key)}\` \`${flagName(key)}\` |`);
    expect(read('millrace.example.yaml')).toMatch(new RegExp(`^#${key}:`, 'm'));
  });

  test('no key stands in two tables', () => {
    const all = optionGroups.flatMap(({ options }) => Object.keys(options));
    expect(all.filter((key, index) => all.indexOf(key) !== index)).toEqual([]);
    expect(new Set(all)).toEqual(new Set(keys));
  });

  test('the example with every line uncommented is a valid configuration', () => {
    const text = read('millrace.example.yaml').replace(/^#(?=\w+:)/gm, '');
    const { values, problems } = readConfigText(text, 'millrace.example.yaml', allOptions);
    expect(problems).toEqual([]);
    for (const key of keys) {
      expect(validateOption(key, allOptions, values.get(key)), key).toHaveProperty('value');
    }
  });
});
