import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

import type { Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { HANDSHAKE_TYPE } from './dtls/handshake-messages.ts';
import { readRecords } from './dtls/record.ts';
import { parseStun } from './ice/stun-message.ts';
import { writeBindingRequest, writeBindingSuccess } from './ice/stun-writer.ts';
import { startClientHandshake } from './testing/client-dtls.ts';
import { metricValue, RecordingHandler, startTestTransport } from './testing/fixtures.ts';
import { testCertificate, testCredentials } from './testing/peer.ts';
import type { IceCredentials, RtcSession } from './transport.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

/** An address: what was sent in its name, and what came to it. */
class Address {
  readonly sent = { bytes: 0 };
  readonly heard: Buffer[] = [];
  /** Whether it answers the server's checks. */
  answers = true;
  /** Whether the peer hears what comes here. */
  isPeers = true;
  readonly #socket = createSocket('udp4');
  readonly #port: number;

  constructor(port: number, pwd: string, received: (bytes: Buffer) => void) {
    this.#port = port;
    this.#socket.on('message', (bytes) => {
      this.heard.push(bytes);
      const message = parseStun(bytes);
      if (message?.class === 'request' && this.answers) {
        this.send(writeBindingSuccess(message.transaction, { address: '127.0.0.1', port }, pwd));
      } else if (message === undefined && this.isPeers) {
        received(bytes);
      }
    });
    cleanups.push(() => void this.#socket.close());
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(bytes: Uint8Array): void {
    this.sent.bytes += bytes.length;
    this.#socket.send(bytes, this.#port, '127.0.0.1');
  }

  get heardBytes(): number {
    return Buffer.concat(this.heard).length;
  }

  count(kind: 'check' | 'answer' | 'cookie' | 'flight'): number {
    return this.heard.filter((bytes) => kindOf(bytes) === kind).length;
  }
}

function kindOf(bytes: Buffer): 'check' | 'answer' | 'cookie' | 'flight' | undefined {
  const message = parseStun(bytes);
  if (message !== undefined) {
    return message.class === 'request' ? 'check' : 'answer';
  }
  const type = readRecords(bytes)[0]?.fragment[0];
  return type === HANDSHAKE_TYPE.helloVerifyRequest ? 'cookie' : type === HANDSHAKE_TYPE.serverHello ? 'flight' : undefined;
}

type Scene = {
  readonly metrics: Registry;
  readonly session: RtcSession;
  readonly handler: RecordingHandler;
  /** A peer's check. */
  readonly check: (priority?: number) => Buffer;
  /** An address of the peer's own. */
  readonly address: () => Address;
  /** One that the peer says is its own. */
  readonly victim: () => Address;
  /** Begins the peer's handshake. Its datagrams go where `route` says. */
  readonly shakeHands: (route: (datagram: Buffer, number: number) => void) => Promise<unknown>;
};

/** A session with a peer who can send under any address, and reads what comes to his own. */
async function open(setup: 'active' | 'passive' = 'active'): Promise<Scene> {
  const running = await startTestTransport();
  cleanups.push(() => running.close());
  const { transport } = running;
  const handler = new RecordingHandler();
  const local: IceCredentials = testCredentials();
  const certificate = await testCertificate();
  const session = transport.open({ ice: local, fingerprints: [certificate.fingerprint], setup }, handler);
  let receive: (bytes: Buffer) => void = () => {};
  return {
    metrics: running.metrics,
    session,
    handler,
    check: (priority = 1) =>
      writeBindingRequest({ transaction: randomBytes(12), username: `${session.local.ufrag}:${local.ufrag}`, password: session.local.pwd, priority, role: 'controlling', tieBreaker: Buffer.alloc(8), useCandidate: true }),
    address: () => new Address(transport.port, local.pwd, (bytes) => receive(bytes)),
    victim: () => {
      const address = new Address(transport.port, local.pwd, () => {});
      address.answers = false;
      return address;
    },
    shakeHands: (route) => {
      let number = 0;
      const handshake = startClientHandshake({ certificate, fingerprint: transport.fingerprint, send: (datagram) => route(datagram, ++number) });
      receive = handshake.receive;
      return handshake.keys.catch(() => undefined);
    },
  };
}

/** Sends a check and waits for what it brings. */
async function call(address: Address, request: Buffer): Promise<void> {
  const before = address.heard.length;
  address.send(request);
  await expect.poll(() => address.heard.length).toBeGreaterThan(before);
}

/** The server has sent its flight four times over. */
const repeatedTo = (address: Address): Promise<void> => expect.poll(() => address.count('flight')).toBeGreaterThan(3);

describe('the ordinary peer', () => {
  it('is proven by its cookie: it gets no check, and the flight is the answer to its second hello', async () => {
    const { handler, session, address, check, shakeHands } = await open();
    const peer = address();
    await call(peer, check());
    void shakeHands((datagram) => peer.send(datagram));
    await handler.whenConnected;
    expect(peer.heard.map(kindOf).slice(0, 3)).toEqual(['answer', 'cookie', 'flight']);
    expect(peer.count('check')).toBe(0);
    expect(session.path?.port).toBe(peer.port);
  });

  it('that moves in mid-handshake is checked at its new address, and the flight comes there at once', async () => {
    const { handler, session, address, check, shakeHands } = await open();
    const [before, after] = [address(), address()];
    await call(before, check());
    // Neither side repeats anything by a timer: what comes, comes at once.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    void shakeHands((datagram, number) => {
      if (number === 1) {
        before.send(datagram);
        return;
      }
      before.isPeers = false;
      if (number === 2) {
        after.send(check());
      }
      if (number === 2 || readRecords(datagram)[0]?.fragment[0] !== HANDSHAKE_TYPE.clientHello) {
        after.send(datagram);
      }
    });
    await handler.whenConnected;
    expect(after.count('check')).toBeGreaterThan(0);
    expect(after.count('flight')).toBeGreaterThan(0);
    expect(session.path?.port).toBe(after.port);
  });
});

describe('an address that proves nothing', () => {
  it('gets no flight where the peer nominates it in mid-handshake, nor more bytes than were sent in its name', async () => {
    const { handler, session, address, victim, check, shakeHands } = await open();
    const [own, other] = [address(), victim()];
    await call(own, check());
    void shakeHands((datagram, number) => {
      // The handshake stops where the server waits for the client's proof.
      if (number <= 2) {
        own.send(datagram);
      }
    });
    await expect.poll(() => own.count('flight')).toBeGreaterThan(0);
    for (let count = 0; count < 20; count++) {
      other.send(check(2));
    }
    await expect.poll(() => other.count('answer')).toBeGreaterThan(0);
    await repeatedTo(own);
    expect(other.count('flight') + other.count('cookie')).toBe(0);
    expect(other.count('check')).toBeGreaterThan(0);
    expect(other.heardBytes).toBeLessThanOrEqual(other.sent.bytes);
    expect(session.path?.port).toBe(own.port);
    expect(handler.reason).toBeUndefined();
  });

  it('gets no flight where the hello comes from there with the cookie of another address', async () => {
    const { session, address, victim, check, shakeHands } = await open();
    const [own, other] = [address(), victim()];
    await call(own, check());
    await call(other, check());
    void shakeHands((datagram, number) => {
      if (number <= 2) {
        (number === 1 ? own : other).send(datagram);
      }
    });
    // It goes to where the cookie went, and nowhere else.
    await repeatedTo(own);
    expect(other.count('flight')).toBe(0);
    expect(other.heardBytes).toBeLessThanOrEqual(other.sent.bytes);
    expect(session.path?.port).toBe(own.port);
  });

  it('gets no more than was sent in its name, whatever that is', async () => {
    const { metrics, victim, check, shakeHands } = await open();
    const other = victim();
    await call(other, check());
    const datagrams: Buffer[] = [];
    void shakeHands((datagram) => void datagrams.push(datagram));
    await expect.poll(() => datagrams.length).toBeGreaterThan(0);
    const forged = Buffer.from(datagrams[0]!);
    for (let count = 0; count < 200; count++) {
      other.send(count % 3 === 0 ? check(count) : count % 3 === 1 ? forged : Buffer.concat([Buffer.from([22, 254, 253, 0, 0]), randomBytes(60)]));
      // One after another, or the socket's buffer runs over.
      await expect.poll(() => metricValue(metrics, 'millrace_rtc_datagrams_received_total'), { interval: 1 }).toBe(count + 2);
    }
    expect(other.count('cookie')).toBeGreaterThan(0);
    expect(other.count('flight')).toBe(0);
    expect(other.heardBytes).toBeLessThanOrEqual(other.sent.bytes);
  });

  it('gets no hello of the server\'s, where the peer waits for one', async () => {
    const { session, victim, check } = await open('passive');
    const other = victim();
    for (let count = 0; count < 10; count++) {
      await call(other, check());
    }
    expect(other.heard.every((bytes) => parseStun(bytes) !== undefined)).toBe(true);
    expect(other.heardBytes).toBeLessThanOrEqual(other.sent.bytes);
    expect(session.state).toBe('connecting');
  });

  it('gets errors that are no longer than the requests', async () => {
    const { session, victim, check } = await open();
    const other = victim();
    const request = parseStun(check())!;
    other.send(writeBindingRequest({ transaction: randomBytes(12), username: request.username!, password: session.local.pwd, priority: 1, role: 'controlled', tieBreaker: Buffer.alloc(8) }));
    await expect.poll(() => other.heard.map((bytes) => parseStun(bytes)?.errorCode)).toEqual([487]);
    expect(other.heardBytes).toBeLessThanOrEqual(other.sent.bytes);
  });
});
