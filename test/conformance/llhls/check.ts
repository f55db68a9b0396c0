import { checkDateRanges } from './check-date-ranges.ts';
import { checkHistory } from './check-history.ts';
import { checkLadder } from './check-ladder.ts';
import { checkMedia } from './check-media.ts';
import { checkMultivariant } from './check-multivariant.ts';
import { checkPlaylists } from './check-playlists.ts';
import { mediaOf } from './media-index.ts';
import type { Observation } from './observation.ts';
import { Report } from './report.ts';

/** Checks what was seen of a stream against every rule that needs no further question to the server. */
export function checkObservation(observation: Observation, report = new Report()): Report {
  const media = observation.renditions.map(mediaOf);
  checkPlaylists(observation, report);
  checkHistory(observation, report);
  checkDateRanges(observation, report);
  checkMedia(observation, media, report);
  checkLadder(observation, media, report);
  checkMultivariant(observation, media, report);
  return report;
}
