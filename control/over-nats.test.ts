import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { connectNats, type NatsBus } from '#core/bus/nats/connect.ts';
import { startNatsServer, type TestNatsServer } from '#core/bus/nats/testing/nats-server.ts';
import { Nodes } from '#core/placement/nodes.ts';

import { edgesSchema, recordingsSchema } from './api/schemas.ts';
import { memoryLog } from './testing/memory-log.ts';
import { edgeNode } from './testing/nodes.ts';
import { recording, serveRecordings } from './testing/recordings.ts';
import { SECRET, serveControl } from './testing/served-control.ts';

let server: TestNatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

async function connect(node: string): Promise<NatsBus> {
  const bus = await connectNats({ url: server.url, node, log: memoryLog().log });
  onTestFinished(() => bus.close());
  return bus;
}

const wish = { key: `cam1_${SECRET}`, address: '192.0.2.1', protocol: 'rtmp' } as const;

describe('control and an edge over a real NATS', () => {
  test('the edge lets in whom control knows, and goes on when NATS was away', { timeout: 30_000 }, async () => {
    const [near, far] = [await connect('control-1'), await connect('edge-1')];
    const control = await serveControl({}, { bus: near });
    const edge = await serveControl({ streamKeys: [] }, { bus: far, role: 'asks' });
    const decide = () => edge.stage.policy.decide(wish);
    await expect.poll(() => edge.stage.knownStreams()).toEqual(['cam1', 'cam2']);
    expect(await decide()).toEqual({ allowed: true, stream: 'cam1' });
    expect(await edge.stage.policy.opens(wish.key, 'cam1', '::1')).toBe(true);

    await server.kill();
    expect(await decide()).toMatchObject({ code: 'publish/unavailable' });
    expect(edge.stage.knownStreams()).toEqual(['cam1', 'cam2']);
    await server.restart({ wipe: true });
    await expect.poll(decide).toEqual({ allowed: true, stream: 'cam1' });

    // The store was lost, and what stood in it is written anew for who comes now.
    const late = await serveControl({ streamKeys: [] }, { bus: await connect('edge-2'), role: 'asks' });
    await expect.poll(() => late.stage.knownStreams()).toEqual(['cam1', 'cam2']);

    await control.stage.close();
    expect(await decide()).toMatchObject({ code: 'publish/unavailable' });
  });

  test('edges and recordings of other machines are found', { timeout: 30_000 }, async () => {
    const [near, far] = [await connect('edge-3'), await connect('edge-4')];
    near.present(edgeNode('edge-3', { archive: true }));
    far.present(edgeNode('edge-4', { archive: true, load: 0.5 }));
    const nodes = new Nodes(near);
    const { get } = await serveControl({}, { bus: near, nodes, node: 'edge-3' });
    serveRecordings(near, [], 'edge-3');
    serveRecordings(far, [recording()], 'edge-4');
    const edges = async () => edgesSchema.parse(await (await get('/api/v1/edges')).json()).edges.map(({ node }) => node);
    await expect.poll(edges).toEqual(['edge-3', 'edge-4']);
    const listed = async () => recordingsSchema.parse(await (await get('/api/v1/recordings')).json());
    expect(await listed()).toMatchObject({ recordings: [{ id: 'recording1', page: 'http://edge-4:8080/recordings/recording1' }], missing: [] });
    await far.close();
    await expect.poll(edges).toEqual(['edge-3']);
    expect(await listed()).toEqual({ recordings: [], missing: [] });
  });
});
