import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Frame } from '../../../media/frame.ts';
import { testBroadcast, testFrame, testTrack } from '../../testing/frames.ts';
import { startNatsServer, type TestNatsServer } from '../testing/nats-server.ts';
import { openParty, readPlaces, type Party, type Tamper } from './testing/rig.ts';

let server: TestNatsServer;
let parties: Party[] = [];

beforeAll(async () => {
  server = await startNatsServer({ jetstream: false });
});

afterAll(() => server.stop());

afterEach(async () => {
  await Promise.all(parties.map((party) => party.close()));
  parties = [];
});

async function open(name: string, tamper?: Tamper): Promise<Party> {
  const party = await openParty(server, name, tamper);
  parties.push(party);
  return party;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FRAMES_OF_A_GROUP = 5;

function* frames(groups: number): Generator<Frame> {
  for (let group = 1; group <= groups; group += 1) {
    for (let index = 0; index < FRAMES_OF_A_GROUP; index += 1) {
      yield testFrame(group, index);
    }
  }
}

/** Every group that was read begins with its first frame and has no hole, and they are in order. */
function expectNoHoles(read: readonly Frame[]): void {
  read.forEach((frame, at) => {
    const before = read[at - 1];
    const isNext = before !== undefined && frame.group === before.group && frame.index === before.index + 1;
    expect(isNext || (frame.index === 0 && frame.group > (before?.group ?? 0)), `${before?.group}.${before?.index} before ${frame.group}.${frame.index}`).toBe(true);
  });
}

describe('frames over a NATS that loses messages at random', () => {
  it.each([1, 2, 3, 4])('reads every frame where the origin has it still (seed %i)', async (seed) => {
    const chance = random(seed);
    const near = await open('near', (subject) => (subject.startsWith('millrace.f.') && chance() < 0.1 ? undefined : subject));
    const far = await open('far');
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(0, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    await readPlaces(consumer, 1);
    const read: Frame[] = [];
    const written = [...frames(60), testFrame(61, 0)];
    for (const frame of written) {
      producer.write(frame);
      // The origin keeps 8 groups: no more than 4 are on their way.
      for (let next = consumer.tryNext(); next !== undefined || (read.at(-1)?.group ?? 0) < frame.group - 4; next = consumer.tryNext()) {
        const got = next ?? (await consumer.next());
        if (got !== undefined) {
          read.push(got);
        }
      }
    }
    // The end asks for what was lost last.
    near.media.end(testBroadcast);
    far.media.end(testBroadcast);
    for await (const frame of consumer) {
      read.push(frame);
    }
    expect(read.map(({ group, index }) => `${group}.${index}`)).toEqual(written.map(({ group, index }) => `${group}.${index}`));
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
  });

  it.each([5, 6, 7, 8, 9, 10])('reads no group with a hole and counts every frame that is lost where nobody has them (seed %i)', async (seed) => {
    const chance = random(seed);
    let isLossy = false;
    const near = await open('near', (subject) => (isLossy && subject.startsWith('millrace.f.') && chance() < 0.05 ? undefined : subject));
    const far = await open('far', (subject) => (isLossy && subject.startsWith('millrace.b.') ? 'millrace.b.nobody' : subject));
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(0, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    await readPlaces(consumer, 1);
    isLossy = true;
    const written = [...frames(60)];
    written.forEach((frame) => producer.write(frame));
    isLossy = false;
    producer.write(testFrame(61, 0));
    const read: Frame[] = [];
    while (read.at(-1)?.group !== 61) {
      const frame = await consumer.next();
      if (frame !== undefined) {
        read.push(frame);
      }
    }
    expectNoHoles(read);
    expect(read.length - 1 + consumer.losses.frames).toBe(written.length);
    const whole = new Set(read.filter(({ index }) => index === FRAMES_OF_A_GROUP - 1).map(({ group }) => group));
    expect(consumer.losses.groups).toBeLessThanOrEqual(60 - whole.size);
    expect(consumer.losses.groups).toBeGreaterThan((60 - whole.size) * 0.7);
  });

  it('reads every frame while either end loses its connection again and again', async () => {
    const [near, far] = [await open('near'), await open('far')];
    const producer = near.media.produce(testBroadcast, testTrack, { fence: 1 });
    producer.write(testFrame(0, 0));
    const consumer = far.media.consume(testBroadcast, testTrack);
    await readPlaces(consumer, 1);
    const read: string[] = [];
    const written: string[] = [];
    for (const frame of frames(40)) {
      producer.write(frame);
      written.push(`${frame.group}.${frame.index}`);
      if (frame.index === 2 && frame.group % 4 === 0) {
        void (frame.group % 8 === 0 ? near : far).connection.reconnect();
      }
      // Some frames fall into the outage; then each waits until those before it could have come.
      if (frame.index === 4) {
        await vi.waitFor(() => expect(near.media.isConnected && far.media.isConnected).toBe(true), { interval: 5 });
        await Promise.all([near, far].map(({ connection }) => connection.flush().catch(() => undefined)));
      }
      for (let next = consumer.tryNext(); next !== undefined; next = consumer.tryNext()) {
        read.push(`${next.group}.${next.index}`);
      }
    }
    near.media.end(testBroadcast);
    far.media.end(testBroadcast);
    for await (const { group, index } of consumer) {
      read.push(`${group}.${index}`);
    }
    expect(read).toEqual(written);
    expect(consumer.losses).toEqual({ groups: 0, frames: 0 });
  });
});
