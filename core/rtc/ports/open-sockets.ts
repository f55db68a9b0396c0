import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, type Server } from 'node:net';

import { listenError } from './listen-error.ts';
import { listenTcp } from './tcp-port.ts';
import { bindUdp } from './udp-port.ts';

/** Sockets that are bound, for a process that is given its port. Without `tcp` there is none over TCP. */
export type RtcSockets = { readonly udp: Socket; readonly tcp?: Server };

/** Port 0 asks the system for a UDP port whose TCP namesake may be taken: so often another is tried. */
const PORT_ATTEMPTS = 10;

/**
 * Opens a UDP port, and TCP's of the same number.
 *
 * @throws {MillraceError} `rtc/port-in-use`, `rtc/port-denied`, `rtc/listen-failed`.
 */
export async function openSockets(host: string, port: number): Promise<Required<RtcSockets>> {
  // Looked up once: a name with addresses of both families must not give each socket another.
  const address = isIP(host) === 0 ? await addressOf(host, port) : host;
  for (let attempt = 1; ; attempt++) {
    const udp = await bindUdp(address, port).catch((error: unknown) => {
      throw listenError(error as NodeJS.ErrnoException, 'udp', host, port);
    });
    const chosen = udp.address().port;
    try {
      return { udp, tcp: await listenTcp(address, chosen) };
    } catch (error) {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      if (port !== 0 || attempt === PORT_ATTEMPTS) {
        throw listenError(error as NodeJS.ErrnoException, 'tcp', host, chosen);
      }
    }
  }
}

async function addressOf(host: string, port: number): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, 'udp', host, port);
  }
}
