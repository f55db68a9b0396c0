import { randomBytes } from 'node:crypto';

import { afterEach, describe, expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { startClientHandshake, type ClientKeys } from '../testing/client-dtls.ts';
import { shuffled } from '../testing/shuffled.ts';
import { createCertificate, type RtcCertificate } from './certificate.ts';
import type { DtlsEstablished } from './established.ts';
import { DtlsServerHandshake } from './server-handshake.ts';
import type { SrtpKeys } from './srtp-keys.ts';
import { HANDSHAKE_HEADER_BYTES } from './handshake-messages.ts';
import { CONTENT_TYPE, readRecords, writeRecord } from './record.ts';

const [server, client, stranger] = await Promise.all([createCertificate(), createCertificate(), createCertificate()]);

/** What happens to a datagram on the way: nothing, or whatever these return. */
type Way = (datagram: Buffer) => readonly Buffer[];
const straight: Way = (datagram) => [datagram];

type Outcome = { readonly keys: SrtpKeys; readonly established: DtlsEstablished; readonly client: ClientKeys };

const handshakes: DtlsServerHandshake[] = [];
afterEach(() => handshakes.splice(0).forEach((handshake) => handshake.close()));

/** One handshake between the server and werift's client, in this process. */
async function shakeHands(
  options: { readonly shows?: RtcCertificate; readonly profiles?: readonly (1 | 7)[]; readonly toServer?: Way; readonly toClient?: Way; readonly before?: (handshake: DtlsServerHandshake) => void } = {},
): Promise<Outcome> {
  const { shows = client, toServer = straight, toClient = straight } = options;
  const done = Promise.withResolvers<Omit<Outcome, 'client'>>();
  let established: DtlsEstablished | undefined;
  const send = (datagram: Uint8Array): void => toClient(Buffer.from(datagram)).forEach((one) => setImmediate(() => peer.receive(one)));
  const handshake = new DtlsServerHandshake({
    certificate: server,
    fingerprints: [client.fingerprint],
    send,
    ask: send,
    proven: () => {},
    done: (keys, left) => {
      established = left;
      done.resolve({ keys, established: left });
    },
    failed: done.reject,
  });
  handshakes.push(handshake);
  options.before?.(handshake);
  const now = (): ReturnType<typeof millis> => millis(performance.now());
  const peer = startClientHandshake({
    certificate: shows,
    fingerprint: server.fingerprint,
    ...(options.profiles === undefined ? {} : { profiles: options.profiles }),
    send: (datagram) =>
      toServer(datagram).forEach((one) =>
        setImmediate(() => {
          const answer = established === undefined ? handshake.receive(one, now(), 'client') : established.receive(one, now()).answer;
          if (answer !== undefined) {
            peer.receive(Buffer.from(answer));
          }
        }),
      ),
  });
  peer.keys.catch(() => {});
  const outcome = await done.promise;
  return { ...outcome, client: await peer.keys };
}

describe('the server\'s side of the DTLS handshake', () => {
  it.each([
    { profile: 7 as const, name: 'aead-aes-128-gcm', saltBytes: 12 },
    { profile: 1 as const, name: 'aes128-cm-sha1-80', saltBytes: 14 },
  ])('agrees on keys for $name', async ({ profile, name, saltBytes }) => {
    const { keys, client: other } = await shakeHands({ profiles: [profile] });
    expect(keys.profile).toBe(name);
    expect(keys.localKey).toHaveLength(16);
    expect(keys.localSalt).toHaveLength(saltBytes);
    const { localMasterKey, localMasterSalt, remoteMasterKey, remoteMasterSalt } = other.srtp.config.keys;
    expect([keys.localKey, keys.localSalt, keys.remoteKey, keys.remoteSalt].map(hex)).toEqual([remoteMasterKey, remoteMasterSalt, localMasterKey, localMasterSalt].map(hex));
  });

  it('takes messages that come in pieces, twice and out of order', async () => {
    const { keys } = await shakeHands({ toServer: (datagram) => shuffled(datagram) });
    expect(keys.profile).toBe('aead-aes-128-gcm');
  });

  it('survives the loss of a flight on either side', async () => {
    let up = 0;
    let down = 0;
    const { keys } = await shakeHands({
      // The second hello, and the server's last flight.
      toServer: (datagram) => (++up === 2 ? [] : [datagram]),
      toClient: (datagram) => (readRecords(datagram).some(({ epoch }) => epoch === 1) && ++down === 1 ? [] : [datagram]),
    });
    expect(keys.profile).toBe('aead-aes-128-gcm');
    // The client has its keys all the same: what is left of the handshake has answered it.
    expect(down).toBe(1);
  });

  it('is not disturbed by noise and by alerts that nobody protected', async () => {
    const noise = [
      ...Array.from({ length: 200 }, () => Buffer.concat([Buffer.from([22, 254, 253, 0, 0]), randomBytes(60)])),
      ...Array.from({ length: 200 }, () => writeRecord(CONTENT_TYPE.handshake, 1, 1, randomBytes(40))),
      writeRecord(CONTENT_TYPE.alert, 0, 1, Buffer.from([2, 40])),
      writeRecord(CONTENT_TYPE.alert, 0, 2, Buffer.from([1, 0])),
      writeRecord(CONTENT_TYPE.applicationData, 0, 3, randomBytes(30)),
    ].filter((datagram) => datagram[0] !== CONTENT_TYPE.handshake || datagram.readUInt16BE(3) === 1 || datagram.readUInt16BE(17) > 4);
    const { keys } = await shakeHands({ toServer: (datagram) => [...noise, datagram] });
    expect(keys.profile).toBe('aead-aes-128-gcm');
  });

  it('refuses a certificate that was not announced', async () => {
    await expect(shakeHands({ shows: stranger })).rejects.toMatchObject({ code: 'rtc/dtls-certificate', message: 'The peer\'s certificate is not the one whose fingerprint it announced.' });
  });

  it.each([
    { shows: stranger, description: 42 },
    { profiles: [] as const, description: 40 },
  ])('tells the peer that it failed (alert $description)', async ({ description, ...options }) => {
    const alerts: Buffer[] = [];
    const toClient: Way = (datagram) => {
      alerts.push(...readRecords(datagram).filter(({ type }) => type === CONTENT_TYPE.alert).map(({ fragment }) => fragment));
      return [datagram];
    };
    await expect(shakeHands({ ...options, toClient })).rejects.toBeInstanceOf(Error);
    expect(alerts).toEqual([Buffer.from([2, description])]);
  });

  it('refuses who shows the announced certificate without having its key', async () => {
    await expect(shakeHands({ shows: { ...client, keyPem: stranger.keyPem } })).rejects.toMatchObject({ code: 'rtc/dtls-certificate', message: 'The peer did not prove that the certificate is its own.' });
  });

  it('refuses a hello that was changed on the way', async () => {
    const toServer: Way = (datagram) => {
      const [record] = readRecords(datagram);
      const cookieHello = record?.type === CONTENT_TYPE.handshake && record.fragment[0] === 1 && record.fragment.readUInt16BE(4) === 1;
      // The last byte: of the last extension, which means nothing to anybody.
      return [cookieHello ? Buffer.concat([datagram.subarray(0, -1), Buffer.from([datagram.at(-1)! ^ 1])]) : datagram];
    };
    await expect(shakeHands({ toServer })).rejects.toMatchObject({ code: 'rtc/dtls-certificate' });
  });

  it('refuses messages out of their order', async () => {
    const early = handshakeRecord(16, 0, randomBytes(33));
    await expect(shakeHands({ before: (handshake) => handshake.receive(early, millis(0), 'client') })).rejects.toMatchObject({ code: 'rtc/dtls-order' });
  });

  it('fails alone on a hello that is noise', async () => {
    const hello = handshakeRecord(1, 0, randomBytes(80));
    await expect(shakeHands({ before: (handshake) => handshake.receive(hello, millis(0), 'client') })).rejects.toBeInstanceOf(Error);
  });

  it.each<[string, (body: Buffer) => Buffer, string]>([
    ['another cookie than it was given', (body) => flipped(body, 40), 'rtc/dtls-order'],
    ['a hello that ends too soon', (body) => body.subarray(0, -3), 'rtc/dtls-malformed'],
    ['bytes behind the hello', (body) => Buffer.concat([body, Buffer.alloc(1)]), 'rtc/dtls-malformed'],
    ['no group that is spoken', (body) => replaced(body, '000a00060004001d0017', '000a00060004001e0018'), 'rtc/dtls-choice'],
    ['no cipher suite that is spoken', (body) => replaced(body, '0004c02bc02f', '0004c02cc030'), 'rtc/dtls-choice'],
    ['no signature that is spoken', (body) => replaced(body, '000d00060004', '000d00060000'), 'rtc/dtls-choice'],
  ])('refuses %s', async (_what, change, code) => {
    const toServer: Way = (datagram) => {
      const [record] = readRecords(datagram);
      if (record?.type !== CONTENT_TYPE.handshake || record.fragment[0] !== 1 || record.fragment.readUInt16BE(4) !== 1) {
        return [datagram];
      }
      return [handshakeRecord(1, 1, change(Buffer.from(record.fragment.subarray(HANDSHAKE_HEADER_BYTES))))];
    };
    await expect(shakeHands({ toServer })).rejects.toMatchObject({ code });
  });

  it('takes whatever hello there is without a throw, and answers it with less than it sent', () => {
    for (let at = 0; at < 1000; at++) {
      const sent: Uint8Array[] = [];
      const send = (datagram: Uint8Array): void => void sent.push(datagram);
      const handshake = new DtlsServerHandshake({ certificate: server, fingerprints: [client.fingerprint], send, ask: send, proven: () => {}, done: () => expect.unreachable(), failed: () => {} });
      const hello = handshakeRecord(1, 0, Buffer.concat([Buffer.from('fefd', 'hex'), randomBytes(32), Buffer.alloc(2), Buffer.from('0002c02b0100', 'hex'), randomBytes(at % 150)]));
      expect(() => handshake.receive(hello, millis(1), 'client')).not.toThrow();
      expect(sent.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(hello.length);
      handshake.close();
    }
  });

  it('refuses who offers no SRTP', async () => {
    await expect(shakeHands({ profiles: [] })).rejects.toMatchObject({ code: 'rtc/dtls-profile' });
  });
});

describe('the address that flights go to', () => {
  /** A server's handshake that is asked from several addresses, and what it said and did. */
  function asked(): { readonly handshake: DtlsServerHandshake; readonly asks: [string, Buffer][]; readonly flights: Buffer[]; readonly proven: [string, string][] } {
    const [asks, flights, proven]: [[string, Buffer][], Buffer[], [string, string][]] = [[], [], []];
    const handshake = new DtlsServerHandshake({
      certificate: server,
      fingerprints: [client.fingerprint],
      ask: (datagram, origin) => void asks.push([origin, Buffer.from(datagram)]),
      proven: (owner, origin) => void proven.push([owner, origin]),
      send: (datagram) => void flights.push(Buffer.from(datagram)),
      done: () => expect.unreachable(),
      failed: () => {},
    });
    handshakes.push(handshake);
    return { handshake, asks, flights, proven };
  }

  /** A client's first and second hello. The second answers the request that the first brings. */
  async function hellos(ask: (hello: Buffer) => Buffer): Promise<[Buffer, Buffer]> {
    const sent: Buffer[] = [];
    const peer = startClientHandshake({ certificate: client, fingerprint: server.fingerprint, send: (datagram) => void sent.push(Buffer.from(datagram)) });
    peer.keys.catch(() => {});
    await expect.poll(() => sent.length).toBe(1);
    peer.receive(ask(sent[0]!));
    await expect.poll(() => sent.length).toBe(2);
    return [sent[0]!, sent[1]!];
  }

  it('is that whose cookie came back, wherever it came from', async () => {
    const { handshake, asks, flights, proven } = asked();
    const [, second] = await hellos((hello) => {
      handshake.receive(hello, millis(0), 'own');
      return asks[0]![1];
    });
    expect(asks.map(([origin]) => origin)).toEqual(['own']);
    expect(flights).toEqual([]);
    handshake.receive(second, millis(10), 'victim');
    expect(proven).toEqual([['own', 'victim']]);
    expect(flights.length).toBeGreaterThan(0);
    expect(asks).toHaveLength(1);
  });

  it('is asked for a cookie of its own where the same hello comes from another', async () => {
    const { handshake, asks, proven } = asked();
    const [, second] = await hellos((hello) => {
      handshake.receive(hello, millis(0), 'a');
      handshake.receive(hello, millis(50), 'b');
      handshake.receive(hello, millis(100), 'b');
      return asks[1]![1];
    });
    expect(asks.map(([origin]) => origin)).toEqual(['a', 'b']);
    expect(asks[0]![1].subarray(-20)).not.toEqual(asks[1]![1].subarray(-20));
    handshake.receive(second, millis(200), 'b');
    expect(proven).toEqual([['b', 'b']]);
  });

  it('gets the flight at once when the peer has moved there, and nothing before there is one', async () => {
    const { handshake, asks, flights } = asked();
    const [, second] = await hellos((hello) => {
      handshake.receive(hello, millis(0), 'a');
      return asks[0]![1];
    });
    handshake.moved();
    expect(flights).toEqual([]);
    handshake.receive(second, millis(10), 'a');
    const once = flights.length;
    handshake.moved();
    expect(flights).toHaveLength(2 * once);
    handshake.close();
    handshake.moved();
    expect(flights).toHaveLength(2 * once);
  });
});

describe('what is left of a handshake', () => {
  it('hears a protected close_notify, and says one', async () => {
    const { established, client: other } = await shakeHands();
    const now = millis(1000);
    expect(established.receive(writeRecord(CONTENT_TYPE.alert, 0, 9, Buffer.from([1, 0])), now)).toEqual({ closed: false, answer: undefined });
    expect(established.receive(writeRecord(CONTENT_TYPE.alert, 1, 9, Buffer.concat([Buffer.alloc(8), randomBytes(18)])), now)).toEqual({ closed: false, answer: undefined });
    expect(other.established.receive(established.closeNotify(), now)).toEqual({ closed: true, answer: undefined });
    expect(established.receive(other.established.closeNotify(), now)).toEqual({ closed: true, answer: undefined });
  });

  it('sends its last flight again to who repeats its own, twice a second at most, and begins nothing anew', async () => {
    const { established } = await shakeHands();
    const repeated = handshakeRecord(1, 0, randomBytes(80));
    const answers = [0, 100, 499, 500, 999, 1000].map((now) => established.receive(repeated, millis(now)).answer);
    expect(answers.map((answer) => answer !== undefined)).toEqual([true, false, false, true, false, true]);
    expect(readRecords(Buffer.from(answers[0]!)).map(({ type, epoch }) => [type, epoch])).toEqual([
      [CONTENT_TYPE.changeCipherSpec, 0],
      [CONTENT_TYPE.handshake, 1],
    ]);
  });

  it('never uses a sequence number of the flight again', async () => {
    const { established } = await shakeHands();
    const flight = readRecords(Buffer.from(established.receive(handshakeRecord(1, 0, Buffer.alloc(4)), millis(0)).answer!));
    const [notify] = readRecords(established.closeNotify());
    expect(notify!.sequence).toBeGreaterThan(flight.at(-1)!.sequence);
  });
});

function flipped(body: Buffer, at: number): Buffer {
  body[at]! ^= 1;
  return body;
}

/** The bytes with a part exchanged, which is there. */
function replaced(body: Buffer, before: string, after: string): Buffer {
  const at = body.indexOf(Buffer.from(before, 'hex'));
  expect(at).toBeGreaterThan(0);
  Buffer.from(after, 'hex').copy(body, at);
  return body;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function handshakeRecord(type: number, sequence: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HANDSHAKE_HEADER_BYTES);
  header.writeUInt8(type, 0);
  header.writeUIntBE(body.length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(body.length, 9, 3);
  return writeRecord(CONTENT_TYPE.handshake, 0, sequence, Buffer.concat([header, body]));
}
