import { describe, expect, it } from 'vitest';
import { EdgeRoute } from '../../edges/edge-route.ts';
import { forRoute } from './routed-manifest.ts';

describe('a manifest for a player whose requests are routed', () => {
  const route = new EdgeRoute('https://a.test/');
  route.moveTo('https://b.test/', 'draining');

  it.each([
    ['the clock of the edge in use', '<MPD><UTCTiming schemeIdUri="urn:x" value="/time"/></MPD>', '<MPD><UTCTiming schemeIdUri="urn:x" value="https://b.test/time"/></MPD>'],
    [
      'no steering, nor the locations that it chooses from',
      '<MPD>\n<ContentSteering defaultServiceLocation="a" queryBeforeStart="false">https://a.test/api/v1/steering/cam</ContentSteering>\n<BaseURL serviceLocation="a">https://a.test/live/cam/</BaseURL>\n<BaseURL serviceLocation="b">https://b.test/live/cam/</BaseURL>\n<Period/></MPD>',
      '<MPD>\n<Period/></MPD>',
    ],
    ['a base URL that is none of steering', '<MPD><BaseURL>media/</BaseURL></MPD>', '<MPD><BaseURL>media/</BaseURL></MPD>'],
    ['what is no manifest', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
  ])('has %s', (_what, manifest, routed) => {
    expect(forRoute(manifest, route)).toBe(routed);
  });
});
