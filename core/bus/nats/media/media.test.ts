import { randomBytes } from 'node:crypto';

import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { writeRecord } from '../../../media/frame-record.ts';
import { millis } from '../../../media/time.ts';
import { placeOf, testBroadcast, testFrame, testTrack } from '../../testing/frames.ts';
import { startNatsServer, type TestNatsServer } from '../testing/nats-server.ts';
import { ANSWER_WINDOW_BYTES } from './backlog.ts';
import { readMessage, writeMessage } from './message.ts';
import { openParty, readPlaces, type Party, type Tamper } from './testing/rig.ts';

const FRAMES = `millrace.f.${testBroadcast}.${testTrack}`;
const BACKLOG = `millrace.b.${testBroadcast}.${testTrack}`;

let server: TestNatsServer;
let parties: Party[];
let raw: NatsConnection;

beforeAll(async () => {
  server = await startNatsServer({ jetstream: false });
});

afterAll(() => server.stop());

beforeEach(async () => {
  parties = [];
  raw = await connect({ servers: server.url });
});

afterEach(async () => {
  await Promise.all(parties.map((party) => party.close()));
  await raw.close();
});

async function open(name: string, tamper?: Tamper): Promise<Party> {
  const party = await openParty(server, name, tamper);
  parties.push(party);
  return party;
}

/** Drops the frames that are written at these places, counted from 0, on their way as live frames. */
function dropFrames(...numbers: readonly number[]): Tamper {
  return (subject, payload) => {
    const number = subject === FRAMES && payload instanceof Uint8Array ? readMessage(payload)?.number : undefined;
    return number !== undefined && numbers.includes(number) ? undefined : subject;
  };
}

/** Nobody answers requests for a backlog once the test says so. */
function unanswered(isUnanswered: () => boolean): Tamper {
  return (subject) => (subject === BACKLOG && isUnanswered() ? 'millrace.b.nobody' : subject);
}

describe('frames over NATS', () => {
  it('asks again where nobody answered at first, although nothing follows', async () => {
    let isUnheard = true;
    const [near, far] = [await open('near'), await open('far', unanswered(() => isUnheard))];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    producer.write(testFrame(1, 1));
    const consumer = far.media.consume(testBroadcast, testTrack);
    await vi.waitFor(async () => expect(await far.metric('millrace_nats_backlog_requests_total', 'nobody')).toBe(1), { interval: 5 });
    isUnheard = false;
    expect(await readPlaces(consumer, 2)).toEqual(['1.0', '1.1']);
    producer.write(testFrame(2, 0));
    expect(await readPlaces(consumer, 1)).toEqual(['2.0']);
  });

  it('asks the origin for frames that were lost on the way, and loses none', async () => {
    const [near, far] = [await open('near', dropFrames(2, 3, 5)), await open('far')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    for (const [group, index] of [[1, 1], [2, 0], [2, 1], [3, 0], [3, 1], [4, 0]] as const) {
      producer.write(testFrame(group, index));
    }
    expect(await readPlaces(consumer, 6)).toEqual(['1.1', '2.0', '2.1', '3.0', '3.1', '4.0']);
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
  });

  // Frames are numbered from 0: 1.0 is 0, 2.0 to 2.3 are 1 to 4, 3.0 to 3.3 are 5 to 8, 4.0 is 9.
  it.each([
    { what: 'in the middle of a group', lost: [2], read: ['1.0', '2.0', '3.0', '3.1', '3.2', '3.3', '4.0'], losses: { groups: 1, frames: 3 } },
    { what: "a group's first frame", lost: [1], read: ['1.0', '3.0', '3.1', '3.2', '3.3', '4.0'], losses: { groups: 1, frames: 4 } },
    { what: "a group's last frame", lost: [4], read: ['1.0', '2.0', '2.1', '2.2', '3.0', '3.1', '3.2', '3.3', '4.0'], losses: { groups: 1, frames: 1 } },
    { what: 'a whole group', lost: [1, 2, 3, 4], read: ['1.0', '3.0', '3.1', '3.2', '3.3', '4.0'], losses: { groups: 1, frames: 4 } },
    { what: 'over the border of two groups', lost: [4, 5], read: ['1.0', '2.0', '2.1', '2.2', '4.0'], losses: { groups: 2, frames: 5 } },
  ])('loses the rest of the group where frames are lost for good: $what', async ({ lost, read, losses }) => {
    let isUnanswered = false;
    const [near, far] = [await open('near', dropFrames(...lost)), await open('far', unanswered(() => isUnanswered))];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    const places = await readPlaces(consumer, 1);
    isUnanswered = true;
    for (const group of [2, 3]) {
      [0, 1, 2, 3].forEach((index) => producer.write(testFrame(group, index)));
    }
    producer.write(testFrame(4, 0));
    places.push(...(await readPlaces(consumer, read.length - 1)));
    expect(places).toEqual(read);
    expect(consumer.losses).toEqual(losses);
    expect(await far.metric('millrace_nats_groups_lost_total', 'gap')).toBe(losses.groups);
  });

  it('splits frames of 3 MB and joins them, as they come and from the backlog', async () => {
    const [near, far] = [await open('near'), await open('far')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    const [first, second] = [1, 2].map((group) => ({ ...testFrame(group, 0), data: new Uint8Array(randomBytes(3_000_000)) }));
    if (first === undefined || second === undefined) {
      throw new Error('no frames');
    }
    producer.write(first);
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(Buffer.compare((await consumer.next())?.data ?? new Uint8Array(), first.data)).toBe(0);
    producer.write(second);
    expect(Buffer.compare((await consumer.next())?.data ?? new Uint8Array(), second.data)).toBe(0);
    expect(await near.metric('millrace_nats_frames_total', 'out')).toBe(2);
  });

  it('refuses nothing to other readers over a frame that is too large for the link', async () => {
    const [near, far] = [await open('near'), await open('far')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    producer.write(testFrame(2, 0, { bytes: 17 * 1024 * 1024 }));
    producer.write(testFrame(3, 0));
    expect(await readPlaces(consumer, 1)).toEqual(['3.0']);
    expect(consumer.losses.groups).toBe(1);
    expect(await near.metric('millrace_nats_frames_rejected_total', 'oversized')).toBeGreaterThan(0);
  });

  it('drops what is no frame of the track, counts it, and goes on', async () => {
    const [near, far] = [await open('near'), await open('far')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    await readPlaces(consumer, 1);
    const record = writeRecord(testFrame(9, 0));
    const plain = { kind: 'frame', run: 7, number: 0, isAfterDrop: false, piece: 0, pieces: 1, payload: record } as const;
    const good = writeMessage(plain);
    const withByte = (at: number, value: number): Uint8Array => good.map((byte, index) => (index === at ? value : byte));
    const withMeta = (change: (meta: unknown[]) => void): Uint8Array => {
      const length = new DataView(record.buffer).getUint32(0);
      const meta = JSON.parse(Buffer.from(record.subarray(8, 8 + length)).toString()) as unknown[];
      change(meta);
      const text = Buffer.from(JSON.stringify(meta));
      const header = Buffer.alloc(8);
      header.writeUInt32BE(text.length);
      return writeMessage({ ...plain, payload: Buffer.concat([header, text]) });
    };
    const hostile: readonly Uint8Array[] = [
      new Uint8Array(),
      good.subarray(0, 17),
      good.subarray(0, 18),
      good.subarray(0, 25),
      good.subarray(0, -1),
      withByte(0, 0x21),
      withByte(0, 0x14),
      withByte(0, 0x12),
      withByte(17, 0),
      withByte(18, 0xff),
      withByte(25, 0xff),
      withByte(27, 0xff),
      writeMessage({ ...plain, piece: 1, pieces: 3 }),
      writeMessage({ ...plain, payload: writeRecord({ ...testFrame(9, 0), track: 'audio' as never }) }),
      writeMessage({ ...plain, payload: writeRecord({ ...testFrame(9, 0), broadcast: 'otherbroadcast' as never }) }),
      ...[[1, -1], [1, 1.5], [2, 1e300], [4, null], [5, -3], [6, 'x'], [9, true], [11, null], [11, {}], [12, 'soon'], [0, '../..']].map(([at, value]) => withMeta((meta) => (meta[at as number] = value))),
      withMeta((meta) => meta.push(1, 2, 3)),
      withMeta((meta) => meta.splice(0, 14)),
      ...Array.from({ length: 50 }, (_, length) => new Uint8Array(randomBytes(length * 3))),
    ];
    hostile.forEach((payload) => raw.publish(FRAMES, payload));
    ['', '{', 'null', '[]', '{"want":"all"}', '{"want":"span","span":-1}', '{"want":"after","place":{}}', 'x'.repeat(5000)].forEach((text) =>
      raw.publish(BACKLOG, text, { reply: 'millrace.i.nowhere' }),
    );
    raw.publish(BACKLOG, '{"want":"newest"}');
    await raw.flush();
    producer.write(testFrame(1, 1));
    producer.write(testFrame(2, 0));
    expect(await readPlaces(consumer, 2)).toEqual(['1.1', '2.0']);
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
    expect(await far.metric('millrace_nats_frames_rejected_total', 'damaged')).toBeGreaterThanOrEqual(70);
  });

  it('rejects what a zombie of a lower fence writes', async () => {
    const [zombie, successor, far] = [await open('zombie'), await open('successor'), await open('far')];
    const old = zombie.media.produce(testBroadcast, testTrack, { fence: 1 });
    old.write(testFrame(1, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    const young = successor.media.produce(testBroadcast, testTrack, { fence: 2 });
    young.write(testFrame(2, 0, { fence: 2 }));
    expect(await readPlaces(consumer, 1)).toEqual(['2.0']);
    old.write(testFrame(3, 0));
    old.write(testFrame(3, 1));
    await zombie.connection.flush();
    young.write(testFrame(4, 0, { fence: 2 }));
    expect(await readPlaces(consumer, 1)).toEqual(['4.0']);
    expect(await far.metric('millrace_nats_frames_rejected_total', 'fenced')).toBe(2);
  });

  it('takes the backlog of the higher fence where a zombie answers too', async () => {
    const [zombie, successor, far] = [await open('zombie'), await open('successor'), await open('far')];
    const old = zombie.media.produce(testBroadcast, testTrack, { fence: 1 });
    const young = successor.media.produce(testBroadcast, testTrack, { fence: 2 });
    for (const group of [5, 6, 7]) {
      old.write(testFrame(group, 0));
    }
    old.close();
    for (const group of [6, 7, 8]) {
      young.write(testFrame(group, 0, { fence: 2 }));
    }
    await Promise.all([zombie, successor].map(({ connection }) => connection.flush()));
    const consumer = far.media.consume(testBroadcast, testTrack, { backlog: millis(5000) });
    const frames = [await consumer.next(), await consumer.next(), await consumer.next()];
    expect(frames.map((frame) => `${frame?.group} of ${frame?.fence}`)).toEqual(['6 of 2', '7 of 2', '8 of 2']);
  });

  it('drops the rest of a group in the middle of which another process took over', async () => {
    const [first, second, far] = [await open('first'), await open('second'), await open('far')];
    const old = first.media.produce(testBroadcast, testTrack, { fence: 1 });
    old.write(testFrame(1, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    old.write(testFrame(1, 1));
    await first.connection.flush();
    const young = second.media.produce(testBroadcast, testTrack, { fence: 2 });
    young.write(testFrame(1, 2, { fence: 2 }));
    young.write(testFrame(1, 3, { fence: 2 }));
    young.write(testFrame(2, 0, { fence: 2 }));
    expect(await readPlaces(consumer, 2)).toEqual(['1.1', '2.0']);
    expect(consumer.losses).toEqual({ groups: 1, frames: 2 });
  });

  it('gets from the origin what a second consumer wants and the first did not', async () => {
    const [near, far] = [await open('near'), await open('far')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    for (let group = 1; group <= 6; group += 1) {
      producer.write(testFrame(group, 0));
    }
    await near.connection.flush();
    const first = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(first, 1)).toEqual(['6.0']);
    const second = far.media.consume(testBroadcast, testTrack, { backlog: millis(3000) });
    const third = far.media.consume(testBroadcast, testTrack, { backlog: 'newest' });
    expect(await readPlaces(second, 4)).toEqual(['3.0', '4.0', '5.0', '6.0']);
    producer.write(testFrame(6, 1));
    for (const consumer of [first, second]) {
      expect(await readPlaces(consumer, 1)).toEqual(['6.1']);
    }
    expect(await readPlaces(third, 2)).toEqual(['6.0', '6.1']);
    expect(await far.metric('millrace_nats_backlog_requests_total', 'whole')).toBe(2);
  });

  it('says truthfully whether more of the backlog is to come', async () => {
    const [near, far] = [await open('near'), await open('far')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    [1, 2, 3].forEach((group) => producer.write(testFrame(group, 0)));
    await near.connection.flush();
    const consumer = far.media.consume(testBroadcast, testTrack, { backlog: millis(5000) });
    expect(consumer.isBehind).toBe(true);
    await vi.waitFor(() => expect(consumer.queued.frames).toBe(3), { interval: 2 });
    await vi.waitFor(async () => expect(await far.metric('millrace_nats_backlog_requests_total', 'whole')).toBe(1), { interval: 2 });
    const behind = [1, 2, 3].map(() => [placeOf(consumer.tryNext()), consumer.isBehind]);
    expect(behind).toEqual([['1.0', true], ['2.0', true], ['3.0', false]]);
    const alone = far.media.consume(testBroadcast, 'audio' as never);
    await vi.waitFor(() => expect(alone.isBehind).toBe(false), { interval: 2 });
  });

  it('sends no more of a backlog than its reader grants', async () => {
    const near = await open('near');
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    [0, 1, 2, 3, 4, 5].forEach((index) => producer.write(testFrame(1, index, { bytes: 500_000 })));
    await near.connection.flush();
    let bytes = 0;
    let grants = '';
    raw.subscribe('millrace.i.test', {
      callback: (_error, message) => {
        bytes += message.data.byteLength;
        grants ||= message.reply ?? '';
      },
    });
    raw.publish(BACKLOG, '{"want":"newest"}', { reply: 'millrace.i.test' });
    const settled = async (): Promise<number> => {
      await vi.waitFor(async () => {
        const before = bytes;
        await raw.flush();
        await near.connection.flush();
        await raw.flush();
        expect(bytes).toBe(before);
        expect(bytes).toBeGreaterThan(0);
      });
      return bytes;
    };
    const first = await settled();
    expect(first).toBeGreaterThanOrEqual(ANSWER_WINDOW_BYTES);
    expect(first).toBeLessThan(ANSWER_WINDOW_BYTES + 300_000);
    raw.publish(grants, '{"grant":500000}');
    await vi.waitFor(() => expect(bytes).toBeGreaterThan(first));
    expect(await settled()).toBeLessThan(first + 800_000);
  });

  it('ends a consumer after the last frame, although the end is known first', async () => {
    const [near, far] = [await open('near', dropFrames(1, 2, 3)), await open('far')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(consumer, 1)).toEqual(['1.0']);
    [[1, 1], [2, 0], [2, 1]].forEach(([group = 0, index = 0]) => producer.write(testFrame(group, index)));
    producer.close();
    near.media.end(testBroadcast);
    far.media.end(testBroadcast);
    expect(await readPlaces(consumer, 4)).toEqual(['1.1', '2.0', '2.1', undefined]);
    await consumer.closed;
    const late = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(late, 3)).toEqual(['2.0', '2.1', undefined]);
  });

  it('hands frames to readers in the same process by reference, in the same turn, and ends them at once', async () => {
    const near = await open('near');
    const early = near.media.consume(testBroadcast, testTrack);
    const frame = testFrame(1, 0);
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(frame);
    expect(early.tryNext()).toBe(frame);
    expect(near.media.consume(testBroadcast, testTrack).tryNext()).toBe(frame);
    near.media.end(testBroadcast);
    expect(await early.next()).toBeUndefined();
  });

  it('costs a process without readers nothing: it subscribes with the first and lets go with the last', async () => {
    const [near, far, idle] = [await open('near'), await open('far'), await open('idle')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    const received = async (): Promise<Readonly<Record<string, number>>> => {
      const { connections } = (await server.monitor('/connz')) as { connections: readonly { name: string; out_bytes: number }[] };
      return Object.fromEntries(connections.map(({ name, out_bytes }) => [name, out_bytes]));
    };
    producer.write(testFrame(1, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    await readPlaces(consumer, 1);
    const before = await received();
    for (let group = 2; group <= 20; group += 1) {
      producer.write(testFrame(group, 0, { bytes: 10_000 }));
    }
    await readPlaces(consumer, 19);
    const watched = await received();
    expect((watched['far'] ?? 0) - (before['far'] ?? 0)).toBeGreaterThan(190_000);
    expect(watched['idle']).toBe(before['idle']);
    expect(await far.metric('millrace_nats_tracks_subscribed')).toBe(1);
    consumer.close();
    await far.connection.flush();
    const left = await received();
    for (let group = 21; group <= 40; group += 1) {
      producer.write(testFrame(group, 0, { bytes: 10_000 }));
    }
    await near.connection.flush();
    expect((await received())['far']).toBe(left['far']);
    expect(await far.metric('millrace_nats_tracks_subscribed')).toBe(0);
    const again = far.media.consume(testBroadcast, testTrack);
    expect(await readPlaces(again, 1)).toEqual(['40.0']);
    expect(again.losses.groups).toBe(0);
    await idle.close();
  });

  it('finds the origin of a track that began to write after it was asked for', async () => {
    let isEarly = true;
    const [near, far] = [await open('near'), await open('far', unanswered(() => isEarly))];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(1, 0));
    await near.connection.flush();
    const consumer = far.media.consume(testBroadcast, testTrack);
    await vi.waitFor(async () => expect(await far.metric('millrace_nats_backlog_requests_total', 'nobody')).toBe(1), { interval: 2 });
    isEarly = false;
    producer.write(testFrame(1, 1));
    expect(await readPlaces(consumer, 2)).toEqual(['1.0', '1.1']);
  });
});
