import { openSync, read, writeSync } from 'node:fs';

import koffi from 'koffi';

import { LinkDirection, type LinkConditions } from './link.ts';

/**
 * The process behind {@link makeNetwork}: two TUN devices whose packets it carries from one to the other under changing
 * conditions. It is ended by a signal, since reads of a TUN device cannot be taken back.
 */

/** `TUNSETIFF` of linux/if_tun.h; `IFF_TUN | IFF_NO_PI`. */
const TUNSETIFF = 0x400454ca;
const FLAGS = 0x1001;

const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)') as (fd: number, request: number, argument: Buffer) => number;

/** Asked of the emulator by its parent. */
export type EmulatorRequest = { readonly towards: 'client' | 'server'; readonly conditions: LinkConditions };

const [serverDevice = '', clientDevice = '', seed = '1'] = process.argv.slice(2);
const server = openTun(serverDevice);
const client = openTun(clientDevice);
const directions = { client: new LinkDirection(Number(seed)), server: new LinkDirection(Number(seed) + 1) };

carry(server, directions.client);
carry(client, directions.server);
setInterval(() => {
  deliver(directions.client, client);
  deliver(directions.server, server);
}, 1);
process.on('message', ({ towards, conditions }: EmulatorRequest) => directions[towards].set(conditions));
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.send?.('ready');

function openTun(name: string): number {
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(40);
  request.write(name, 0, 15, 'latin1');
  request.writeUInt16LE(FLAGS, 16);
  if (ioctl(fd, TUNSETIFF, request) !== 0) {
    throw new Error(`cannot make the device ${name}`);
  }
  return fd;
}

function carry(from: number, direction: LinkDirection): void {
  const buffer = Buffer.alloc(65_536);
  const next = (): void =>
    read(from, buffer, 0, buffer.byteLength, null, (error, length) => {
      if (error === null) {
        direction.push(Uint8Array.prototype.slice.call(buffer, 0, length), performance.now());
        // Without delay or bottleneck it goes on at once.
        deliver(directions.client, client);
        deliver(directions.server, server);
      }
      // A device that is down refuses reads; it may come up again.
      if (error === null) {
        next();
      } else {
        setTimeout(next, 20);
      }
    });
  next();
}

function deliver(direction: LinkDirection, to: number): void {
  for (let packet = direction.pop(performance.now()); packet !== undefined; packet = direction.pop(performance.now())) {
    try {
      writeSync(to, packet);
    } catch {
      // A device that is down takes nothing: the packet is lost, as on a cable that was pulled out.
    }
  }
}
