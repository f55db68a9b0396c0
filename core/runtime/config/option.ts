import type { z } from 'zod';

/**
 * One documented option. The key in camelCase is its name in the configuration file; the environment variable and the
 * flag follow from it: `rtmpPort` is `MILLRACE_RTMP_PORT` and `--rtmp-port`.
 */
export type Option<S extends z.ZodType = z.ZodType> = {
  /** Validates and converts; has a default unless the option may be absent. Text from environment and flags is coerced. */
  readonly schema: S;
  /** One or two sentences: what it does, its unit, its effect on latency where it has one. */
  readonly about: string;
  /** Never printed and never logged. */
  readonly secret?: boolean;
  /** A value as it would stand in the configuration file, for the example; the default where there is one. */
  readonly example?: string;
};

/** The options of one stage. */
export type OptionTable = Readonly<Record<string, Option>>;

/** The validated values of a table. */
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: z.output<T[K]['schema']> };

/** Defines an option, keeping its schema's type. */
export function option<S extends z.ZodType>(
  schema: S,
  about: string,
  more: { readonly secret?: boolean; readonly example?: string } = {},
): Option<S> {
  return { schema, about, ...more };
}

/** Options that belong together, under a heading of help and documentation. */
export type OptionGroup = { readonly title: string; readonly options: OptionTable };
