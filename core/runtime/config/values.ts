import type { OptionTable } from './option.ts';

/** Where a value came from; later in this list wins. */
export type Origin = 'default' | 'file' | 'environment' | 'flag';

/** A value as it was given, before it is validated. */
export type GivenValue = {
  readonly origin: Exclude<Origin, 'default'>;
  /** As the user wrote it: `httpPort` in the file, `MILLRACE_HTTP_PORT`, `--http-port`. */
  readonly name: string;
  readonly value: unknown;
};

/** What one source of the configuration gave, and what is wrong with it. */
export type Given = { readonly values: ReadonlyMap<string, GivenValue>; readonly problems: readonly string[] };

/** Tells whether an option is a switch: `--demo` alone then means on. */
export function isSwitch(options: OptionTable, key: string): boolean {
  const schema = options[key]?.schema;
  return schema !== undefined && schema.safeParse(true).success && schema.safeParse('off').data === false;
}
