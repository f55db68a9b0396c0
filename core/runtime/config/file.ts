import { readFileSync } from 'node:fs';

import { load, YAMLException } from 'js-yaml';

import { MillraceError, messageOf } from '../errors.ts';
import { nearest } from './names.ts';
import type { OptionTable } from './option.ts';
import type { Given, GivenValue } from './values.ts';

/**
 * Reads a configuration file.
 *
 * @throws {MillraceError} `config/unreadable` where the file cannot be read, `config/malformed` where it is no YAML mapping.
 */
export function readConfigFile(path: string, options: OptionTable, known: OptionTable = options): Given {
  return readConfigText(readText(path), path, options, known);
}

/** Reads the text of a configuration file; `path` names it in messages. Throws as {@link readConfigFile} does. */
export function readConfigText(text: string, path: string, options: OptionTable, known: OptionTable = options): Given {
  const content = parse(text, path);
  const values = new Map<string, GivenValue>();
  const problems: string[] = [];
  for (const [key, value] of Object.entries(content)) {
    if (!Object.hasOwn(known, key)) {
      const near = nearest(key, Object.keys(known));
      problems.push(`${key} (in ${path}): there is no such option${near === undefined ? '' : `. Did you mean ${near}?`}`);
    } else if (Object.hasOwn(options, key) && value !== null) {
      values.set(key, { origin: 'file', name: key, value });
    }
  }
  return { values, problems };
}

/**
 * A value that stands in a variable or a flag as YAML's flow form, as lists and mappings do: `[{height: 720, bitrate: 2M}]`.
 * The text itself where it is none.
 */
export function parseValueText(text: string): unknown {
  try {
    return load(text);
  } catch {
    return text;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'this user may not read it' : messageOf(error);
    throw new MillraceError('config/unreadable', `The configuration file ${path} cannot be read: ${why}.`, { cause: error });
  }
}

function parse(text: string, path: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    // An empty document is an empty configuration, and js-yaml 5 throws on it.
    content = text.replace(/^\s*#.*$/gm, '').trim() === '' ? {} : load(text);
  } catch (error) {
    // The exception's own message quotes the lines around the fault, and those may hold a key.
    const where = error instanceof YAMLException && error.mark ? ` at line ${error.mark.line + 1}` : '';
    const reason = error instanceof YAMLException ? error.reason : 'unreadable';
    throw new MillraceError('config/malformed', `The configuration file ${path} is not valid YAML${where}: ${reason}.`);
  }
  if (content === null || content === undefined) {
    return {};
  }
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new MillraceError('config/malformed', `The configuration file ${path} must hold \`key: value\` lines.`);
  }
  return content as Record<string, unknown>;
}
