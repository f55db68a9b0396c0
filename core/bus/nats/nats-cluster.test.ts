import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { broadcastId } from '../../media/frame.ts';
import { wallTime } from '../../media/time.ts';
import { createLog } from '../../runtime/log.ts';
import { connectNats, type NatsBus } from './connect.ts';
import { freePort, startNatsServer, type TestNatsServer } from './testing/nats-server.ts';

const { log } = createLog({ level: 'silent' });

let servers: TestNatsServer[];
const open: NatsBus[] = [];

beforeAll(async () => {
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
  servers = await Promise.all(ports.map((port, at) => startNatsServer({ name: `server-${at}`, config: `cluster { name: test, listen: "127.0.0.1:${port}", routes: [${routes}] }` })));
});
afterAll(async () => {
  await Promise.all(open.map((bus) => bus.close()));
  await Promise.all(servers.map((server) => server.stop()));
}, 20_000);

async function join(node: string, replicas: number): Promise<NatsBus> {
  const bus = await connectNats({ url: servers.map(({ url }) => url).join(','), node, log, replicas });
  open.push(bus);
  return bus;
}

describe('the NATS link on a cluster of three servers', () => {
  it('is refused at once with a wrong password, however many servers there are to ask', async () => {
    const ports = await Promise.all([freePort(), freePort()]);
    const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
    const closed = await Promise.all(
      ports.map((port, at) =>
        startNatsServer({ jetstream: false, name: `closed-${at}`, config: `authorization { user: "millrace", password: "right" }\ncluster { name: closed, listen: "127.0.0.1:${port}", routes: [${routes}] }` }),
      ),
    );
    try {
      // Once each has told of the other, its greeting names both.
      await vi.waitFor(async () => expect(((await closed[0]?.monitor('/routez')) as { num_routes: number }).num_routes).toBeGreaterThan(0), { interval: 20 });
      const url = closed.map((server) => server.url).join(',');
      await expect(connectNats({ url, user: 'millrace', password: 'wrong', node: 'stranger', log })).rejects.toMatchObject({ code: 'nats/unauthorized' });
    } finally {
      await Promise.all(closed.map((server) => server.stop()));
    }
  });

  it('goes on when the one is killed that led the broadcasts, and comes back', { timeout: 90_000 }, async () => {
    // JetStream has chosen nobody yet when the first processes come.
    const [near, far] = await Promise.all([join('near', 3), join('far', 3)]);
    const seen: string[] = [];
    far.onBroadcast(({ state, epoch }) => seen.push(`${state} ${epoch}`));
    const held = await near.lease('stream/cam');
    let isLost = false;
    void held.lost.then(() => {
      isLost = true;
    });
    const announce = (epoch: number): void =>
      near.announce({ stream: 'cam', broadcast: broadcastId('clusterbroadcast'), epoch, state: 'live', startedAt: wallTime(1), fence: held.fence });
    announce(0);
    // A new leader is chosen within 4 to 9 s.
    const soon = { timeout: 30_000, interval: 20 };
    await vi.waitFor(() => expect(seen).toEqual(['live 0']), soon);
    const leader = servers[await leaderOf('broadcasts')]!;
    await leader.kill();
    announce(1);
    await vi.waitFor(() => expect(seen).toEqual(['live 0', 'live 1']), soon);
    await leader.restart();
    announce(2);
    await vi.waitFor(() => expect([near.connected, far.connected]).toEqual([true, true]), soon);
    // Frames passed all the time, so nobody was told that they do not.
    await vi.waitFor(() => expect(seen).toEqual(['live 0', 'live 1', 'live 2']), soon);
    await vi.waitFor(async () => expect(await far.tryLease('stream/cam')).toBeUndefined(), soon);
    expect(isLost).toBe(false);
  });
});

/** Which of the servers leads a bucket. */
async function leaderOf(bucket: string): Promise<number> {
  const connection = await connect({ servers: servers[0]!.url });
  const { cluster } = await (await jetstreamManager(connection)).streams.info(`KV_millrace-${bucket}`);
  await connection.close();
  return servers.findIndex((_, at) => cluster?.leader === `server-${at}`);
}
