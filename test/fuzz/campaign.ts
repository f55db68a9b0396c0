import { usageOf } from '#test/support/processes.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { flood, type Outcome } from './flood.ts';
import { httpConversation } from './http-conversation.ts';
import { httpRequest } from './http-corpus.ts';
import { inspect, type Inspection } from './inspect.ts';
import { mutate, seededRandom } from './mutate.ts';
import { recordBytes } from './record.ts';
import { rtmpConversation } from './rtmp-corpus.ts';
import { witness, type Testimony } from './witness.ts';

/** Options of {@link runCampaign}. */
export type CampaignOptions = {
  readonly seed: number;
  readonly rtmpStreams: number;
  readonly httpRequests: number;
  /** Told of progress. */
  readonly log: (line: string) => void;
};

/** What a campaign found. */
export type CampaignReport = {
  readonly rtmp: Record<Outcome, number>;
  readonly http: Record<Outcome, number>;
  /** What a viewer of an honest broadcast saw meanwhile. */
  readonly testimony: Testimony;
  /** What is left of the broken broadcasts for who watches them. */
  readonly inspection: Inspection;
  /** Resident megabytes after the first fifth of the streams, when heaps have grown to what they need, and at the end. */
  readonly rssBefore: number;
  readonly rssAfter: number;
  /** The process that was attacked still runs and says it is ready. */
  readonly alive: boolean;
};

const honest = 'honest_0123456789abcdef';
const fuzzed = 'fuzzed_0123456789abcdef';
/** Conversations publish under several keys: one that is live refuses all others. */
const broken = Array.from({ length: 8 }, (_, i) => `broken${i}_0123456789abcdef`);

/**
 * Attacks a real server with mutated RTMP byte streams (of a real ffmpeg's, its key valid, so that they reach all the
 * way in), with conversations that are wrong in their structure, and with malformed HTTP requests, alone and among others
 * on one connection, while an honest broadcast runs and a viewer checks that no part of it is missing.
 */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const random = seededRandom(options.seed);
  const limits = { rtmpMaxConnectionsPerAddress: 1000, rtmpHandshakeTimeout: 2, rtmpIdleTimeout: 2, logLevel: 'fatal' };
  await using server = await startServer({ config: { streamKeys: [honest, fuzzed, ...broken], ladder: 'source', ...limits } });
  const pid = server.process().pid ?? 0;
  const seedStreams: Uint8Array[] = [];
  for (const source of [{ gop: 30 }, { gop: 15, bFrames: 2 }, { media: 'audio' as const }]) {
    const publish = async (port: number): Promise<void> => {
      await startPublisher({ url: `rtmp://127.0.0.1:${port}/live/${fuzzed}`, size: '160x90', kilobits: 100, seconds: 2, ...source }).exited;
    };
    seedStreams.push(await recordBytes(server.rtmpPort, 96 * 1024, publish));
  }
  await using _publisher = startPublisher({ url: server.publishUrl(honest), seconds: 3000 });
  await using viewer = await witness(server.url, 'honest');
  const broadcast = viewer.broadcast;
  options.log(`RTMP: ${options.rtmpStreams} mutated byte streams, seed ${options.seed}`);
  const attack = (count: number): Promise<Record<Outcome, number>> =>
    flood({
      port: server.rtmpPort,
      count,
      parallel: 24,
      patience: 3000,
      bytes: () => {
        if (random.chance(0.25)) {
          return rtmpConversation(random, random.pick(broken));
        }
        const seed = random.pick(seedStreams);
        // Most of what there is to break comes in the first kilobytes.
        return mutate(seed.subarray(0, random.chance(0.8) ? 3000 + random.int(5000) : seed.length), random);
      },
    });
  const warmUp = await attack(Math.ceil(options.rtmpStreams / 5));
  const rssBefore = (await usageOf(pid)).rss / 1e6;
  const rtmp = sumOf(warmUp, await inSlices(Math.floor((options.rtmpStreams * 4) / 5), options.log, attack));
  const inspection = await inspect(server.url, [fuzzed, ...broken].map((key) => key.slice(0, key.indexOf('_'))));
  options.log(`HTTP: ${options.httpRequests} malformed requests`);
  const http = await inSlices(options.httpRequests, options.log, (count) =>
    flood({ port: server.httpPort, count, parallel: 24, patience: 2000, bytes: () => (random.chance(0.3) ? httpConversation : httpRequest)(random, 'honest', broadcast) }),
  );
  const alive = await until('the server to answer', async () => (await fetch(`${server.url}/readyz`)).ok).catch(() => false);
  if (!alive) {
    options.log(`the server's last words:\n${server.log().slice(-4000)}`);
  }
  return {
    rtmp,
    http,
    testimony: await viewer.finish(),
    inspection,
    rssBefore,
    rssAfter: alive ? (await usageOf(pid)).rss / 1e6 : Number.NaN,
    alive: alive && server.process().exitCode === null && server.process().pid === pid,
  };
}

async function inSlices(
  total: number,
  log: (line: string) => void,
  run: (count: number) => Promise<Record<Outcome, number>>,
): Promise<Record<Outcome, number>> {
  let sum: Record<Outcome, number> = { answered: 0, closed: 0, silent: 0 };
  for (let done = 0; done < total; ) {
    const count = Math.min(10_000, total - done);
    sum = sumOf(sum, await run(count));
    done += count;
    log(`  ${done} done: ${sum.answered} answered, ${sum.closed} closed, ${sum.silent} silent`);
  }
  return sum;
}

function sumOf(a: Record<Outcome, number>, b: Record<Outcome, number>): Record<Outcome, number> {
  return { answered: a.answered + b.answered, closed: a.closed + b.closed, silent: a.silent + b.silent };
}
