import { createHash, randomBytes } from 'node:crypto';

import { afterEach, describe, expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { shuffled } from '../testing/shuffled.ts';
import { DtlsServer, type DtlsTransport } from '../werift.ts';
import { createCertificate, signatureHash, type RtcCertificate } from './certificate.ts';
import { DtlsClientHandshake } from './client-handshake.ts';
import type { DtlsEstablished } from './established.ts';
import type { FlightTimer } from './flight-timer.ts';
import type { DtlsHandshake } from './handshake.ts';
import { HANDSHAKE_HEADER_BYTES, writeHandshakeMessage } from './handshake-messages.ts';
import { CONTENT_TYPE, readRecords, writeRecord } from './record.ts';
import { DtlsServerHandshake } from './server-handshake.ts';
import type { SrtpKeys } from './srtp-keys.ts';

const [ours, peer, stranger] = await Promise.all([createCertificate(), createCertificate(), createCertificate()]);

/** What happens to a datagram on the way: nothing, or whatever these return. */
type Way = (datagram: Buffer) => readonly Buffer[];
const straight: Way = (datagram) => [datagram];

/** A timer that fires when a test says so. */
class ManualTimer implements FlightTimer {
  readonly delays: number[] = [];
  #run: (() => void) | undefined;

  set(run: () => void, milliseconds: number): void {
    this.delays.push(milliseconds);
    this.#run = run;
  }

  clear(): void {
    this.#run = undefined;
  }

  get isSet(): boolean {
    return this.#run !== undefined;
  }

  fire(): void {
    const run = this.#run;
    this.#run = undefined;
    run?.();
  }
}

type Side = { readonly keys: SrtpKeys; readonly established: DtlsEstablished };

const handshakes: DtlsHandshake[] = [];
afterEach(() => handshakes.splice(0).forEach((handshake) => handshake.close()));

let time = 0;

/** One handshake between our client and our server, in this process. Time goes on by a second with each datagram. */
async function shakeHands(
  options: { readonly shows?: RtcCertificate; readonly toServer?: Way; readonly toClient?: Way; readonly timer?: ManualTimer; readonly before?: (handshake: DtlsClientHandshake) => void } = {},
): Promise<{ readonly client: Side; readonly server: Side }> {
  const { shows = peer, toServer = straight, toClient = straight, timer = new ManualTimer() } = options;
  const [client, server] = [Promise.withResolvers<Side>(), Promise.withResolvers<Side>()];
  let left: DtlsEstablished | undefined;
  const now = (): ReturnType<typeof millis> => millis((time += 1000));
  const begins = new DtlsClientHandshake({
    certificate: ours,
    fingerprints: [peer.fingerprint],
    timer,
    send: (datagram) =>
      toServer(Buffer.from(datagram)).forEach((one) =>
        setImmediate(() => {
          if (left === undefined) {
            waits.receive(one, now(), 'client');
            return;
          }
          const { answer } = left.receive(one, now());
          if (answer !== undefined) {
            begins.receive(Buffer.from(answer), now());
          }
        }),
      ),
    done: (keys, established) => client.resolve({ keys, established }),
    failed: client.reject,
  });
  const answer = (datagram: Uint8Array): void => toClient(Buffer.from(datagram)).forEach((one) => setImmediate(() => begins.receive(one, now())));
  const waits = new DtlsServerHandshake({
    certificate: shows,
    fingerprints: [ours.fingerprint],
    send: answer,
    ask: answer,
    proven: () => {},
    done: (keys, established) => {
      left = established;
      server.resolve({ keys, established });
    },
    failed: server.reject,
  });
  // The server's refusal ends it too: the client believes no alert that nobody protected.
  server.promise.catch(client.reject);
  handshakes.push(begins, waits);
  options.before?.(begins);
  begins.start();
  return { client: await client.promise, server: await server.promise };
}

/** A handshake that has begun, and what it sends. */
function begin(timer = new ManualTimer()): { readonly handshake: DtlsClientHandshake; readonly sent: Buffer[]; readonly timer: ManualTimer; readonly failed: () => unknown } {
  const sent: Buffer[] = [];
  let error: unknown;
  const handshake = new DtlsClientHandshake({
    certificate: ours,
    fingerprints: [peer.fingerprint],
    timer,
    send: (datagram) => sent.push(Buffer.from(datagram)),
    done: () => expect.unreachable(),
    failed: (reason) => {
      error = reason;
    },
  });
  handshakes.push(handshake);
  handshake.start();
  return { handshake, sent, timer, failed: () => error };
}

describe('the client\'s side of the DTLS handshake', () => {
  it('agrees with the server on the keys of the profile that both like best', async () => {
    const { client, server } = await shakeHands();
    expect(client.keys.profile).toBe('aead-aes-128-gcm');
    expect(client.keys.localSalt).toHaveLength(12);
    expect(ends(client.keys, 'remote', 'local')).toEqual(ends(server.keys, 'local', 'remote'));
    expect(new Set(ends(client.keys, 'local', 'remote')).size).toBe(4);
  });

  it('takes messages that come in pieces, twice and out of order', async () => {
    const { client, server } = await shakeHands({ toClient: (datagram) => shuffled(datagram) });
    expect(ends(client.keys, 'remote', 'local')).toEqual(ends(server.keys, 'local', 'remote'));
  });

  it.each([
    { what: 'the first hello', up: 1, down: 0 },
    { what: 'the hello with the cookie', up: 2, down: 0 },
    { what: 'the proof', up: 3, down: 0 },
    { what: 'the request for a cookie', up: 0, down: 1 },
    { what: 'the server\'s certificate and key', up: 0, down: 2 },
    { what: 'the server\'s Finished', up: 0, down: 3 },
  ])('survives the loss of $what, by sending its flight again', async ({ up, down }) => {
    const timer = new ManualTimer();
    const count = { up: 0, down: 0 };
    // A datagram that is lost is missed some time later.
    const lose = (): Buffer[] => {
      setTimeout(() => timer.fire(), 5);
      return [];
    };
    const { client, server } = await shakeHands({
      timer,
      toServer: (datagram) => (++count.up === up ? lose() : [datagram]),
      toClient: (datagram) => (++count.down === down ? lose() : [datagram]),
    });
    expect(ends(client.keys, 'remote', 'local')).toEqual(ends(server.keys, 'local', 'remote'));
    expect(timer.isSet).toBe(false);
  });

  it('gives each record a number of its own, so that no replay window stops a repeated flight', async () => {
    const records: string[] = [];
    await shakeHands({
      toServer: (datagram) => {
        records.push(...readRecords(datagram).map(({ epoch, sequence }) => `${epoch}.${sequence}`));
        return [datagram];
      },
    });
    const { sent, timer } = begin();
    timer.fire();
    timer.fire();
    expect(sent.flatMap((datagram) => readRecords(datagram)).map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
    expect(new Set(records).size).toBe(records.length);
  });

  it('sends eight short hellos at most to an address that does not answer, ever more slowly', () => {
    const { sent, timer, handshake } = begin();
    Array.from({ length: 20 }, () => timer.fire());
    expect(sent).toHaveLength(8);
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThan(150);
    expect(timer.delays.slice(0, 8)).toEqual([100, 200, 400, 800, 1600, 3200, 3200, 3200]);
    handshake.close();
    expect(timer.isSet).toBe(false);
  });

  it('can be made to greet no oftener by whoever asks it for cookies', () => {
    const { sent, handshake } = begin();
    for (let at = 0; at < 500; at++) {
      handshake.receive(cookieRequest(at < 250 ? 0 : at), millis(1000 * at));
    }
    expect(sent.length).toBeLessThanOrEqual(9);
  });

  it('shows the cookie and stays what it was', () => {
    const { sent, handshake } = begin();
    handshake.receive(cookieRequest(0), millis(10));
    const [first, second] = sent.map((datagram) => readRecords(datagram)[0]!.fragment.subarray(HANDSHAKE_HEADER_BYTES));
    // Version, random, empty session id; then the cookie.
    expect(second!.subarray(0, 35)).toEqual(first!.subarray(0, 35));
    expect(second!.subarray(35, 40).toString('latin1')).toBe('\u0004cook');
    expect(second!.subarray(40)).toEqual(first!.subarray(36));
  });

  it('is not disturbed by noise and by alerts that nobody protected', async () => {
    const noise = [
      ...Array.from({ length: 100 }, () => randomBytes(60)),
      ...Array.from({ length: 100 }, () => writeRecord(CONTENT_TYPE.handshake, 1, 1, randomBytes(40))),
      writeRecord(CONTENT_TYPE.alert, 0, 1, Buffer.from([2, 40])),
      writeRecord(CONTENT_TYPE.alert, 0, 2, Buffer.from([1, 0])),
      writeRecord(CONTENT_TYPE.changeCipherSpec, 0, 3, Buffer.of(1)),
      writeRecord(CONTENT_TYPE.applicationData, 0, 3, randomBytes(30)),
    ];
    const { client } = await shakeHands({ toClient: (datagram) => [...noise, datagram] });
    expect(client.keys.profile).toBe('aead-aes-128-gcm');
  });

  it('refuses a certificate that was not announced', async () => {
    await expect(shakeHands({ shows: stranger })).rejects.toMatchObject({ code: 'rtc/dtls-certificate', message: 'The peer\'s certificate is not the one whose fingerprint it announced.' });
  });

  it('refuses who shows the announced certificate without having its key', async () => {
    await expect(shakeHands({ shows: { ...peer, keyPem: stranger.keyPem } })).rejects.toMatchObject({ code: 'rtc/dtls-certificate', message: 'The peer did not prove that the certificate is its own.' });
  });

  it.each<[string, number, (body: Buffer) => void, string]>([
    ['a key that its owner did not sign', 12, (body) => (body[20]! ^= 1), 'rtc/dtls-certificate'],
    ['a signature of another scheme', 12, (body) => void body.writeUInt16BE(0x0201, body.length - signatureBytes(body) - 4), 'rtc/dtls-certificate'],
    ['a cipher suite that was not offered', 2, (body) => void body.writeUInt16BE(0x002f, 35 + body[34]!), 'rtc/dtls-choice'],
    ['DTLS 1.0', 2, (body) => void body.writeUInt16BE(0xfeff, 0), 'rtc/dtls-choice'],
    ['compression', 2, (body) => (body[37 + body[34]!] = 1), 'rtc/dtls-choice'],
    ['an SRTP profile that was not offered', 2, (body) => void body.writeUInt16BE(8, body.indexOf(Buffer.from('000e00050002', 'hex')) + 6), 'rtc/dtls-profile'],
    ['an extension that was not offered', 2, (body) => void body.writeUInt16BE(16, body.indexOf(Buffer.from('00170000', 'hex'))), 'rtc/dtls-choice'],
    ['a hello that was changed on the way', 2, (body) => (body[5]! ^= 1), 'rtc/dtls-certificate'],
  ])('refuses %s', async (_what, type, change, code) => {
    const alerts: Buffer[] = [];
    await expect(
      shakeHands({
        toClient: (datagram) => [changed(datagram, type, change)],
        toServer: (datagram) => {
          alerts.push(...readRecords(datagram).filter((record) => record.type === CONTENT_TYPE.alert).map(({ fragment }) => fragment));
          return [datagram];
        },
      }),
    ).rejects.toMatchObject({ code });
    expect(alerts).toEqual([Buffer.from([2, code === 'rtc/dtls-certificate' ? 42 : 40])]);
  });

  it('is refused by a server that saw another handshake', async () => {
    await expect(shakeHands({ toClient: (datagram) => [changed(datagram, 13, (body) => (body[1]! ^= 0x20))] })).rejects.toMatchObject({ code: 'rtc/dtls-certificate' });
  });

  it('refuses a server whose Finished stands for another handshake', async () => {
    const outcome = Promise.withResolvers<void>();
    const transport: DtlsTransport = {
      type: 'udp',
      address: { address: '', family: 'IPv4', port: 0 },
      closed: false,
      onData: () => {},
      send: (record) => {
        setImmediate(() => handshake.receive(record, millis((time += 1000))));
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    const server = new DtlsServer({ transport, srtpProfiles: [7], cert: peer.certPem, key: peer.keyPem, signatureHash, certificateRequest: true, extendedMasterSecret: true });
    server.cipher.verifyData = () => Buffer.alloc(12);
    const handshake = new DtlsClientHandshake({
      certificate: ours,
      fingerprints: [peer.fingerprint],
      timer: new ManualTimer(),
      // One record at a time: all that werift's server has come to expect.
      send: (datagram) => readRecords(Buffer.from(datagram)).forEach(({ bytes }) => setImmediate(() => transport.onData(bytes, ['', 0]))),
      done: () => outcome.resolve(),
      failed: outcome.reject,
    });
    handshakes.push(handshake);
    handshake.start();
    await expect(outcome.promise).rejects.toMatchObject({ code: 'rtc/dtls-finished' });
  });

  it.each([
    ['a Finished before anything', 20, 'rtc/dtls-order'],
    ['a certificate before the hello', 11, 'rtc/dtls-order'],
    ['another client', 1, 'rtc/dtls-order'],
    ['a hello that ends too soon', 2, 'rtc/dtls-malformed'],
    ['a request for a cookie that ends too soon', 3, 'rtc/dtls-malformed'],
  ])('refuses %s', (_what, type, code) => {
    const { handshake, failed, timer } = begin();
    handshake.receive(writeRecord(CONTENT_TYPE.handshake, 0, 0, writeHandshakeMessage(type, 0, Buffer.from([0xfe]))), millis(1));
    expect(failed()).toMatchObject({ code });
    expect(timer.isSet).toBe(false);
  });

  it('fails alone and only once, whatever a hello is made of', () => {
    for (let at = 0; at < 2000; at++) {
      const { handshake, sent } = begin();
      const length = at % 200;
      const body = Buffer.alloc(length, createHash('sha512').update(String(at)).digest());
      if (length > 40) {
        // Far enough in to be read: version, random, no session id, a suite that was offered.
        Buffer.from('fefd', 'hex').copy(body);
        Buffer.from('00c02b00', 'hex').copy(body, 34);
      }
      expect(() => handshake.receive(writeRecord(CONTENT_TYPE.handshake, 0, 0, writeHandshakeMessage(2, 0, body)), millis(1))).not.toThrow();
      expect(sent.length).toBeLessThanOrEqual(2);
      handshake.close();
    }
  });

  it('says and hears goodbye when it is done, and begins nothing anew', async () => {
    const { client, server } = await shakeHands();
    const now = millis(time);
    expect(client.established.receive(server.established.closeNotify(), now)).toEqual({ closed: true, answer: undefined });
    expect(server.established.receive(client.established.closeNotify(), now)).toEqual({ closed: true, answer: undefined });
    expect(client.established.receive(writeRecord(CONTENT_TYPE.handshake, 0, 9, writeHandshakeMessage(14, 5, Buffer.alloc(0))), now)).toEqual({ closed: false, answer: undefined });
  });
});

function ends(keys: SrtpKeys, first: 'local' | 'remote', second: 'local' | 'remote'): string[] {
  return [keys[`${first}Key`], keys[`${first}Salt`], keys[`${second}Key`], keys[`${second}Salt`]].map((bytes) => Buffer.from(bytes).toString('hex'));
}

function cookieRequest(sequence: number): Buffer {
  return writeRecord(CONTENT_TYPE.handshake, 0, sequence, writeHandshakeMessage(3, sequence, Buffer.from('\u00fe\u00ff\u0004cook', 'latin1')));
}

/** Length of the signature at the end of a ServerKeyExchange. */
function signatureBytes(body: Buffer): number {
  return body.readUInt16BE(4 + body[3]! + 2);
}

/** A datagram in which the body of the message of this type is not as it was. */
function changed(datagram: Buffer, type: number, change: (body: Buffer) => unknown): Buffer {
  const copy = Buffer.from(datagram);
  for (const record of readRecords(copy)) {
    if (record.type === CONTENT_TYPE.handshake && record.epoch === 0 && record.fragment[0] === type) {
      change(record.fragment.subarray(HANDSHAKE_HEADER_BYTES));
    }
  }
  return copy;
}
