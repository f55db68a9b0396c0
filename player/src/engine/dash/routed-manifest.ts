import type { EdgeRoute } from '../../edges/edge-route.ts';

/** What names edges to players that have no route of their own. */
const steering = /<ContentSteering\b[^>]*?(?:\/>|>[\s\S]*?<\/ContentSteering>)\s*/g;
const location = /<BaseURL\b[^>]*\bserviceLocation=[^>]*>[^<]*<\/BaseURL>\s*/g;
const clock = /(<UTCTiming\b[^>]*\bvalue=")([^"]*)(")/g;

/**
 * A manifest for a player whose requests are routed: without content steering and the locations it chooses from, two that steer would pull against
 * each other; and with a clock at the edge in use, which dash.js asks past the route.
 */
export function forRoute(manifest: string, route: EdgeRoute): string {
  if (!manifest.includes('<MPD')) {
    return manifest;
  }
  return manifest
    .replaceAll(steering, '')
    .replaceAll(location, '')
    .replaceAll(clock, (_whole, before: string, url: string, after: string) => `${before}${route.url(url)}${after}`);
}
