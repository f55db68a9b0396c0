import { readdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startPublisher, type PublisherOptions } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';
import { askByFetch } from './ask.ts';
import { checkObservation } from './check.ts';
import { observe, type ObserveOptions, type Observer } from './observe.ts';
import { probeAfterEnd, probeDelta, probeDirectives, probeTimeout } from './probe-directives.ts';
import { probeMediaAnswers, probePlaylistAnswers } from './probe-http.ts';
import { Report } from './report.ts';
import { rules, type RuleName } from './rules.ts';

const KEY = 'cam1_conformance-0123456789';
type Rung = { readonly height: number; readonly bitrate: string };
const SMALL: Rung = { height: 180, bitrate: '250k' };
const LARGE: Rung = { height: 360, bitrate: '700k' };
const allRules = Object.keys(rules) as RuleName[];

/**
 * A server with one encoded rung beside what is passed through, as short a window as delta updates allow, and the
 * hold-back that the specification advises (the default is a little shorter: ADR 0004).
 */
function startSmallServer(ladder: readonly Rung[] = [SMALL]): Promise<TestServer> {
  return startServer({ config: { streams: [{ key: KEY, ladder }], liveWindow: 14, partHoldBack: 3 } });
}

async function startObserver(server: TestServer, options: ObserveOptions = {}): Promise<Observer> {
  const url = `${server.url}/live/cam1/master.m3u8`;
  await until('the stream to be on air', async () => (await fetch(url)).ok, { deadline: 30_000 });
  return observe(url, askByFetch, options);
}

/** Sends messages onto the stream's timeline until it is disposed of, one after the other; those that find nobody publishing are lost. */
function tellMessages(server: TestServer): AsyncDisposable & { readonly sent: () => number } {
  const ended = new AbortController();
  let sent = 0;
  const telling = (async () => {
    while (!ended.signal.aborted) {
      const answer = await fetch(`${server.url}/api/v1/streams/cam1/metadata`, {
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'test', data: { sent } }),
      }).catch(() => undefined);
      sent += answer?.status === 201 ? 1 : 0;
      await setTimeout(400, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();
  return {
    sent: () => sent,
    async [Symbol.asyncDispose](): Promise<void> {
      ended.abort();
      await telling;
    },
  };
}

/** Waits until every rendition has so many whole segments of a discontinuity sequence listed last. */
function segmentsOfEpoch({ snapshots }: Observer, epochsAfterFirst: number, count: number): Promise<unknown> {
  return until(
    `${count} segments of epoch ${epochsAfterFirst} in every rendition`,
    () => [...snapshots.values()].every((seen) => {
      const first = seen[0]?.playlist.segments[0]?.discontinuitySequence ?? 0;
      return wholeSegments(seen, first + epochsAfterFirst) >= count;
    }),
    { deadline: 40_000, every: 100 },
  );
}

function wholeSegments(seen: Observer['snapshots'] extends ReadonlyMap<string, infer S> ? S : never, epoch: number): number {
  const numbers = seen.flatMap(({ playlist }) => playlist.segments.filter(({ uri, discontinuitySequence }) => uri !== undefined && discontinuitySequence === epoch).map(({ msn }) => msn));
  return new Set(numbers).size;
}

function expectKept(report: Report, rule: RuleName): void {
  const broken = report.findings.filter((finding) => finding.rule === rule).map(({ where, message }) => `${where}: ${message}`);
  expect(broken, `${rules[rule].says} (${rules[rule].section})`).toEqual([]);
}

describe('a broadcast whose publisher drops, returns and leaves', () => {
  const report = new Report();
  let server: TestServer | undefined;

  beforeAll(async () => {
    server = await startSmallServer();
    await using first = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    const observer = await startObserver(server);
    await using _messages = tellMessages(server);
    await segmentsOfEpoch(observer, 0, 3);
    const renditions = [...observer.snapshots.keys()];
    await probePlaylistAnswers(`${server.url}/live/cam1/master.m3u8`, askByFetch, report);
    for (const url of renditions) {
      await probeDirectives(url, askByFetch, report);
      await probePlaylistAnswers(url, askByFetch, report);
      await probeMediaAnswers(url, askByFetch, report);
    }
    for (const url of renditions) {
      await until('a delta update that skips something', () => probeDelta(url, askByFetch, report), { deadline: 40_000 });
    }
    await first.kill();
    await Promise.all(renditions.map((url) => probeTimeout(url, askByFetch, report)));
    await using second = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    await segmentsOfEpoch(observer, 1, 8);
    await second.stop();
    await until('the end of the broadcast', () => [...observer.snapshots.values()].every((seen) => seen.at(-1)?.playlist.endList === true), { deadline: 60_000, every: 200 });
    for (const url of renditions) {
      await probeAfterEnd(url, askByFetch, report);
    }
    checkObservation(await observer.finish(), report);
  }, 240_000);

  afterAll(() => server?.[Symbol.asyncDispose]());

  test.each(allRules)('keeps the rule %s', (rule) => {
    expectKept(report, rule);
    expect(report.timesTried(rule), 'this rule was never tried').toBeGreaterThan(0);
  });
});

const sources: readonly (readonly [what: string, source: Omit<PublisherOptions, 'url'>, ladder: readonly Rung[], renditions: number])[] = [
  ['B-frames at 29.97 frames a second', { bFrames: 2, gop: 60, frameRate: '30000/1001' }, [SMALL], 3],
  ['key frames 8 seconds apart, so that every rung is encoded', { gop: 240 }, [LARGE, SMALL], 3],
  ['scene cuts off the key-frame interval', { sceneCuts: true, gop: 60 }, [SMALL], 3],
  ['59.94 frames a second without sound', { media: 'video', frameRate: '60000/1001', gop: 120 }, [SMALL], 2],
  ['sound alone', { media: 'audio' }, [SMALL], 1],
];

describe.each(sources)('a source of %s', (_, source, ladder, renditions) => {
  let server: TestServer | undefined;

  beforeAll(async () => {
    server = await startSmallServer(ladder);
  });

  afterAll(() => server?.[Symbol.asyncDispose]());

  test('keeps every rule', async () => {
    if (server === undefined) {
      throw new Error('there is no server');
    }
    await using publisher = startPublisher({ url: server.publishUrl(KEY), ...source });
    const observer = await startObserver(server);
    await using messages = tellMessages(server);
    expect(observer.snapshots.size, publisher.log()).toBe(renditions);
    await segmentsOfEpoch(observer, 0, 7);
    const report = checkObservation(await observer.finish());
    expect(report.toString()).toBe('');
    expect(report.timesTried('parts-tile')).toBeGreaterThan(5);
    expect(messages.sent()).toBeGreaterThan(5);
    expect(report.timesTried('date-range-identity')).toBeGreaterThan(20);
  }, 120_000);
});

/** Processes of a name below a process, by Linux's /proc. */
async function descendants(pid: number, name: string): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8')));
  const children = lists.flatMap((list) => list.trim().split(' ').filter(Boolean).map(Number));
  const below = await Promise.all(children.map(async (child) => {
    const own = (await readFile(`/proc/${child}/comm`, 'utf8')).trim() === name ? [child] : [];
    return [...own, ...(await descendants(child, name))];
  }));
  return below.flat();
}

describe('a broadcast whose encoder is killed', () => {
  let server: TestServer | undefined;

  beforeAll(async () => {
    server = await startSmallServer();
  });

  afterAll(() => server?.[Symbol.asyncDispose]());

  test('keeps every rule, with the same cut in every rung', async () => {
    if (server === undefined) {
      throw new Error('there is no server');
    }
    await using publisher = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    const observer = await startObserver(server);
    await using _messages = tellMessages(server);
    await segmentsOfEpoch(observer, 0, 3);
    const pid = server.process().pid ?? 0;
    const [encoder] = await until('an encoder', async () => {
      const found = await descendants(pid, 'ffmpeg');
      return found.length === 1 ? found : undefined;
    });
    process.kill(encoder ?? 0, 'SIGKILL');
    await segmentsOfEpoch(observer, 0, 9);
    const report = checkObservation(await observer.finish());
    expect(report.toString(), publisher.log()).toBe('');
    expect(await descendants(pid, 'ffmpeg')).not.toContain(encoder);
    expect(report.timesTried('same-cut')).toBeGreaterThan(5);
  }, 120_000);
});

/** What has to hold although the memory of the server is gone: nothing that was told once is told otherwise. */
const lasting: readonly RuleName[] = [
  ...(['media-sequence', 'discontinuity-sequence', 'segment-identity', 'part-identity', 'uri-once', 'target-duration-constant'] as const),
  ...(['part-duration-maximum', 'parts-tile', 'timeline', 'independent', 'same-cut', 'same-discontinuity', 'same-date', 'codecs'] as const),
];

describe('a server that is killed and started again in the middle of a broadcast', () => {
  const report = new Report();
  let server: TestServer | undefined;

  beforeAll(async () => {
    server = await startSmallServer();
    await using first = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    const observer = await startObserver(server, { mayRestart: true });
    await segmentsOfEpoch(observer, 0, 3);
    await server.kill();
    await first.exited;
    await server.start();
    await using second = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    await segmentsOfEpoch(observer, 1, 3);
    checkObservation(await observer.finish(), report);
    await second.kill();
  }, 120_000);

  afterAll(() => server?.[Symbol.asyncDispose]());

  test.each(lasting)('keeps the rule %s', (rule) => {
    expectKept(report, rule);
    expect(report.timesTried(rule), 'this rule was never tried').toBeGreaterThan(0);
  });
});
