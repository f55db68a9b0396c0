import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { writeFrame } from './frame-reader.ts';
import { listenTcp, TcpPort } from './tcp-port.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

/** A port at which a frame proves its connection, with what it counted. */
async function start(maxConnections = 1000): Promise<{ readonly port: TcpPort; readonly counts: { refused: number; proven: number } }> {
  const counts = { refused: 0, proven: 0 };
  const port: TcpPort = new TcpPort(await listenTcp('127.0.0.1', 0), {
    log: pino({ level: 'silent' }),
    now: () => millis(0),
    maxConnections,
    frame: (connection) => {
      port.trust(connection);
      counts.proven += 1;
    },
    closed: () => {},
    dropped: () => {},
    refused: () => {
      counts.refused += 1;
    },
  });
  cleanups.push(() => port.close());
  return { port, counts };
}

/** A connection from one of this machine's addresses. */
async function dial(port: TcpPort, localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: port.port, localAddress });
  socket.on('error', () => {});
  socket.resume();
  cleanups.push(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function prove(socket: Socket, counts: { readonly proven: number }): Promise<void> {
  const before = counts.proven;
  socket.write(writeFrame(Buffer.of(1)));
  await expect.poll(() => counts.proven).toBe(before + 1);
}

/** As many strangers as there may be, 16 from each of 16 addresses: 127.0.1.1 and so on. */
async function fill(port: TcpPort, expected = 256): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let at = 0; at < 256; at++) {
    sockets.push(await dial(port, `127.0.1.${1 + (at % 16)}`));
  }
  await expect.poll(() => port.connections).toBe(expected);
  return sockets;
}

describe('the TCP port', () => {
  it('full of strangers takes a newcomer in the place of the oldest', async () => {
    const { port, counts } = await start();
    const strangers = await fill(port);
    const first = once(strangers[0]!, 'close');
    const newcomer = await dial(port, '127.0.2.1');
    await first;
    await prove(newcomer, counts);
    expect(port.connections).toBe(256);
    expect(counts.refused).toBe(1);
    expect(strangers.filter(({ destroyed }) => destroyed)).toHaveLength(1);
  });

  it('never lets one that was proven give way, whoever comes', async () => {
    const { port, counts } = await start();
    const peer = await dial(port, '127.0.1.1');
    await prove(peer, counts);
    await fill(port, 257);
    await Promise.all(Array.from({ length: 60 }, (_, at) => dial(port, `127.0.3.${1 + (at % 30)}`)));
    await expect.poll(() => counts.refused).toBeGreaterThanOrEqual(60);
    expect(peer.destroyed).toBe(false);
    await prove(peer, counts);
  });

  it('lets no host that opens one connection after another take the place of another', async () => {
    const { port, counts } = await start();
    const quiet = await dial(port, '127.0.1.1');
    for (let at = 0; at < 300; at++) {
      await dial(port, '127.0.1.2');
    }
    await expect.poll(() => counts.refused).toBe(300 - 16);
    expect(port.connections).toBe(17);
    await prove(quiet, counts);
  });

  it('with as many connections as it takes lets a stranger give way, and refuses where there is none', async () => {
    const { port, counts } = await start(2);
    const peer = await dial(port, '127.0.1.1');
    await prove(peer, counts);
    const stranger = await dial(port, '127.0.1.2');
    const gone = once(stranger, 'close');
    const newcomer = await dial(port, '127.0.1.3');
    await gone;
    await prove(newcomer, counts);
    const refused = await dial(port, '127.0.1.4');
    await once(refused, 'close');
    expect([peer.destroyed, newcomer.destroyed]).toEqual([false, false]);
    expect(counts.refused).toBe(2);
  });
});
