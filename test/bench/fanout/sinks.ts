import { setImmediate, setTimeout } from 'node:timers/promises';
import { request, Agent } from 'node:http';

import { Sink, type SinkCounts } from './sink.ts';
import { SinkSocket } from './sink-socket.ts';
import { LATE_SLOTS } from './stream-tally.ts';

/** What the parent asks of the sinks' process. */
export type SinkCommand =
  | { readonly kind: 'join'; readonly count: number; readonly atOnce: number }
  | { readonly kind: 'mark' }
  | { readonly kind: 'report' }
  | { readonly kind: 'leave'; readonly keep: number };

/** What the sinks saw since the last mark. */
export type SinkReport = {
  readonly sinks: number;
  /** Sessions that the server ended. */
  readonly ended: number;
  /** Attempts to connect that failed; each sink makes up to four. */
  readonly failedJoins: number;
  readonly packets: number;
  /** Gaps in the sequence numbers. */
  readonly lost: number;
  /** Packets that the sinks' own socket had no room for, since it was opened. */
  readonly overflow: number;
  readonly verified: number;
  readonly forged: number;
  readonly other: number;
  readonly bytes: number;
  /** Feedback that the kernel did not take. */
  readonly unsent: number;
  /** Milliseconds by which first packets of frames came later than the quickest of their sink. */
  readonly late: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly error?: string;
};

/** How often the socket is read. */
const POLL_MILLIS = 2;
const FEEDBACK_MILLIS = 100;
const CONSENT_MILLIS = 5000;
const ATTEMPTS = 4;
const PAUSE_MILLIS = 400;
/** A server that is too busy for more viewers than came within this has found its limit; the longest step brings 2,000. */
const JOIN_MILLIS = 45_000;

const [url = '', host = '', port = '', whole = ''] = process.argv.slice(2);
const counts: SinkCounts = { verified: 0, forged: 0, other: 0, late: new Uint32Array(LATE_SLOTS) };
const sinks: (Sink | undefined)[] = [];
let bytesReceived = 0;
const server = { address: host, port: Number(port) };
const socket = new SinkSocket(
  server,
  (to, bytes, at, length, arrival) => {
    bytesReceived += length;
    sinks[to]?.receive(bytes, at, length, arrival);
  },
  { whole: whole === 'whole' },
);
const context = { socket, server, counts };
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
let next = 0;
let failedJoins = 0;
let error: string | undefined;

let turn = 0;
const turns = (millis: number): number => Math.max(1, Math.round(millis / POLL_MILLIS));
const began = performance.now();
setInterval(() => {
  socket.poll();
  // By the clock: a turn that came late has more to do.
  for (const due = Math.floor((performance.now() - began) / POLL_MILLIS); turn < due; turn += 1) {
    each(turn % turns(FEEDBACK_MILLIS), turns(FEEDBACK_MILLIS), (sink) => sink.report());
    each(turn % turns(CONSENT_MILLIS), turns(CONSENT_MILLIS), (sink) => sink.check());
  }
  socket.flush();
}, POLL_MILLIS);

/** Calls every sink whose number leaves this remainder. */
function each(remainder: number, of: number, action: (sink: Sink) => void): void {
  for (let i = remainder; i < sinks.length; i += of) {
    const sink = sinks[i];
    if (sink !== undefined) {
      action(sink);
    }
  }
}

async function join(count: number, atOnce: number): Promise<void> {
  let left = count;
  const end = performance.now() + JOIN_MILLIS;
  const lane = async (): Promise<void> => {
    while (left > 0 && performance.now() < end) {
      left -= 1;
      const number = next;
      next += 1;
      for (let attempt = 1; attempt <= ATTEMPTS && performance.now() < end && !(await tryJoin(number)); attempt += 1) {
        failedJoins += 1;
        await setTimeout(PAUSE_MILLIS * attempt);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function tryJoin(number: number): Promise<boolean> {
  const sink = new Sink(number, context);
  sinks[number] = sink;
  try {
    await sink.join(post);
    return true;
  } catch (failure) {
    error ??= failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
    sinks[number] = undefined;
    return false;
  } finally {
    await setImmediate();
  }
}

function post(offer: string): Promise<{ location: string; answer: string }> {
  return new Promise((resolve, reject) => {
    const posting = request(url, { method: 'POST', agent, headers: { 'content-type': 'application/sdp', 'content-length': Buffer.byteLength(offer) } }, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (answer += chunk));
      response.on('end', () => (response.statusCode === 201 ? resolve({ location: response.headers.location ?? '', answer }) : reject(new Error(`${url} answered ${response.statusCode}: ${answer}`))));
    });
    posting.setTimeout(10_000, () => posting.destroy(new Error(`${url} did not answer`)));
    posting.on('error', reject);
    posting.end(offer);
  });
}

function mark(): void {
  sinks.forEach((sink) => sink?.mark());
  counts.verified = 0;
  counts.forged = 0;
  counts.other = 0;
  counts.late.fill(0);
  bytesReceived = 0;
}

function report(): SinkReport {
  const present = sinks.filter((sink) => sink !== undefined);
  const sum = (of: (sink: Sink) => number): number => present.reduce((total, sink) => total + of(sink), 0);
  const frames = counts.late.reduce((total, count) => total + count, 0);
  const quantile = (part: number): number => {
    let seen = 0;
    return counts.late.findIndex((count) => (seen += count) >= part * frames);
  };
  return {
    sinks: present.length,
    ended: present.filter(({ ended }) => ended).length,
    failedJoins,
    packets: sum(({ video, audio }) => video.received + audio.received),
    lost: sum(({ video, audio }) => video.lost + audio.lost),
    overflow: socket.overflow,
    verified: counts.verified,
    forged: counts.forged,
    other: counts.other,
    bytes: bytesReceived,
    unsent: socket.counts.unsent,
    late: { p50: quantile(0.5), p99: quantile(0.99), max: counts.late.findLastIndex((count) => count > 0) },
    ...(error === undefined ? {} : { error }),
  };
}

async function obey(command: SinkCommand): Promise<void> {
  switch (command.kind) {
    case 'join':
      await join(command.count, command.atOnce);
      break;
    case 'mark':
      mark();
      break;
    case 'leave':
      sinks.splice(command.keep).forEach((sink) => sink?.leave());
      socket.flush();
      break;
    case 'report':
      break;
  }
  process.send?.(report());
}

process.on('message', (command) => void obey(command as SinkCommand));
process.on('disconnect', () => process.exit(0));
process.send?.({ port: socket.port });
