import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';

import { getter } from '../../http/testing/edge.ts';
import type { Archive } from '../../archive/archive.ts';
import { RecordingsFace } from '../face.ts';

/** Serves the recordings of an archive on loopback. */
export async function serveFace(archive: Archive) {
  const face = new RecordingsFace({ archive, log: pino({ level: 'silent' }) });
  const server = createServer((request, response) => {
    if (!face.handle(request, response, (request.url ?? '').replace(/\?.*$/, ''))) {
      response.end('page');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { face, port, get: getter(port), close: () => new Promise((resolve) => server.close(resolve)) };
}
