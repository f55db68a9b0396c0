import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';

import type { ArchivedTrack } from '../archive/archive.ts';
import { epochOf, RECORDING, recorded, VIDEO } from './testing/recorded.ts';
import { serveFace } from './testing/serve.ts';

const { archive, broadcast } = await recorded(epochOf('source-30', 0));
const track = broadcast.tracks.get(VIDEO) as ArchivedTrack;
const segment = track.segments[0] as ArchivedTrack['segments'][number];
const BIG = 8 * 1024 * 1024;

const ends: (() => unknown)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0)) {
    await end();
  }
});

/** Sends one request many times over one connection, and reads nothing. */
async function flood(port: number, path: string, count: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`.repeat(count));
  return socket;
}

test('who asks for many segments at once and reads none has a share of the memory, and gives it back', async () => {
  const server = await serveFace(archive);
  ends.push(() => server.close());
  const read = vi.spyOn(track, 'read').mockImplementation(() => Promise.resolve(Buffer.alloc(BIG)));
  vi.spyOn(track, 'segmentOf').mockReturnValue({ ...segment, bytes: BIG });
  const path = `/recordings/${RECORDING}/video/${segment.group}.m4s`;
  const socket = await flood(server.port, path, 100);
  await vi.waitFor(async () => expect((await server.get(path)).status).toBe(503));
  expect(read).toHaveBeenCalledTimes(16);
  socket.destroy();
  await vi.waitFor(async () => expect((await server.get(path)).status).toBe(200));
});

test('no address has all downloads', async () => {
  const server = await serveFace(archive);
  ends.push(() => server.close());
  const plans = vi.spyOn(server.face.downloads, 'plan').mockReturnValue(new Promise(() => undefined));
  const path = `/recordings/${RECORDING}/download.mp4`;
  const socket = await flood(server.port, path, 40);
  await vi.waitFor(async () => expect((await server.get(path)).status).toBe(503));
  expect(plans).toHaveBeenCalledTimes(16);
  plans.mockRestore();
  socket.destroy();
  await vi.waitFor(async () => expect((await server.get(path)).status).toBe(200));
});
