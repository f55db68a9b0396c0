import { flagName, nearest } from './names.ts';
import type { OptionTable } from './option.ts';
import { isSwitch, type Given, type GivenValue } from './values.ts';

/** A command line taken apart. */
export type CommandLine = Given & {
  /** Words before, between and after the flags. */
  readonly words: readonly string[];
  /** `--config FILE`. */
  readonly config?: string;
  readonly help: boolean;
  readonly version: boolean;
};

/**
 * Reads `--flag value`, `--flag=value`, `--switch` and `--no-switch`. What follows `--` is words.
 */
export function readFlags(argv: readonly string[], options: OptionTable): CommandLine {
  const keys = new Map(Object.keys(options).map((key) => [flagName(key), key]));
  const values = new Map<string, GivenValue>();
  const problems: string[] = [];
  const words: string[] = [];
  const asked = { help: false, version: false };
  let config: string | undefined;

  for (let index = 0; index < argv.length; index += 1) {
    const token = argv[index]!;
    if (token === '--') {
      words.push(...argv.slice(index + 1));
      break;
    }
    if (token === '-h' || token === '--help') {
      asked.help = true;
      continue;
    }
    if (token === '-v' || token === '--version') {
      asked.version = true;
      continue;
    }
    if (!token.startsWith('-') || token === '-') {
      words.push(token);
      continue;
    }
    const equals = token.indexOf('=');
    const name = equals < 0 ? token : token.slice(0, equals);
    const attached = equals < 0 ? undefined : token.slice(equals + 1);
    const following = argv[index + 1];
    const separate = following === undefined || following.startsWith('--') ? undefined : following;

    const negated = name.startsWith('--no-') ? keys.get(`--${name.slice('--no-'.length)}`) : undefined;
    if (negated !== undefined && isSwitch(options, negated) && attached === undefined) {
      values.set(negated, { origin: 'flag', name, value: false });
      continue;
    }
    const key = keys.get(name);
    if (key === undefined && name !== '--config') {
      const near = nearest(name, [...keys.keys(), '--config', '--help', '--version']);
      problems.push(`${name}: there is no such option${near === undefined ? '' : `. Did you mean ${near}?`}`);
      // Its value is not a word of the command.
      index += attached === undefined && separate !== undefined ? 1 : 0;
      continue;
    }
    if (key !== undefined && attached === undefined && separate === undefined && isSwitch(options, key)) {
      values.set(key, { origin: 'flag', name, value: true });
      continue;
    }
    const value = attached ?? separate;
    index += attached === undefined && separate !== undefined ? 1 : 0;
    if (value === undefined || value === '') {
      problems.push(`${name}: needs a value`);
    } else if (key === undefined) {
      config = value;
    } else {
      values.set(key, { origin: 'flag', name, value });
    }
  }
  return { values, problems, words, ...asked, ...(config === undefined ? {} : { config }) };
}
