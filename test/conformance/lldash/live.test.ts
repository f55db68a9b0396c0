import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startPublisher, type PublisherOptions } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';
import { checkObservation } from './check.ts';
import { observe, type Observer } from './observe.ts';
import { Report } from './report.ts';
import { rules, type RuleName } from './rules.ts';

const KEY = 'cam1_conformance-0123456789';
const LADDER = [{ height: 180, bitrate: '250k' }];
const allRules = Object.keys(rules) as RuleName[];

function startSmallServer(ladder = LADDER): Promise<TestServer> {
  return startServer({ config: { streams: [{ key: KEY, ladder, rewindWindow: 0, recording: false }], liveWindow: 14 } });
}

async function startObserver(server: TestServer): Promise<Observer> {
  const url = `${server.url}/live/cam1/manifest.mpd`;
  await until('the stream to be on air', async () => (await fetch(url)).ok, { deadline: 30_000 });
  return observe(url);
}

/** Waits until so many segments of a period, counted from the first one seen, were listed in every representation. */
function segmentsOf({ manifests }: Observer, period: number, count: number): Promise<unknown> {
  return until(`${count} segments of period ${period}`, () => {
    const ids = [...new Set(manifests.flatMap(({ mpd }) => mpd.periods.map(({ id }) => id)))];
    const id = ids[period];
    const representations = manifests.at(-1)?.mpd.periods.find((each) => each.id === id)?.sets.flatMap((set) => set.representations) ?? [];
    return representations.length > 0 && representations.every(({ segments }) => segments.length >= count);
  }, { deadline: 60_000, every: 200 });
}

async function send(server: TestServer, message: unknown): Promise<number> {
  const answer = await fetch(`${server.url}/api/v1/streams/cam1/metadata`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` }, body: JSON.stringify(message) });
  return answer.status;
}

describe('a broadcast whose publisher drops, returns and leaves', () => {
  const report = new Report();
  let server: TestServer | undefined;

  beforeAll(async () => {
    server = await startSmallServer();
    await using first = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    const observer = await startObserver(server);
    await segmentsOf(observer, 0, 4);
    expect(await send(server, { type: 'poll', data: { question: '<¿Qué & "quién"?>' } })).toBe(201);
    await segmentsOf(observer, 0, 5);
    await first.kill();
    await until('the loss', async () => ((await (await fetch(`${server?.url}/api/v1/streams/cam1`)).json()) as { state: string }).state === 'interrupted');
    await using second = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    await segmentsOf(observer, 1, 3);
    expect(await send(server, { type: 'goal', data: 1 })).toBe(201);
    await segmentsOf(observer, 1, 6);
    await second.stop();
    await until('the end of the broadcast', () => observer.manifests.at(-1)?.mpd.type === 'static', { deadline: 60_000, every: 200 });
    checkObservation(await observer.finish(), report);
  }, 240_000);

  afterAll(() => server?.[Symbol.asyncDispose]());

  test.each(allRules)('keeps the rule %s', (rule) => {
    const broken = report.findings.filter((finding) => finding.rule === rule).map(({ where, message }) => `${where}: ${message}`);
    expect(broken, `${rules[rule].says} (${rules[rule].section})`).toEqual([]);
    expect(report.timesTried(rule), 'this rule was never tried').toBeGreaterThan(0);
  });
});

const sources: readonly (readonly [what: string, source: Omit<PublisherOptions, 'url'>, representations: number])[] = [
  ['B-frames at 29.97 frames a second', { bFrames: 2, gop: 60, frameRate: '30000/1001' }, 3],
  ['key frames 8 seconds apart, so that every rung is encoded', { gop: 240 }, 2],
  ['scene cuts off the key-frame interval', { sceneCuts: true, gop: 60 }, 3],
  ['59.94 frames a second without sound', { media: 'video', frameRate: '60000/1001', gop: 120 }, 2],
  ['sound alone', { media: 'audio' }, 1],
];

describe.each(sources)('a source of %s', (_, source, representations) => {
  let server: TestServer | undefined;

  beforeAll(async () => {
    server = await startSmallServer();
  });

  afterAll(() => server?.[Symbol.asyncDispose]());

  test('keeps every rule', async () => {
    if (server === undefined) {
      throw new Error('there is no server');
    }
    await using publisher = startPublisher({ url: server.publishUrl(KEY), ...source });
    const observer = await startObserver(server);
    await segmentsOf(observer, 0, 8);
    const observation = await observer.finish();
    expect(observation.manifests[0]?.mpd.periods[0]?.sets.flatMap((set) => set.representations).length, publisher.log()).toBe(representations);
    expect(checkObservation(observation).toString(), publisher.log()).toBe('');
  }, 120_000);
});
