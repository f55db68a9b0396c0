import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

import { describe, expect, it } from 'vitest';

import { EventStreams } from '#edge/whep/event-streams.ts';

describe('the event streams of a viewer', () => {
  // Behind an answer that never ends, a reader that had to give way is never closed; what is told then is written after its end, and an
  // 'error' that nobody hears ends the process.
  it('tell nothing to a reader that had to give way', async () => {
    const events = new EventStreams();
    const errors: unknown[] = [];
    const attached: ServerResponse[] = [];
    const server = createServer((request, response) => {
      response.on('error', (error) => errors.push(error));
      response.writeHead(200).write(':\n\n');
      if (request.url === '/events') {
        events.attach('', response);
        attached.push(response);
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(get('/never-ends') + get('/events').repeat(5));
    await expect.poll(() => attached.length).toBe(5);
    events.tell('viewercount', { viewercount: 1 });
    await new Promise(setImmediate);
    socket.destroy();
    server.close();
    expect(errors).toEqual([]);
  });
});
