import type { Logger } from '#core/runtime/log.ts';

import type { ControlConfig } from '../config.ts';
import { loadApiToken } from './token-file.ts';

/** Where the token stands where it is no file. */
const SETTING = 'MILLRACE_API_TOKEN';

/**
 * The API token: as configured, else that of the data folder, which the first start makes.
 *
 * @throws {MillraceError} `control/token-unusable`.
 */
export async function apiTokenOf({ apiToken, dataDir }: Pick<ControlConfig, 'apiToken' | 'dataDir'>, log: Logger): Promise<{ readonly token: string; readonly place: string }> {
  if (apiToken !== undefined) {
    return { token: apiToken, place: SETTING };
  }
  const { token, path, created } = await loadApiToken(dataDir, log);
  if (created) {
    log.info({ path }, 'made the API token');
  }
  return { token, place: path };
}
