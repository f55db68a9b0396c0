import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

import { FrameReader, writeFrame } from '../ports/frame-reader.ts';

/** A client's way to the server's port: a UDP socket or a TCP connection of its own. */
export interface ClientLink {
  readonly localPort: number;
  send(bytes: Uint8Array): void;
  /** Reads nothing more, where the protocol lets the other end feel it. */
  pause(): void;
  close(): void;
}

/** Opens a way to the server. `received` gets each packet; `ended` is told where TCP's other end closes. */
export function openClientLink(
  server: { readonly protocol: 'udp' | 'tcp'; readonly address: string; readonly port: number },
  received: (bytes: Buffer) => void,
  ended: () => void = () => {},
): Promise<ClientLink> {
  return server.protocol === 'udp' ? openUdp(server, received) : openTcp(server, received, ended);
}

function openUdp({ address, port }: { readonly address: string; readonly port: number }, received: (bytes: Buffer) => void): Promise<ClientLink> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    let isClosed = false;
    socket.on('message', received);
    socket.once('error', reject);
    // Connected: the kernel then needs no route lookup for each packet, and drops what others send.
    socket.connect(port, address, () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve({
        localPort: socket.address().port,
        send: (bytes) => {
          if (!isClosed) {
            socket.send(bytes, () => {});
          }
        },
        pause: () => {},
        close: () => {
          if (!isClosed) {
            isClosed = true;
            socket.close();
          }
        },
      });
    });
  });
}

function openTcp({ address, port }: { readonly address: string; readonly port: number }, received: (bytes: Buffer) => void, ended: () => void): Promise<ClientLink> {
  return new Promise((resolve, reject) => {
    const reader = new FrameReader();
    const socket = connect({ host: address, port, noDelay: true });
    socket.on('data', (chunk: Buffer) => reader.push(chunk, received));
    socket.once('error', reject);
    socket.on('close', ended);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve({
        localPort: socket.localPort ?? 0,
        send: (bytes) => {
          if (socket.writable) {
            socket.write(writeFrame(bytes));
          }
        },
        pause: () => void socket.pause(),
        close: () => socket.destroySoon(),
      });
    });
  });
}
