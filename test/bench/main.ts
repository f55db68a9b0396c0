import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';

import { startBarePage } from '#test/support/bare-page.ts';
import { startBrowser } from '#test/support/browser.ts';
import { startDashPages } from '#test/support/dash-page.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { measureAbr } from './abr/abr.ts';
import { measureArchive } from './archive/archive.ts';
import { measureBroadcasts } from './cluster/broadcasts.ts';
import { measureRegions } from './cluster/regions.ts';
import { measureCost } from './cost/cost.ts';
import { fanoutSuite, idleSuite } from './fanout/suite.ts';
import { measureGlass, type GlassOptions, type GlassResult } from './glass/glass.ts';
import { measureWhipGlass, type WhipGlass } from './glass/whip.ts';
import { measureLoad } from './load/load.ts';
import { startClockPublisher } from './support/clock-publisher.ts';
import { fixed, printTable } from './support/statistics.ts';
import { printWebrtcCost, runWebrtcCost } from './webrtc-cost.ts';
import { printWebrtcSender, runWebrtcSender } from './webrtc-sender.ts';

/**
 * `npm run bench [-- glass|webrtc|fanout|idle|srtp|sender|abr|load|cost|archive|broadcasts|regions ...] [--seconds N] [--only TEXT]`: prints tables and writes the same as JSON to
 * `test/bench/results/`. Every number is of this machine, in this run.
 */

const SUITES = { glass, webrtc, fanout, idle, srtp, sender, abr, load, cost, archive, broadcasts, regions };
type Suite = keyof typeof SUITES;

const names = process.argv.slice(2).filter((name): name is Suite => name in SUITES);
const at = process.argv.indexOf('--seconds');
const seconds = at < 0 ? 120 : Number(process.argv[at + 1]);
/** Only the ways of `glass` whose name has this in it. */
const onlyAt = process.argv.indexOf('--only');
const only = onlyAt < 0 ? '' : (process.argv[onlyAt + 1] ?? '');

for (const name of names.length > 0 ? names : (Object.keys(SUITES) as Suite[])) {
  await record(name, await SUITES[name]());
}

/** (a) Glass to glass: 640x360 at 30 fps passed through, and one encoded rung. */
async function glass(): Promise<unknown> {
  const key = 'glass_0123456789abcdef';
  const ladder = [{ height: 360, bitrate: '900k' }, { height: 240, bitrate: '350k' }];
  await using server = await startServer({ config: { streamKeys: [key], ladder } });
  const master = `${server.url}/live/glass/master.m3u8`;
  const publisher = startClockPublisher({ url: server.publishUrl(key) });
  const [browser, bare, dash] = await Promise.all([startBrowser(), startBarePage(), startDashPages()]);
  const mpd = `${server.url}/live/glass/manifest.mpd`;
  const results: GlassResult[] = [];
  try {
    await until('both rungs', async () => /x240/.test(await (await fetch(master)).text()));
    const ways: readonly (readonly [string, string])[] = [
      ['watch page', `${server.url}/watch/glass?engine=hls`],
      ['stock hls.js', bare.url(master)],
      ['stock hls.js, 360p passed through', bare.url(master, 360)],
      ['stock hls.js, 240p encoded', bare.url(master, 240)],
      ['stock dash.js', dash.url('dash.js', mpd)],
      ['stock Shaka over DASH', dash.url('shaka', mpd)],
    ];
    for (const [way, url] of ways.filter(([name]) => name.toLowerCase().includes(only.toLowerCase()))) {
      results.push(await measureGlass(browser, way, url, seconds));
    }
  } finally {
    await browser.close();
    await bare.close();
    await dash.close();
    await publisher.stop();
  }
  printGlass(`Glass to glass over LL-HLS and LL-DASH, ${seconds} s each (milliseconds)`, results);
  return results;
}

function printGlass(title: string, results: readonly GlassResult[]): void {
  printTable(
    title,
    ['way', 'p50', 'p95', 'max', 'join', 'stalls', 'frames', 'unread', 'rungs'],
    results.map((r) => [
      r.way, r.p50, r.p95, r.max, fixed(r.join, 0), r.stalls, r.frames, r.unreadable,
      Object.entries(r.rungs).map(([height, share]) => `${height}p ${fixed(share * 100, 0)}%`).join(' '),
    ]),
  );
}

/** Glass to glass over WebRTC, 640x360 at 30 fps: RTMP in, then WHIP in with H.264 and with VP8. */
async function webrtc(): Promise<unknown> {
  return { rtmp: await webrtcOfRtmp(), h264: await webrtcOfWhip('H264'), vp8: await webrtcOfWhip('VP8') };
}

/** Passed through and over LL-HLS, from a second Chromium. */
async function webrtcOfWhip(codec: 'H264' | 'VP8'): Promise<WhipGlass> {
  const most = Math.min(seconds, 60);
  const measured = await measureWhipGlass(codec, most);
  const { framesPerSecond, encodeMillis, sendMillis } = measured.publisher;
  printGlass(`Glass to glass, WHIP in, ${most} s each (milliseconds)`, measured.results);
  process.stdout.write(`Publisher: ${fixed(framesPerSecond, 0)} fps, ${fixed(encodeMillis, 1)} ms to encode a picture, ${fixed(sendMillis, 1)} ms a packet waits to be sent (means)\n`);
  return measured;
}

/** Passed through, and one encoded rung. */
async function webrtcOfRtmp(): Promise<readonly GlassResult[]> {
  const key = 'glass_0123456789abcdef';
  const ladder = [{ height: 240, bitrate: '350k' }];
  await using server = await startServer({ config: { streamKeys: [key], ladder, webrtcRenditions: 'on' } });
  // Two frames ahead: else ffmpeg holds each picture back for about a frame, waiting for its sound.
  const publisher = startClockPublisher({ url: server.publishUrl(key), soundAhead: 2 });
  const browser = await startBrowser();
  const results: GlassResult[] = [];
  try {
    await until('both rungs', async () => /x240/.test(await (await fetch(`${server.url}/live/glass/master.m3u8`)).text()));
    const page = `${server.url}/watch/glass?engine=webrtc`;
    const ways: readonly (readonly [string, GlassOptions])[] = [
      ['first page of a cold browser', {}],
      ['360p passed through', { height: 360 }],
      ['240p encoded', { height: 240 }],
    ];
    for (const [way, options] of ways) {
      results.push(await measureGlass(browser, way, page, seconds, options));
    }
  } finally {
    await browser.close();
    await publisher.stop();
  }
  printGlass(`Glass to glass over WebRTC, RTMP in, ${seconds} s each (milliseconds)`, results);
  return results;
}

/** WebRTC fan-out up to the limit of a core, on every path, and where the time goes. */
function fanout(): Promise<unknown> {
  return fanoutSuite({ profile: true });
}

/** What 2,000 connected WebRTC sessions without media cost. */
function idle(): Promise<unknown> {
  return idleSuite();
}

/** Protection and sending of a packet alone, against what it was before. */
async function srtp(): Promise<unknown> {
  const results = await runWebrtcCost();
  printWebrtcCost(results);
  return results;
}

/** The sender alone, without protection and system calls. */
function sender(): unknown {
  const result = runWebrtcSender();
  printWebrtcSender(result);
  return result;
}

/** Adaptation of the watch page under 4, 1 and 4 Mbit/s. */
async function abr(): Promise<unknown> {
  const browser = await startBrowser();
  try {
    const result = await measureAbr(browser, Math.min(seconds, 60));
    printTable(
      'Adaptation of the watch page under 4, 1, then 4 Mbit/s (top rung 2 Mbit/s)',
      ['down (s)', 'up (s)', `switches in ${result.seconds} s at 4 Mbit/s`, 'stalls'],
      [[fixed(result.down, 1), fixed(result.up, 1), result.switches, result.stalls]],
    );
    return result;
  } finally {
    await browser.close();
  }
}

/** (b) LL-HLS load: simulated viewers that behave like hls.js, in a second process. */
async function load(): Promise<unknown> {
  const results = [];
  for (const viewers of [100, 300, 800]) {
    results.push(await measureLoad(viewers));
  }
  printTable(
    'LL-HLS load (milliseconds from part available to part received)',
    ['viewers', 'requests/s', 'Mbit/s', 'CPU (cores)', 'RSS (MB)', 'p50', 'p99', 'max', 'errors'],
    results.map((r) => [
      r.viewers, fixed(r.requestsPerSecond, 0), fixed(r.megabitsPerSecond, 0), fixed(r.cpu, 2), fixed(r.rssMegabytes, 0),
      fixed(r.p50, 1), fixed(r.p99, 1), fixed(r.max, 1), r.errors,
    ]),
  );
  return results;
}

/** (c) Cost of one 720p30 broadcast of three rungs with 20 viewers. */
async function cost(): Promise<unknown> {
  const results = await measureCost({ seconds: Math.min(seconds, 60), viewers: 20 });
  printTable(
    'Cost of one 720p30 broadcast of three rungs with 20 viewers',
    ['process', 'CPU (cores)', 'RSS (MB)'],
    results.map((r) => [r.process, fixed(r.cpu, 3), fixed(r.rssMegabytes, 0)]),
  );
  return results;
}

/** (i) What rewind and recording of one 720p30 broadcast cost our process and the disk. */
async function archive(): Promise<unknown> {
  const results = await measureArchive({ seconds: Math.min(seconds, 30) });
  printTable(
    'One 720p30 broadcast of two rungs, nobody watching: what keeping it costs',
    ['kept', 'CPU (cores)', 'RSS (MB)', 'stored (MB/s)', 'sent to the disk (MB/s)', 'longest stop (ms)'],
    results.map((r) => [r.kept, fixed(r.cpu, 3), fixed(r.rssMegabytes, 0), fixed(r.storedPerSecond / 1e6, 2), fixed(r.writtenPerSecond / 1e6, 2), fixed(r.longestStop, 0)]),
  );
  return results;
}

/** (j) Many broadcasts over the processes of a cluster. */
async function broadcasts(): Promise<unknown> {
  const count = 50;
  const results = await measureBroadcasts({ broadcasts: count, seconds: Math.min(seconds, 20) });
  const sum = (of: 'unwatched' | 'watched'): number => results.reduce((total, result) => total + result[of], 0);
  printTable(
    `${count} broadcasts passed through, RTMP in, NATS, LL-HLS out; one viewer each where watched`,
    ['process', 'CPU unwatched (cores)', 'CPU watched (cores)', 'watched, one broadcast (ms/s)', 'RSS (MB)'],
    [
      ...results.map((r) => [r.process, fixed(r.unwatched, 3), fixed(r.watched, 3), fixed((r.watched * 1000) / count, 2), fixed(r.rssMegabytes, 0)]),
      ['together', fixed(sum('unwatched'), 3), fixed(sum('watched'), 3), fixed((sum('watched') * 1000) / count, 2), ''],
    ],
  );
  return results;
}

/** (k) Glass to glass through an edge in another region. */
async function regions(): Promise<unknown> {
  const distances = [0, 0.01].flatMap((loss) => [40, 100, 200].map((oneWay) => ({ oneWay, loss })));
  const crossings = [
    { congestionControl: 'cubic', lines: 1, distances: [{ oneWay: 0, loss: 0 }, ...distances] },
    { congestionControl: 'bbr', lines: 3, distances },
  ];
  const results = await measureRegions(crossings, Math.min(seconds, 45));
  const alone = (way: string): number => results.find((r) => r.oneWay === undefined && way.startsWith(r.way.split(',')[0] ?? ''))?.p50 ?? Number.NaN;
  printTable(
    'Glass to glass through an edge in another region, 360p passed through (milliseconds)',
    ['way', 'media over', 'p50', 'p95', 'max', 'added to one process (p50)', 'stalls'],
    results.map((r) => [r.way, r.crossing === undefined ? '' : `${r.crossing.lines} line(s), ${r.crossing.congestionControl}`, fixed(r.p50, 0), fixed(r.p95, 0), fixed(r.max, 0), fixed(r.p50 - alone(r.way), 0), r.stalls]),
  );
  return results;
}

async function record(name: string, results: unknown): Promise<void> {
  const folder = new URL('results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const file = new URL(`${name}.json`, folder);
  await writeFile(file, `${JSON.stringify({ date: new Date().toISOString(), machine, results }, undefined, 2)}\n`);
}
