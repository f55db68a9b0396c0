import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';

import type { TranscodeHealth } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { later, millis, wallTime } from '#core/media/time.ts';
import { trackName, type TrackName } from '#core/media/track.ts';
import { Capacity } from '../capacity.ts';
import { planLadder } from '../plan/plan.ts';
import { BROADCAST, sourceCatalog, videoTrack, type VideoFacts } from '../testing/sources.ts';
import { Health } from './health.ts';
import { transcodeMetrics } from './metrics.ts';

/** The warnings after each of some plans, a second apart. */
async function warningsAfter(...plans: readonly { readonly facts?: VideoFacts; readonly shed?: readonly TrackName[] }[]): Promise<TranscodeHealth['warnings'][]> {
  await using bus = { local: createLocalBus(), [Symbol.asyncDispose]: () => bus.local.close() };
  let now = wallTime(0);
  const told: TranscodeHealth['warnings'][] = [];
  let newest: TranscodeHealth['warnings'] = [];
  bus.local.onCatalog(BROADCAST, 'transcode', ({ warnings }) => {
    newest = warnings;
  });
  const health = new Health({ bus: bus.local, broadcast: BROADCAST, stream: 'test', clock: () => now, metrics: transcodeMetrics(new Registry(), new Capacity(100)) });
  for (const { facts = {}, shed = [] } of plans) {
    health.planned(planLadder({ source: sourceCatalog([videoTrack(facts)]), ladder: 'auto', budget: 1000, shed }), shed);
    now = later(now, millis(1000));
    health.observe({ now, lag: millis(0), epoch: undefined, audio: new Map() });
    told.push(newest);
  }
  return told;
}

test('what stays as it is costs no catalog each second, and is told again after ten', async () => {
  await using bus = { local: createLocalBus(), [Symbol.asyncDispose]: () => bus.local.close() };
  let now = wallTime(0);
  const told: [number, number][] = [];
  bus.local.onCatalog(BROADCAST, 'transcode', ({ lag }) => told.push([now, lag]));
  const health = new Health({ bus: bus.local, broadcast: BROADCAST, stream: 'test', clock: () => now, metrics: transcodeMetrics(new Registry(), new Capacity(100)) });
  for (let second = 1; second <= 14; second += 1) {
    now = wallTime(second * 1000);
    health.observe({ now, lag: millis(second === 3 ? 20 : 0), epoch: undefined, audio: new Map() });
  }
  expect(told).toEqual([[1000, 0], [3000, 20], [4000, 0], [14_000, 0]]);
});

describe('the broadcaster is warned', () => {
  test('of rungs that were left out, by the labels that viewers see, until they are back', async () => {
    const shed = [trackName('v720'), trackName('v480')];
    expect(await warningsAfter({ facts: { frameRate: 60 }, shed }, {})).toEqual([
      [{ code: 'transcode/rung-shed', message: 'Left out for now, because the machine could not encode it in real time: 720p60, 480p.', since: 1000 }],
      [],
    ]);
  });

  test('of a colour format that few browsers play, until another one comes', async () => {
    const message = expect.stringContaining('(High 4:4:4 Predictive profile) plays in few browsers');
    const facts = { codecString: 'avc1.f4001f' };
    expect(await warningsAfter({ facts }, { facts }, {})).toEqual([[{ code: 'source/pixel-format', message, since: 1000 }], [{ code: 'source/pixel-format', message, since: 1000 }], []]);
  });
});
