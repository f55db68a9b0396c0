import type { Socket } from 'node:dgram';
import type { Server } from 'node:net';

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
  for (let attempt = 1; ; attempt++) {
    const udp = await bindUdp(host, port).catch((error: unknown) => {
      throw listenError(error as NodeJS.ErrnoException, 'udp', host, port);
    });
    const chosen = udp.address().port;
    try {
      return { udp, tcp: await listenTcp(host, chosen) };
    } catch (error) {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      if (port !== 0 || attempt === PORT_ATTEMPTS) {
        throw listenError(error as NodeJS.ErrnoException, 'tcp', host, chosen);
      }
    }
  }
}
