import { existsSync } from 'node:fs';

import { MillraceError } from '../errors.ts';
import { CONFIG_VARIABLE, readEnvironment } from './environment.ts';
import { readConfigFile } from './file.ts';
import type { CommandLine } from './flags.ts';
import type { OptionTable, OptionValues } from './option.ts';
import { validateOption } from './validate.ts';
import type { Given, GivenValue, Origin } from './values.ts';

/** Read where it exists and no other file is named. */
export const DEFAULT_CONFIG_FILE = './millrace.yaml';

/** What a configuration is made from. */
export type ConfigSources<T extends OptionTable> = {
  /** The options to read. */
  readonly options: T;
  /** Every option of the product, so that a file may hold those of other stages. Default: `options`. */
  readonly known?: OptionTable;
  readonly commandLine: Pick<CommandLine, 'values' | 'problems' | 'config'>;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Read where it exists and no file is named. Default {@link DEFAULT_CONFIG_FILE}. */
  readonly defaultFile?: string;
  /** Tells what is wrong between options that are each valid. */
  readonly check?: (values: OptionValues<T>) => readonly string[];
};

/** A valid configuration. */
export type LoadedConfig<T extends OptionTable> = {
  readonly values: OptionValues<T>;
  /** Where each value came from. */
  readonly origins: Readonly<Record<keyof T, Origin>>;
  /** The file that was read. */
  readonly file?: string;
};

/**
 * Merges flags over environment over file over defaults and validates the whole.
 *
 * @throws {MillraceError} `config/invalid` with all problems at once, one a line; `config/unreadable`, `config/malformed`.
 */
export function loadConfig<T extends OptionTable>(sources: ConfigSources<T>): LoadedConfig<T> {
  const { options, known = options, commandLine } = sources;
  const path = configPath(sources);
  const given: Given[] = [readEnvironment(sources.env, options, known), commandLine];
  if (path !== undefined) {
    given.unshift(readConfigFile(path, options, known));
  }
  const merged = new Map<string, GivenValue>(given.flatMap((source) => [...source.values]));
  const problems = given.flatMap((source) => source.problems);
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const key of Object.keys(options)) {
    const result = validateOption(key, options, merged.get(key));
    if ('problems' in result) {
      problems.push(...result.problems);
    } else {
      values[key] = result.value;
      origins[key] = merged.get(key)?.origin ?? 'default';
    }
  }
  if (problems.length === 0) {
    problems.push(...(sources.check?.(values as OptionValues<T>) ?? []));
  }
  if (problems.length > 0) {
    throw invalidConfig(problems);
  }
  return {
    values: Object.freeze(values) as OptionValues<T>,
    origins: origins as Record<keyof T, Origin>,
    ...(path === undefined ? {} : { file: path }),
  };
}

/** The error that tells of every problem of a configuration at once. */
export function invalidConfig(problems: readonly string[]): MillraceError {
  const list = problems.length === 1 ? ` ${problems[0]}` : problems.map((problem) => `\n  - ${problem}`).join('');
  return new MillraceError('config/invalid', `The configuration is not valid:${list}`, { details: { problems } });
}

function configPath(sources: Pick<ConfigSources<OptionTable>, 'commandLine' | 'env' | 'defaultFile'>): string | undefined {
  const named = sources.commandLine.config ?? (sources.env[CONFIG_VARIABLE] === '' ? undefined : sources.env[CONFIG_VARIABLE]);
  if (named !== undefined) {
    return named;
  }
  const usual = sources.defaultFile ?? DEFAULT_CONFIG_FILE;
  return existsSync(usual) ? usual : undefined;
}
