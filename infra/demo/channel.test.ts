import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { PublishDecision, PublishPolicy } from '#core/access/publish-policy.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { wallTime } from '#core/media/time.ts';
import { createLog } from '#core/runtime/log.ts';

import type { Card } from './card.ts';
import { DemoChannel } from './channel.ts';

const BASE = 'rtmp://127.0.0.1/live';
const { log } = createLog({ level: 'silent' });

/** A card whose connection the test plays. */
class FakeCard implements Card {
  readonly #exit = Promise.withResolvers<string>();
  readonly exited = this.#exit.promise;
  readonly key: string;
  stopped = false;

  constructor(url: string) {
    this.key = url.slice(BASE.length + 1);
  }

  stop(): Promise<void> {
    this.stopped = true;
    this.#exit.resolve('');
    return Promise.resolve();
  }

  crash(): void {
    this.#exit.resolve('Connection refused');
  }
}

/** Knows the demo's key and one other. */
const keys: PublishPolicy = {
  decide: ({ key }) => {
    const decision: PublishDecision = /^(demo|other)_secret$/.test(key)
      ? { allowed: true, stream: key.split('_')[0]! }
      : { allowed: false, code: 'publish/unknown-key', message: 'no' };
    return Promise.resolve(decision);
  },
};

let bus: Bus;
let channel: DemoChannel;
let cards: FakeCard[];

const ask = (key: string) => channel.decide({ key, address: '127.0.0.1', protocol: 'rtmp' });

function announce(state: BroadcastInfo['state'], startedAt = 1, stream = 'demo'): void {
  bus.announce({ stream, broadcast: `${stream}-${startedAt}` as BroadcastId, epoch: 1, state, startedAt: wallTime(startedAt) });
}

/** The card connects, is let in and goes live. */
async function cardGoesLive(): Promise<FakeCard> {
  const card = cards.at(-1)!;
  expect(await ask(card.key)).toEqual({ allowed: true, stream: 'demo' });
  announce('live');
  return card;
}

beforeEach(() => {
  vi.useFakeTimers();
  bus = createLocalBus();
  cards = [];
  channel = new DemoChannel({ bus, policy: keys, log, clock: () => wallTime(Date.now()) });
  channel.broadcast((url) => {
    const card = new FakeCard(url);
    cards.push(card);
    return card;
  }, BASE);
});

afterEach(async () => {
  await channel.close();
  await bus.close();
  vi.useRealTimers();
});

describe('the demo channel', () => {
  test('puts the card on air at once, with a ticket that is good for one connection', async () => {
    expect(cards).toHaveLength(1);
    const { key } = cards[0]!;
    expect(key).toMatch(/^demo_[\w-]{16,}$/);
    expect(await ask(key)).toMatchObject({ allowed: true });
    expect(await ask(key)).toMatchObject({ allowed: false });
  });

  test('lets a broadcaster in only when the card is gone and ingest has seen it', async () => {
    const card = await cardGoesLive();
    const answer = vi.fn();
    const asked = ask('demo_secret').then(answer);
    await vi.advanceTimersByTimeAsync(10);
    expect(card.stopped).toBe(true);
    expect(answer).not.toHaveBeenCalled();
    announce('interrupted');
    await asked;
    expect(answer).toHaveBeenCalledWith({ allowed: true, stream: 'demo' });
    announce('live');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(cards).toHaveLength(1);
  });

  test('does not wait for ever for ingest to see it', async () => {
    await cardGoesLive();
    const asked = ask('demo_secret');
    await vi.advanceTimersByTimeAsync(1000);
    expect(await asked).toEqual({ allowed: true, stream: 'demo' });
  });

  test('brings the card back when the broadcaster leaves', async () => {
    await cardGoesLive();
    const asked = ask('demo_secret');
    await vi.advanceTimersByTimeAsync(0);
    announce('interrupted');
    await asked;
    announce('live');
    await vi.advanceTimersByTimeAsync(20_000);
    announce('interrupted');
    await vi.advanceTimersByTimeAsync(999);
    expect(cards).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(cards).toHaveLength(2);
  });

  test('brings the card back when a broadcaster was let in and never sent', async () => {
    await cardGoesLive();
    const asked = ask('demo_secret');
    await vi.advanceTimersByTimeAsync(0);
    announce('interrupted');
    await asked;
    await vi.advanceTimersByTimeAsync(4999);
    expect(cards).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(cards).toHaveLength(2);
  });

  test('yields to nobody with a wrong key, or with the key of another stream', async () => {
    const card = await cardGoesLive();
    expect(await ask('demo_guess')).toMatchObject({ allowed: false });
    expect(await ask('other_secret')).toEqual({ allowed: true, stream: 'other' });
    announce('live', 5, 'other');
    announce('ended', 5, 'other');
    expect(card.stopped).toBe(false);
  });

  test('stays away while a broadcaster is live, and is not misled by the end of an older broadcast', async () => {
    await cardGoesLive();
    const asked = ask('demo_secret');
    await vi.advanceTimersByTimeAsync(0);
    announce('interrupted', 1);
    await asked;
    announce('live', 2);
    announce('ended', 1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(cards).toHaveLength(1);
  });

  test('starts the card again where it ends by itself, later each time', async () => {
    cards[0]!.crash();
    await vi.advanceTimersByTimeAsync(999);
    expect(cards).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(cards).toHaveLength(2);
    cards[1]!.crash();
    await vi.advanceTimersByTimeAsync(1999);
    expect(cards).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(cards).toHaveLength(3);
  });

  test('takes the card with it when it closes, and twice is once', async () => {
    await Promise.all([channel.close(), channel.close()]);
    expect(cards[0]!.stopped).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(cards).toHaveLength(1);
    await channel.closed;
  });
});
