import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { millis, type Millis } from '../../../media/time.ts';
import { createLog } from '../../../runtime/log.ts';
import { startNatsServer, type TestNatsServer } from '../testing/nats-server.ts';
import { Heartbeats } from './heartbeats.ts';

const { log } = createLog({ level: 'silent' });
let server: TestNatsServer;
let connection: NatsConnection;
let now: Millis;
const open: Heartbeats[] = [];
const soon = { timeout: 5000, interval: 2 };

beforeAll(async () => {
  server = await startNatsServer({ jetstream: false });
  connection = await connect({ servers: server.url });
});
afterEach(() => open.splice(0).forEach((heartbeats) => heartbeats.close()));
afterAll(async () => {
  await connection.close();
  await server.stop();
});

/** One who listens, and what he was told. Time stands but for the test; the timer of the thing itself sees it stand. */
async function listener(): Promise<{ readonly heartbeats: Heartbeats; readonly told: string[] }> {
  now = millis(1_000_000);
  const heartbeats = new Heartbeats({ connection, session: 'me.1', log, now: () => now });
  open.push(heartbeats);
  const told: string[] = [];
  heartbeats.onLife((session, isAlive) => told.push(`${isAlive ? '+' : '-'}${session}`));
  await heartbeats.online();
  return { heartbeats, told };
}

/** Lets time pass in steps of its timer; it hears itself unless NATS says nothing. */
async function pass(heartbeats: Heartbeats, time: number, hears = true): Promise<void> {
  for (let passed = 0; passed < time; passed += 250) {
    now = millis(now + 250);
    heartbeats.tick();
    if (hears) {
      await connection.flush();
    }
  }
}

async function say(text: string): Promise<void> {
  connection.publish('millrace.alive', text);
  await connection.flush();
}

describe('heartbeats', () => {
  it('are heard on where a listener throws, by the other listeners too', async () => {
    const { heartbeats } = await listener();
    const told: string[] = [];
    heartbeats.onLife((session) => {
      throw new Error(`cannot cope with ${session}`);
    });
    heartbeats.onLife((session, isAlive) => told.push(`${isAlive ? '+' : '-'}${session}`));
    await say('+other.1');
    await say('+other.2');
    await say('-other.1');
    await vi.waitFor(() => expect(told).toEqual(['+other.1', '+other.2', '-other.1']), soon);
  });

  it('take a process for gone after 2 s of silence, and for back when it is heard', async () => {
    const { heartbeats, told } = await listener();
    await say('+other.1');
    await pass(heartbeats, 2000);
    expect([told, heartbeats.isAlive('other.1')]).toEqual([['+other.1'], true]);
    await pass(heartbeats, 250);
    expect([told, heartbeats.isAlive('other.1')]).toEqual([['+other.1', '-other.1'], false]);
    await say('+other.1');
    expect(told).toEqual(['+other.1', '-other.1', '+other.1']);
  });

  it('take a process for gone at once where it says so', async () => {
    const { told } = await listener();
    await say('+other.1');
    await say('-other.1');
    expect(told).toEqual(['+other.1', '-other.1']);
  });

  it('give everybody the whole time after this process was paused', async () => {
    const { heartbeats, told } = await listener();
    await say('+other.1');
    now = millis(now + 60_000);
    heartbeats.tick();
    await pass(heartbeats, 1750);
    expect(told).toEqual(['+other.1']);
    await pass(heartbeats, 500);
    expect(told).toEqual(['+other.1', '-other.1']);
  });

  it('judge nobody while this process does not hear itself', async () => {
    const { heartbeats, told } = await listener();
    await say('+other.1');
    server.pause();
    try {
      await pass(heartbeats, 20_000, false);
      expect(told).toEqual(['+other.1']);
    } finally {
      server.resume();
    }
    await connection.flush();
    await pass(heartbeats, 1000);
    expect(told).toEqual(['+other.1']);
    await pass(heartbeats, 2000);
    expect(told).toEqual(['+other.1', '-other.1']);
  });

  it('judge nobody while NATS is away, nor soon after', async () => {
    const { heartbeats, told } = await listener();
    await say('+other.1');
    heartbeats.offline();
    await pass(heartbeats, 10_000);
    await heartbeats.online();
    await pass(heartbeats, 1750);
    expect(told).toEqual(['+other.1']);
  });

  it('give one who is only known by name the whole time, and do not count him for heard', async () => {
    const { heartbeats } = await listener();
    expect([heartbeats.isAlive('named.1'), heartbeats.isHeard('named.1')]).toEqual([true, false]);
    await pass(heartbeats, 2250);
    expect(heartbeats.isAlive('named.1')).toBe(false);
  });

  it('answer a roll call, and know who is first', async () => {
    const { heartbeats } = await listener();
    const other = new Heartbeats({ connection, session: 'a.1', log, now: () => now });
    open.push(other);
    await other.online();
    await vi.waitFor(() => expect([other.isHeard('me.1'), heartbeats.isHeard('a.1')]).toEqual([true, true]), soon);
    expect([other.isFirst, heartbeats.isFirst]).toEqual([true, false]);
  });
});
