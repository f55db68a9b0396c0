import type { z } from 'zod';

import { parseValueText } from './file.ts';
import { environmentName, flagName } from './names.ts';
import type { Option, OptionTable } from './option.ts';
import type { GivenValue } from './values.ts';

type Issue = z.core.$ZodIssue;

/** One option's outcome: its value, or what is wrong in words for the user. */
export type Validated = { readonly value: unknown } | { readonly problems: readonly string[] };

/** Validates one option as given, or its default where nothing was. Quotes no value of a secret option. */
export function validateOption(key: string, options: OptionTable, given: GivenValue | undefined): Validated {
  const option = options[key]!;
  if (given === undefined) {
    const absent = option.schema.safeParse(undefined);
    return absent.success
      ? { value: absent.data }
      : { problems: [`${key}: is needed. Set it in the configuration file, as ${environmentName(key)} or as ${flagName(key)}`] };
  }
  const result = parseGiven(option, given);
  if (result.success) {
    return { value: result.data };
  }
  return { problems: result.error.issues.map((issue) => describeIssue(issue, option, given)) };
}

function parseGiven(option: Option, given: GivenValue): z.ZodSafeParseResult<unknown> {
  const { value } = given;
  const plain = option.schema.safeParse(value);
  if (coercedFromNoNumber(plain, value)) {
    return option.schema.safeParse(Number.NaN);
  }
  if (typeof value !== 'string' || given.origin === 'file') {
    return plain;
  }
  // Lists, mappings and numbers reach a flag or a variable as text.
  const isStructured = /^\s*[[{]/.test(value);
  if (plain.success && !isStructured) {
    return plain;
  }
  const parsed = parseValueText(value);
  const typed = option.schema.safeParse(parsed);
  const isNearer = typeof parsed !== 'string' && !plain.success && (isStructured || plain.error.issues[0]?.code === 'invalid_type');
  return typed.success || isNearer ? typed : plain;
}

/** `Number(true)`, `Number(' ')` and `Number([])` are numbers to a coercing schema, and none of them was meant as one. */
function coercedFromNoNumber(result: z.ZodSafeParseResult<unknown>, value: unknown): boolean {
  return result.success && typeof result.data === 'number' && typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '');
}

function describeIssue(issue: Issue, option: Option, given: GivenValue): string {
  const path = issue.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  const shown = path === '' && option.secret !== true && isShort(given.value) ? ` (is ${JSON.stringify(given.value)})` : '';
  return `${given.name}${path}: ${inWords(issue)}${shown}`;
}

function isShort(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value) && String(value).length <= 80;
}

function inWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return issue.origin === 'array' ? `must have at least ${issue.minimum} entries` : `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'array' ? `must have at most ${issue.maximum} entries` : `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'must be a URL, like https://live.example.com' : ownWords(issue.message) ?? 'has not the right form';
    case 'unrecognized_keys':
      return `there is no ${issue.keys.map((key) => `\`${key}\``).join(', ')} here`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_union':
      return ownWords(issue.message) ?? unionInWords(issue.errors);
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return ownWords(issue.message) ?? 'is not valid';
  }
}

/** The branch that went furthest knows best: a list with one bad entry is about that entry, not about being a list. */
function unionInWords(branches: readonly (readonly Issue[])[]): string {
  const deepest = branches.find((issues) => issues.some((issue) => issue.path.length > 0));
  if (deepest !== undefined) {
    return deepest.map((issue) => `at ${issue.path.join('.')}: ${inWords(issue)}`).join(', ');
  }
  return [...new Set(branches.flat().map(inWords))].join(', or ');
}

/** A message that the schema's author wrote, as opposed to zod's own. */
function ownWords(message: string): string | undefined {
  return /^(Invalid|Too|Unrecognized)\b/.test(message) ? undefined : message;
}

const kinds: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'on or off',
  array: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
};
