import { z } from 'zod';

import { environmentName, flagName } from './names.ts';
import type { Option, OptionGroup } from './option.ts';
import { isSwitch } from './values.ts';

/** An option in words, for help and documentation. */
export type OptionDescription = {
  readonly key: string;
  readonly flag: string;
  readonly environment: string;
  /** `number`, `text`, `on/off`, `list`, or the words it takes: `auto | source`. */
  readonly kind: string;
  /** The default as it would be written in the file; undefined where there is none. Never a secret. */
  readonly default?: string;
  readonly about: string;
  readonly example?: string;
  readonly secret: boolean;
};

/** Describes an option for people. */
export function describeOption(key: string, option: Option): OptionDescription {
  const value = option.schema.safeParse(undefined).data;
  const kind = isSwitch({ [key]: option }, key) ? 'on/off' : kindOf(option.schema);
  const preset = value === undefined ? undefined : kind === 'on/off' ? (value === true ? 'on' : 'off') : writeValue(value);
  return {
    key,
    flag: flagName(key),
    environment: environmentName(key),
    kind,
    ...(preset === undefined ? {} : { default: preset }),
    about: option.about,
    ...(option.example === undefined ? {} : { example: option.example }),
    secret: option.secret ?? false,
  };
}

/** Help for a terminal: every option with its default. */
export function renderHelp(groups: readonly OptionGroup[]): string {
  const blocks = groups.map(({ title, options }) => {
    const entries = Object.entries(options).map(([key, option]) => {
      const { flag, kind, about, default: preset } = describeOption(key, option);
      const facts = preset === undefined ? kind : `${kind}, default ${preset}`;
      return `  ${flag}  (${facts})\n${wrap(about.replaceAll('`', ''), 6)}`;
    });
    return `${title}\n${entries.join('\n')}`;
  });
  return blocks.join('\n\n');
}

type JsonSchema = { readonly type?: string; readonly enum?: readonly unknown[]; readonly format?: string; readonly anyOf?: readonly JsonSchema[] };

function kindOf(schema: z.ZodType): string {
  const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return [...new Set(kindsOf(described))].join(' | ') || 'text';
}

function kindsOf(schema: JsonSchema): string[] {
  if (schema.anyOf !== undefined) {
    return schema.anyOf.flatMap(kindsOf);
  }
  if (schema.enum !== undefined) {
    return schema.enum.map(String);
  }
  switch (schema.type) {
    case 'integer':
    case 'number':
      return ['number'];
    case 'boolean':
      return ['on/off'];
    case 'array':
      return ['list'];
    case 'object':
      return ['mapping'];
    case 'string':
      return [schema.format === 'uri' ? 'URL' : 'text'];
    default:
      return [];
  }
}

function writeValue(value: unknown): string {
  return typeof value === 'string' && value !== '' && !/^[\s[{'"&*!|>%@`:-]|: | #/.test(value) ? value : JSON.stringify(value);
}

function wrap(text: string, indent: number): string {
  const width = 100 - indent;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each).join('\n');
}
