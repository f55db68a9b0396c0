import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { clientCertificate, startClientHandshake } from '#core/rtc/testing/client-dtls.ts';
import { testCredentials } from '#core/rtc/testing/peer.ts';
import { flood, type Outcome } from '#test/fuzz/flood.ts';
import { mutate, seededRandom, type Random } from '#test/fuzz/mutate.ts';
import { usageOf } from '#test/support/processes.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { freePorts, startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { AttackPeer } from './attack-peer.ts';
import { strangersNoise, tcpNoise, type NoiseReport, type NoiseSeeds } from './noise.ts';
import { peerOffer } from './offers.ts';
import { publisherAttack } from './publisher-attacks.ts';
import { readGauge } from './read-gauge.ts';
import { postOffer } from './sessions.ts';
import { signallingAttack } from './signalling-attacks.ts';
import { viewerAttack } from './viewer-attacks.ts';
import { startWatcher, type Watched } from './watcher.ts';

/** Options of {@link runWebrtcCampaign}. */
export type WebrtcCampaignOptions = {
  readonly seed: number;
  /** Datagrams from addresses that prove nothing. */
  readonly datagrams: number;
  /** Connections to the TCP port that carry noise. */
  readonly connections: number;
  /** Handshakes that are spoilt. */
  readonly handshakes: number;
  /** Hostile peers with valid keys, half of them viewers, half publishers, and what each sends. */
  readonly insiders: number;
  readonly attacksPerInsider: number;
  /** Hostile requests to WHIP and WHEP. */
  readonly requests: number;
  /** Sessions that are asked for and never come. */
  readonly halfOpen: number;
  /** How the attackers' sessions end: `expired` waits until they do by themselves, up to 30 s. */
  readonly end: 'deleted' | 'expired';
  /** Told of progress. */
  readonly log: (line: string) => void;
};

/** What a campaign found. */
export type WebrtcCampaignReport = {
  readonly noise: NoiseReport;
  readonly tcp: Record<Outcome, number>;
  /** Of the spoilt handshakes, those that came to keys all the same. */
  readonly handshakes: number;
  readonly insiders: number;
  /** Hostile requests by status. */
  readonly requests: Readonly<Record<number, number>>;
  /** Half-open sessions by status. */
  readonly halfOpen: Readonly<Record<number, number>>;
  /** What honest viewers of a broadcast over RTMP, and of one over WHIP, saw from the beginning to the end. */
  readonly viewers: { readonly ofRtmp: Watched; readonly ofWhip: Watched };
  /** Viewers that came during the flood of half-open sessions and were served. */
  readonly newcomers: number;
  /** Sessions besides the honest ones when the attackers' time was over. */
  readonly left: number;
  /** Milliseconds for which the server's thread did nothing else, at the longest. */
  readonly longestStall: number;
  /** Resident megabytes after a first round of everything, when heaps have grown to what they need, and at the end. */
  readonly rssBefore: number;
  readonly rssAfter: number;
  /** Errors that the server did not expect: lines of its log. */
  readonly faults: readonly string[];
  /** The process that was attacked still runs and says it is ready. */
  readonly alive: boolean;
};

const honest = { rtmp: 'honest_0123456789abcdef', whip: 'camera_0123456789abcdef' };
/** Hostile publishers have keys as well, each its own: one that vanishes keeps its stream for as long as consent lasts. */
const fuzzed = Array.from({ length: 200 }, (_, i) => `fuzzed${i}_0123456789abcdef`);
/** Keys for hostile requests, which may take streams for a moment. */
const OTHERS = 8;
/** What is at the door a moment after the honest ones: theirs, the viewers' and the publisher's. */
const HONEST_SESSIONS = 3;
/** Warm-up: this share of everything comes before memory is measured first. */
const WARM_UP = 5;
/** Packets that honest viewers must get after the attack. */
const MORE = 200;
/** Told since it was last asked for. */
const STALL = 'millrace_nodejs_eventloop_lag_max_seconds';
/** Pauses between two goes of a peer with keys: so many datagrams fit into the buffer of a socket. */
const GO = 20;

/** Milliseconds for a spoilt handshake: what is sent again comes after 500 or more. */
const HANDSHAKE_PATIENCE = 700;

type Counts = Record<number, number>;

/** The attacked server, as its attackers see it. */
type Target = { readonly server: string; readonly port: number; readonly random: Random; readonly seeds: NoiseSeeds; readonly keys: Iterator<string> };

/**
 * Attacks the WebRTC of a real server while two honest broadcasts, over RTMP and over WHIP, are watched over WHEP: strangers' STUN, DTLS and RTP
 * over UDP and TCP, some of it overheard from honest clients; handshakes that go wrong; viewers and publishers with valid keys who send
 * what parsers behind SRTP break at; descriptions; sessions that nobody comes to. What honest viewers see is counted packet by packet.
 */
export async function runWebrtcCampaign(options: WebrtcCampaignOptions): Promise<WebrtcCampaignReport> {
  const { log } = options;
  const random = seededRandom(options.seed);
  const [metricsPort] = await freePorts(2);
  // All attackers have one address; it is the transport's own bound that they are to meet.
  const config = { metricsPort, streamKeys: [honest.rtmp, honest.whip, ...fuzzed], ladder: 'source', maxWhepViewersPerAddress: 100_000, logLevel: 'error' };
  await using server = await startServer({ config });
  const pid = server.process().pid ?? 0;
  await using _publisher = startPublisher({ url: server.publishUrl(honest.rtmp), size: '320x180', kilobits: 400, seconds: 3000 });
  using _camera = startCamera(`${server.url}/whip`, honest.whip);
  const watch = (stream: string) => until(`a viewer of ${stream}`, () => startWatcher({ server: server.url, port: server.webrtcPort, stream }), { deadline: 30_000 });
  await using ofRtmp = await watch('honest');
  await using ofWhip = await watch('camera');
  const seeds = { overheard: [ofRtmp.request, ofWhip.request], clientHello: await firstHello() };
  const target = { server: server.url, port: server.webrtcPort, random, seeds, keys: fuzzed.slice(OTHERS).values() };

  await readGauge(metricsPort, STALL);
  const first = await attack(target, share(options, 1 / WARM_UP), log);
  const rssBefore = (await usageOf(pid)).rss / 1e6;
  const second = await attack(target, share(options, 1 - 1 / WARM_UP), log);

  const stall = readGauge(metricsPort, STALL).catch(() => Number.NaN);
  const alive = await until('the server to answer', async () => (await fetch(`${server.url}/readyz`)).ok).catch(() => false);
  if (!alive) {
    log(`the server's last words:\n${server.log().slice(-4000)}`);
  }
  // A session that nobody comes to has 30 s, one whose peer vanished 20.
  const strange = async (): Promise<number> => (await readGauge(metricsPort, 'millrace_rtc_sessions')) - HONEST_SESSIONS;
  const left = alive ? await until('the sessions of the attackers to be over', async () => (await strange()) <= 0, { deadline: 45_000, every: 500 }).then(() => 0, strange) : Number.NaN;
  // After all that the honest ones still get what they came for.
  const goesOn = async (viewer: typeof ofRtmp): Promise<void> => {
    const { packets } = await viewer.tell();
    await until('an honest viewer to get more', async () => (await viewer.tell()).packets >= packets + MORE).catch(() => log('an honest viewer gets nothing any more'));
  };
  await Promise.all([goesOn(ofRtmp), goesOn(ofWhip)]);
  const viewers = { ofRtmp: await ofRtmp.tell(), ofWhip: await ofWhip.tell() };
  return {
    ...sum(first, second),
    viewers,
    left,
    longestStall: Math.round((await stall) * 1000),
    rssBefore,
    rssAfter: alive ? (await usageOf(pid)).rss / 1e6 : Number.NaN,
    faults: server.log().split('\n').filter((line) => /"level":(50|60)|uncaught|unhandled/i.test(line)).slice(0, 20),
    alive: alive && server.process().exitCode === null && server.process().pid === pid,
  };
}

/** Whether nobody was harmed. */
export function isSound({ alive, faults, left, newcomers, noise, viewers, rssBefore, rssAfter }: WebrtcCampaignReport): boolean {
  const whole = Object.values(viewers).every(({ packets, missing, failed, ended }) => packets > 0 && missing === 0 && failed === 0 && !ended);
  return alive && whole && faults.length === 0 && left <= 0 && newcomers > 0 && noise.amplification <= 1 && rssAfter < rssBefore + 150;
}

type Round = Pick<WebrtcCampaignReport, 'noise' | 'tcp' | 'handshakes' | 'insiders' | 'requests' | 'halfOpen' | 'newcomers'>;

type Amounts = Omit<WebrtcCampaignOptions, 'seed' | 'log'>;

function share(options: Amounts, part: number): Amounts {
  const of = (count: number): number => Math.ceil(count * part);
  const { datagrams, connections, handshakes, insiders, requests, halfOpen } = options;
  return { ...options, datagrams: of(datagrams), connections: of(connections), handshakes: of(handshakes), insiders: of(insiders), requests: of(requests), halfOpen: of(halfOpen) };
}

async function attack(target: Target, amounts: Amounts, log: (line: string) => void): Promise<Round> {
  const { server, port, random, seeds } = target;
  const noise = await strangersNoise({ port, datagrams: amounts.datagrams, random, seeds });
  log(`WebRTC: ${noise.datagrams} datagrams of strangers, ${noise.sentBytes} bytes; ${noise.answeredBytes} came back`);
  const tcp = await flood({ port, count: amounts.connections, parallel: 8, patience: 1000, bytes: () => tcpNoise(random, seeds) });
  log(`WebRTC: TCP connections ${JSON.stringify(tcp)}`);
  const handshakes = await spoiltHandshakes(target, amounts.handshakes);
  log(`WebRTC: ${amounts.handshakes} spoilt handshakes, ${handshakes} came to keys`);
  const insiders = await insidersAttack(target, amounts);
  log(`WebRTC: ${insiders} peers with keys`);
  const requests: Counts = {};
  await inParallel(amounts.requests, 8, async () => {
    const { status, session } = await signallingAttack(random, { server, stream: 'honest', key: random.pick(fuzzed.slice(0, OTHERS)) });
    count(requests, status);
    if (session !== undefined) {
      await fetch(session, { method: 'DELETE' });
    }
  });
  log(`WebRTC: requests by status ${JSON.stringify(requests)}`);
  const flooded = await halfOpenFlood(target, amounts);
  log(`WebRTC: half-open sessions by status ${JSON.stringify(flooded.halfOpen)}, newcomers served ${flooded.newcomers}`);
  return { noise, tcp, handshakes, insiders, requests, ...flooded };
}

/** Handshakes of peers whose addresses are verified: some datagrams broken, doubled, left out. */
async function spoiltHandshakes({ server, port, random }: Target, handshakes: number): Promise<number> {
  let keyed = 0;
  await inParallel(handshakes, 8, async (i) => {
    const spoil = (datagram: Buffer): readonly Uint8Array[] =>
      random.chance(0.6) ? [datagram] : random.pick([() => [mutate(datagram, random)], () => [mutate(datagram, random), datagram], () => [datagram, datagram], () => []])();
    const peer = await AttackPeer.open({ server, port, to: { stream: 'honest' }, offer: { direction: 'recvonly', feedback: 'goog-remb' }, tcp: i % 4 === 0, spoil });
    if (await peer.shakeHands(HANDSHAKE_PATIENCE)) {
      keyed += 1;
    }
    await fetch(peer.posted.url, { method: 'DELETE' });
    peer.vanish();
  });
  return keyed;
}

async function insidersAttack({ server, port, random, keys }: Target, { insiders, attacksPerInsider, end }: Amounts): Promise<number> {
  let keyed = 0;
  await inParallel(insiders, 4, async (i) => {
    const isViewer = i % 2 === 0;
    const feedback = random.pick(['transport-cc', 'goog-remb'] as const);
    const peer = await AttackPeer.open({
      server,
      port,
      to: isViewer ? { stream: 'honest' } : { key: keys.next().value ?? '' },
      offer: { direction: isViewer ? 'recvonly' : 'sendonly', feedback, ...(!isViewer && random.chance(0.5) ? { rids: ['h', 'm', 'l'] } : {}) },
      tcp: i % 5 === 4,
      profile: random.pick([1, 7]),
    });
    if (await peer.shakeHands()) {
      keyed += 1;
    }
    const state = { sequence: random.int(65_536), timestamp: random.int(2 ** 32), ssrc: 1 + random.int(2 ** 31) };
    for (let done = 0; done < attacksPerInsider; done += 1) {
      if (isViewer) {
        peer.sendRtcp(viewerAttack(random, peer));
      } else {
        publisherAttack(random, state, peer);
      }
      if (done % GO === GO - 1) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    if (end === 'deleted' || random.chance(0.5)) {
      await fetch(peer.posted.url, { method: 'DELETE' });
    }
    peer.vanish();
  });
  return keyed;
}

/** Asks for sessions as fast as they are given and comes to none; between them come viewers who want to watch. */
async function halfOpenFlood({ server, port }: Target, { halfOpen, end }: Amounts): Promise<Pick<Round, 'halfOpen' | 'newcomers'>> {
  const statuses: Counts = {};
  const opened: string[] = [];
  const { fingerprint } = await clientCertificate();
  const flooding = inParallel(halfOpen, 16, async () => {
    const { status, url } = await postOffer(server, { stream: 'honest' }, peerOffer({ ice: testCredentials(), fingerprint, direction: 'recvonly', feedback: 'transport-cc' }));
    count(statuses, status);
    if (url !== '') {
      opened.push(url);
    }
  });
  let newcomers = 0;
  let over = false;
  void flooding.finally(() => (over = true));
  do {
    // A client does as it is asked, and comes again where the server is full.
    const peer = await until('room for a viewer', () => AttackPeer.open({ server, port, to: { stream: 'honest' }, offer: { direction: 'recvonly', feedback: 'none' } }));
    if ((await peer.shakeHands()) && (await until('media', () => peer.heard.size > 0).catch(() => false))) {
      newcomers += 1;
    }
    await fetch(peer.posted.url, { method: 'DELETE' });
    peer.vanish();
  } while (!over);
  await flooding;
  if (end === 'deleted') {
    await inParallel(opened.length, 8, async (i) => void (await fetch(opened[i] ?? '', { method: 'DELETE' })));
  }
  return { halfOpen: statuses, newcomers };
}

/** The honest publisher over WHIP. */
function startCamera(url: string, key: string): Disposable {
  const child = spawn(process.execPath, [fileURLToPath(new URL('camera-process.ts', import.meta.url)), url, key], { stdio: 'ignore' });
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

/** The datagram that a handshake begins with. */
async function firstHello(): Promise<Buffer> {
  const certificate = await clientCertificate();
  return new Promise((resolve) => {
    const { keys } = startClientHandshake({ certificate, fingerprint: certificate.fingerprint, send: resolve });
    keys.catch(() => undefined);
  });
}

async function inParallel(total: number, parallel: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < total) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

function count(counts: Counts, status: number): void {
  counts[status] = (counts[status] ?? 0) + 1;
}

function sum(a: Round, b: Round): Round {
  const add = <T extends Record<string, number>>(one: T, other: T): T => {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return Object.fromEntries([...keys].map((key) => [key, (one[key] ?? 0) + (other[key] ?? 0)])) as T;
  };
  return {
    noise: { ...add(a.noise, b.noise), amplification: Math.max(a.noise.amplification, b.noise.amplification) },
    tcp: add(a.tcp, b.tcp),
    handshakes: a.handshakes + b.handshakes,
    insiders: a.insiders + b.insiders,
    requests: add(a.requests, b.requests),
    halfOpen: add(a.halfOpen, b.halfOpen),
    newcomers: a.newcomers + b.newcomers,
  };
}
