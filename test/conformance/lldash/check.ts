import { checkHistory } from './check-history.ts';
import { checkManifest } from './check-manifest.ts';
import { checkMedia } from './check-media.ts';
import type { Observation } from './observation.ts';
import { Report } from './report.ts';

/** Checks what was seen of a stream against every rule. */
export function checkObservation(observation: Observation, report = new Report()): Report {
  report.check('readable', observation.unreadable.length === 0 && observation.manifests.length > 0, 'all', () => observation.unreadable.map(({ url, error }) => `${url}: ${error}`).join('; '));
  observation.manifests.forEach((seen, index) => checkManifest(seen, `manifest ${index}`, report));
  checkHistory(observation, report);
  checkMedia(observation, report);
  return report;
}
