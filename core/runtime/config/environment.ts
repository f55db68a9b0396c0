import { environmentName, nearest } from './names.ts';
import type { OptionTable } from './option.ts';
import type { Given, GivenValue } from './values.ts';

/** Names the configuration file, as `--config` does. */
export const CONFIG_VARIABLE = 'MILLRACE_CONFIG';

/**
 * Orchestrators add these for a service called "millrace" (Kubernetes' service variables, Docker's links). They are no
 * options of ours and no mistake of anybody's.
 */
const ofOrchestrators = /^MILLRACE_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$/;

/**
 * Reads `MILLRACE_...` variables. An empty one counts as absent, as compose files write it.
 *
 * @param options what is read.
 * @param known what the whole product knows: options of other stages may stand in the same environment.
 */
export function readEnvironment(env: Readonly<NodeJS.ProcessEnv>, options: OptionTable, known: OptionTable = options): Given {
  const keys = new Map(Object.keys(known).map((key) => [environmentName(key), key]));
  const values = new Map<string, GivenValue>();
  const problems: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('MILLRACE_') || name === CONFIG_VARIABLE || text === undefined || text === '') {
      continue;
    }
    const key = keys.get(name);
    if (key !== undefined) {
      if (key in options) {
        values.set(key, { origin: 'environment', name, value: text });
      }
    } else if (!ofOrchestrators.test(name)) {
      const near = nearest(name.slice('MILLRACE_'.length), [...keys.keys(), CONFIG_VARIABLE].map((each) => each.slice('MILLRACE_'.length)));
      problems.push(`${name}: there is no such option${near === undefined ? '' : `. Did you mean MILLRACE_${near}?`}`);
    }
  }
  return { values, problems };
}
