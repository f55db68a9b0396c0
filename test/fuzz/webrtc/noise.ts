import { createSocket, type Socket } from 'node:dgram';

import { writeBindingRequest } from '#core/rtc/ice/stun-writer.ts';
import { mutated, refingerprinted, unsigned } from '#core/rtc/testing/forge.ts';
import { mutate, type Random } from '#test/fuzz/mutate.ts';

/** What a stranger has to make his datagrams of. */
export type NoiseSeeds = {
  /** Signed checks that others have sent. */
  readonly overheard: readonly Buffer[];
  /** The first datagram of a handshake. */
  readonly clientHello: Buffer;
};

/** What came of {@link strangersNoise}. */
export type NoiseReport = {
  readonly datagrams: number;
  readonly sentBytes: number;
  /** Bytes that strangers were answered with. */
  readonly answeredBytes: number;
  /** Most bytes that one address was answered with for each that it sent. */
  readonly amplification: number;
};

/** Datagrams from one address before it changes. */
const PER_SOCKET = 200;
/** Datagrams in one go; what a socket's buffer holds. */
const BURST = 40;

type Maker = (random: Random, seeds: NoiseSeeds) => Uint8Array;

const MAKERS: readonly Maker[] = [
  function replayed(random, { overheard }) {
    return random.pick(overheard);
  },
  function withoutIntegrity(random, { overheard }) {
    return unsigned(random.pick(overheard));
  },
  function wrongIntegrity(random, { overheard }) {
    const bytes = Buffer.from(random.pick(overheard));
    bytes[bytes.length - 10 - random.int(18)]! ^= 1 + random.int(255);
    return refingerprinted(bytes);
  },
  function signedWithAnotherKey(random, { overheard }) {
    const username = usernameOf(random.pick(overheard));
    return writeBindingRequest({ transaction: noise(random, 12), username, password: 'x'.repeat(24), priority: 1, role: 'controlling', tieBreaker: noise(random, 8), useCandidate: true });
  },
  function mutatedStun(random, { overheard }) {
    return mutated(random.pick(overheard), () => random.int(2 ** 30) / 2 ** 30);
  },
  function brokenStun(random, { overheard }) {
    return mutate(random.pick(overheard), random);
  },
  function attributesWithoutEnd(random) {
    const body = Buffer.concat(Array.from({ length: random.int(300) }, () => Buffer.from([random.int(256), random.int(256), 0, 0])));
    const header = Buffer.concat([Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), noise(random, 12)]);
    return refingerprinted(Buffer.concat([header, body, Buffer.from([0x80, 0x28, 0, 4, 0, 0, 0, 0])]));
  },
  function clientHello(random, { clientHello }) {
    return random.chance(0.2) ? clientHello : mutate(clientHello, random);
  },
  function dtlsRecords(random) {
    const records = Array.from({ length: 1 + random.int(60) }, () => {
      const fragment = noise(random, random.int(20));
      return Buffer.concat([Buffer.from([20 + random.int(6), 0xfe, 0xfd, 0, random.int(2), 0, 0, 0, 0, 0, random.int(256), 0, fragment.length]), fragment]);
    });
    return Buffer.concat(records);
  },
  function rtp(random) {
    return Buffer.concat([Buffer.from([0x80 + random.int(64), random.int(256)]), noise(random, random.int(1200))]);
  },
  function rtcp(random) {
    return Buffer.concat([Buffer.from([0x80 + random.int(64), 192 + random.int(32)]), noise(random, random.int(1200))]);
  },
  function anything(random) {
    return noise(random, random.int(1500));
  },
];

/** Sends datagrams to the server from addresses that prove nothing, many of them with what real clients were heard to say. */
export async function strangersNoise(options: { readonly port: number; readonly datagrams: number; readonly random: Random; readonly seeds: NoiseSeeds }): Promise<NoiseReport> {
  const { port, datagrams, random, seeds } = options;
  let sentBytes = 0;
  let answeredBytes = 0;
  let amplification = 0;
  for (let done = 0; done < datagrams; ) {
    const socket = await openSocket(port);
    let sent = 0;
    let answered = 0;
    socket.on('message', (bytes) => (answered += bytes.length));
    for (let left = Math.min(PER_SOCKET, datagrams - done); left > 0; left -= BURST) {
      for (let i = Math.min(BURST, left); i > 0; i -= 1) {
        const bytes = random.pick(MAKERS)(random, seeds);
        sent += bytes.length;
        done += 1;
        socket.send(bytes, () => {});
      }
      await new Promise(setImmediate);
    }
    // Time for answers: they are what is looked for.
    await new Promise((resolve) => setTimeout(resolve, 10));
    socket.close();
    sentBytes += sent;
    answeredBytes += answered;
    amplification = Math.max(amplification, answered / Math.max(1, sent));
  }
  return { datagrams, sentBytes, answeredBytes, amplification };
}

/** Bytes for connections to the TCP port: frames cut short, too long, empty, and what is in them noise (RFC 4571). */
export function tcpNoise(random: Random, seeds: NoiseSeeds): Uint8Array {
  const frames = Array.from({ length: random.int(40) }, () => {
    const bytes = random.pick(MAKERS)(random, seeds);
    const length = random.chance(0.9) ? bytes.length : random.pick([0, 1, bytes.length + 1, 0x7fff, 0xffff]);
    return Buffer.concat([Buffer.from([length >> 8, length & 0xff]), bytes]);
  });
  const whole = Buffer.concat(frames);
  return random.chance(0.3) ? mutate(whole, random) : whole;
}

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => random.int(256)));
}

/** USERNAME is the first attribute that our checks write. */
function usernameOf(request: Buffer): string {
  return request.toString('latin1', 24, 24 + request.readUInt16BE(22));
}

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.connect(port, '127.0.0.1', () => {
      socket.off('error', reject).on('error', () => {});
      resolve(socket);
    });
  });
}
