import { once } from 'node:events';
import { connect as connectSocket, createServer, type Socket } from 'node:net';

import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { broadcastId } from '../../media/frame.ts';
import { millis, wallTime } from '../../media/time.ts';
import { createLog } from '../../runtime/log.ts';
import type { Bus } from '../bus.ts';
import type { BroadcastInfo } from '../catalog.ts';
import type { NodeInfo } from '../node.ts';
import { connectNats, type NatsBus } from './connect.ts';
import { BusProcess } from './testing/bus-process.ts';
import { freePort, startNatsServer, type TestNatsServer } from './testing/nats-server.ts';

const { log } = createLog({ level: 'silent' });
const soon = { timeout: 10_000, interval: 5 };
const outage = { timeout: 40_000 };

const broadcast = broadcastId('outagebroadcast');
const live: BroadcastInfo = { stream: 'cam', broadcast, epoch: 0, state: 'live', startedAt: wallTime(1_000_000), fence: 5 };
const node: NodeInfo = { node: 'near', roles: ['ingest'], version: '1', startedAt: wallTime(1), draining: false };
const health = { speed: 1, lag: millis(0), restarts: 0, warnings: [] };

let server: TestNatsServer;
let near: NatsBus;
let far: NatsBus;
const more: NatsBus[] = [];
const processes: BusProcess[] = [];

beforeEach(async () => {
  server = await startNatsServer();
  [near, far] = await Promise.all([join('near'), join('far')]);
});

afterEach(async () => {
  await Promise.all([...more.splice(0).map((bus) => bus.close()), ...processes.splice(0).map((process) => process.kill())]);
  await server.stop();
}, 20_000);

async function join(name: string, url = server.url): Promise<NatsBus> {
  const bus = await connectNats({ url, node: name, log });
  more.push(bus);
  return bus;
}

async function spawn(name: string): Promise<BusProcess> {
  const process = await BusProcess.start(server.url, name);
  processes.push(process);
  return process;
}

function states(bus: Bus): string[] {
  const seen: string[] = [];
  bus.onBroadcast(({ state, epoch }) => seen.push(epoch === 0 ? state : `${state} ${epoch}`));
  return seen;
}

function nodes(bus: Bus): string[] {
  const seen: string[] = [];
  bus.onNode((id, info) => seen.push(info === undefined ? `-${id}` : `+${id}`));
  return seen;
}

/** What is known at this moment. */
function known(bus: Bus): { readonly broadcasts: readonly string[]; readonly restarts: readonly number[]; readonly nodes: readonly string[] } {
  const restarts: number[] = [];
  bus.onCatalog(broadcast, 'transcode', (value) => restarts.push(value.restarts))();
  return { broadcasts: states(bus), restarts, nodes: nodes(bus) };
}

/** A way to a port of this machine that can swallow everything, both ways, without closing anything. */
async function openWay(port: number): Promise<{ readonly url: string; swallow(): void; restore(): void; close(): void }> {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const way = createServer((near) => {
    const far = connectSocket(port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        // The end of a connection does not come through either.
        if (isOpen) {
          to.destroy();
        }
      });
      if (!isOpen) {
        from.pause();
      }
    }
  });
  const url = `nats://127.0.0.1:${await freePort()}`;
  way.listen(Number(URL.parse(url)?.port), '127.0.0.1');
  await once(way, 'listening');
  return {
    url,
    swallow: () => {
      isOpen = false;
      sockets.forEach((socket) => socket.pause());
    },
    restore: () => {
      isOpen = true;
      sockets.forEach((socket) => socket.resume());
    },
    close: () => {
      way.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), new Promise<false>((resolve) => setImmediate(() => resolve(false)))]);
}

async function tellAll(): Promise<void> {
  near.announce(live);
  near.putCatalog(broadcast, 'transcode', health);
  near.present(node);
  await near.shared.put('ledger/cam', { floor: 1 }, { fence: 5 });
  await vi.waitFor(() => expect(known(far)).toEqual({ broadcasts: ['live'], restarts: [0], nodes: ['+near'] }), soon);
}

describe('the NATS link, when the server restarts', () => {
  for (const [how, end, wipe] of [
    ['stopped, with its store', 'end', false],
    ['killed, with its store', 'kill', false],
    ['killed, and its store lost', 'kill', true],
  ] as const) {
    it(`goes on by itself (${how})`, outage, async () => {
      await tellAll();
      const held = await near.lease('stream/cam');
      const seen = states(far);
      const connections: boolean[] = [];
      far.onConnection((connected) => connections.push(connected));
      await server[end]();
      await vi.waitFor(() => expect([near.connected, far.connected]).toEqual([false, false]), soon);
      // What is told here meanwhile is seen here at once.
      near.putCatalog(broadcast, 'transcode', { ...health, restarts: 1 });
      near.announce({ ...live, epoch: 1 });
      expect(known(near)).toEqual({ broadcasts: ['live 1'], restarts: [1], nodes: ['+near'] });
      await server.restart({ wipe });
      await vi.waitFor(() => expect([near.connected, far.connected]).toEqual([true, true]), soon);
      await vi.waitFor(() => expect(known(far)).toEqual({ broadcasts: ['live 1'], restarts: [1], nodes: ['+near'] }), soon);
      expect(connections).toEqual([false, true]);
      expect(seen).not.toContain('ended');
      // Who comes later sees all of it as well.
      const late = await join('late');
      await vi.waitFor(() => expect(known(late)).toEqual({ broadcasts: ['live 1'], restarts: [1], nodes: ['+near'] }), soon);
      expect(await late.shared.get('ledger/cam')).toEqual(wipe ? undefined : { floor: 1 });
      // The lease is where it was, and fences rise.
      await vi.waitFor(async () => expect(await late.tryLease('stream/cam')).toBeUndefined(), soon);
      expect(await settled(held.lost)).toBe(false);
      const taken = await late.lease('stream/cam');
      expect(taken.fence).toBeGreaterThan(held.fence);
      await held.lost;
    });
  }

  it('refuses what needs the others, soon and with a word, and serves what is in the process', outage, async () => {
    near.serve('here', () => 'served');
    await server.kill();
    await vi.waitFor(() => expect(near.connected).toBe(false), soon);
    const refused = { code: 'bus/unreachable' };
    await Promise.all([
      expect(near.lease('x')).rejects.toMatchObject(refused),
      expect(near.tryLease('x')).rejects.toMatchObject(refused),
      expect(near.shared.get('x')).rejects.toMatchObject(refused),
      expect(near.shared.put('x', 1)).rejects.toMatchObject(refused),
      expect(near.request('elsewhere', {})).rejects.toMatchObject(refused),
    ]);
    expect(await near.request('here', {})).toBe('served');
    await near.close();
  });

  it('gives back what was released meanwhile', outage, async () => {
    const held = await near.lease('stream/cam');
    await server.kill();
    await vi.waitFor(() => expect(near.connected).toBe(false), soon);
    held.release();
    await server.restart();
    await vi.waitFor(() => expect([near.connected, far.connected]).toEqual([true, true]), soon);
    await vi.waitFor(async () => expect((await far.tryLease('stream/cam'))?.fence).toBeGreaterThan(held.fence), soon);
  });
});

describe('the NATS link, when the server is silent', () => {
  it('says after 2 s that what is written elsewhere is interrupted, and the truth when it is back', outage, async () => {
    await tellAll();
    const [here, there] = [states(near), states(far)];
    server.pause();
    await vi.waitFor(() => expect(there).toEqual(['live', 'interrupted']), soon);
    expect([near.connected, far.connected]).toEqual([false, false]);
    await expect(far.lease('x')).rejects.toMatchObject({ code: 'bus/unreachable' });
    server.resume();
    await vi.waitFor(() => expect(there).toEqual(['live', 'interrupted', 'live']), soon);
    expect(here).toEqual(['live']);
    // Nobody was taken for gone while nobody could be heard.
    expect(nodes(far)).toEqual(['+near']);
    expect(await far.tryLease('x')).toBeDefined();
  });

  it('reads a bucket anew that was deleted under it', outage, async () => {
    await tellAll();
    const connection = await connect({ servers: server.url });
    const manager = await jetstreamManager(connection);
    for (const bucket of ['broadcasts', 'leases']) {
      await manager.streams.delete(`KV_millrace-${bucket}`);
    }
    await connection.close();
    await vi.waitFor(async () => expect(known(await join(`late-${Math.random().toString(36).slice(2)}`)).broadcasts).toEqual(['live']), { interval: 500 });
    expect(await far.tryLease('anew')).toBeDefined();
  });
});

describe('the NATS link, when a process dies or is paused', () => {
  it('frees what a killed process held after 2 s, and says what became of its broadcasts', outage, async () => {
    const process = await spawn('child');
    const fence = (await process.order({ do: 'lease', resource: 'stream/cam' })) as number;
    await process.order({ do: 'announce', info: { ...live, fence } });
    await process.order({ do: 'present', info: { ...node, node: 'child' } });
    const [seen, alive] = [states(far), nodes(far)];
    await vi.waitFor(() => expect([seen, alive]).toEqual([['live'], ['+child']]), soon);
    expect(await far.tryLease('stream/cam')).toBeUndefined();
    await process.kill();
    const killedAt = performance.now();
    await vi.waitFor(() => expect([seen, alive]).toEqual([['live', 'interrupted'], ['+child', '-child']]), soon);
    expect(performance.now() - killedAt).toBeGreaterThan(1400);
    const taken = await far.tryLease('stream/cam');
    expect(taken?.fence).toBeGreaterThan(fence);
    far.announce({ ...live, fence: taken!.fence });
    await vi.waitFor(() => expect(states(near)).toEqual(['live']), soon);
  });

  it('tells at once of one that stops gracefully', outage, async () => {
    const process = await spawn('child');
    await process.order({ do: 'present', info: { ...node, node: 'child' } });
    await process.order({ do: 'lease', resource: 'stream/cam' });
    await vi.waitFor(() => expect(nodes(far)).toEqual(['+child']), soon);
    const alive = nodes(far);
    await process.order({ do: 'close' });
    await vi.waitFor(async () => expect([alive.at(-1), (await far.tryLease('stream/cam')) === undefined]).toEqual(['-child', false]), { timeout: 1000, interval: 5 });
  });

  it('refuses everything of one that was paused, and tells it what it lost', outage, async () => {
    const process = await spawn('child');
    const fence = (await process.order({ do: 'lease', resource: 'stream/cam' })) as number;
    await process.order({ do: 'announce', info: { ...live, fence } });
    await process.order({ do: 'put', key: 'ledger/cam', value: 'first', fence });
    await process.order({ do: 'present', info: { ...node, node: 'child' } });
    const [seen, alive] = [states(far), nodes(far)];
    await vi.waitFor(() => expect([seen, alive]).toEqual([['live'], ['+child']]), soon);
    process.pause();
    await vi.waitFor(() => expect(alive).toEqual(['+child', '-child']), soon);
    const taken = await far.tryLease('stream/cam');
    far.announce({ ...live, epoch: 1, fence: taken!.fence });
    await far.shared.put('ledger/cam', 'second', { fence: taken!.fence });
    process.resume();
    // Before it hears of anything it may go on writing.
    expect(await process.order({ do: 'announce', info: { ...live, epoch: 9, fence } })).toBeUndefined();
    expect(await process.order({ do: 'put', key: 'ledger/cam', value: 'zombie', fence })).toBe('bus/fenced');
    await process.lost('stream/cam');
    await vi.waitFor(() => expect(alive).toEqual(['+child', '-child', '+child']), soon);
    expect(await far.shared.get('ledger/cam')).toBe('second');
    expect(states(near)).toEqual(['live 1']);
    expect(seen).toEqual(['live', 'interrupted', 'live 1']);
    expect(await settled(taken!.lost)).toBe(false);
  });

  it('goes on where a process is cut off by a network that swallows everything, and refuses what it says when it is back', outage, async () => {
    const way = await openWay(server.port);
    const remote = await join('remote', way.url);
    const held = await remote.lease('stream/cam');
    remote.announce({ ...live, fence: held.fence });
    remote.present({ ...node, node: 'remote' });
    near.announce({ ...live, stream: 'other', broadcast: broadcastId('otherbroadcast') });
    const [seen, alive, there] = [states(far), nodes(far), nodes(remote)];
    await vi.waitFor(() => expect([alive, states(remote)]).toEqual([['+remote'], ['live', 'live']]), soon);
    near.present(node);
    await vi.waitFor(() => expect(there).toEqual(['+remote', '+near']), soon);
    way.swallow();
    await vi.waitFor(() => expect([alive.at(-1), remote.connected]).toEqual(['-remote', false]), soon);
    const taken = await far.tryLease('stream/cam');
    expect(taken?.fence).toBeGreaterThan(held.fence);
    far.announce({ ...live, epoch: 1, fence: taken!.fence });
    // What it does not know yet it says here alone.
    remote.announce({ ...live, epoch: 7, fence: held.fence });
    await vi.waitFor(() => expect(states(remote)).toEqual(['live 7', 'interrupted']), soon);
    expect(await settled(held.lost)).toBe(false);
    way.restore();
    await held.lost;
    await vi.waitFor(() => expect([states(remote).toSorted(), alive.at(-1)]).toEqual([['live', 'live 1'], '+remote']), soon);
    expect(seen).not.toContain('live 7');
    expect(there).toEqual(['+remote', '+near']);
    way.close();
  });

  it('takes nobody for gone after it was paused itself', outage, async () => {
    const process = await spawn('child');
    near.present(node);
    await vi.waitFor(() => expect(nodes(far)).toEqual(['+near']), soon);
    await near.lease('stream/cam');
    process.pause();
    // Longer than any silence that is borne.
    await vi.waitFor(() => expect(far.connected).toBe(true));
    const alive = await spawn('other');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    process.resume();
    expect(await process.order({ do: 'tryLease', resource: 'stream/cam' })).toBeUndefined();
    await alive.kill();
  });
});
