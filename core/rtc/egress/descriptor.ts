import type { Socket } from 'node:dgram';

/** What of a socket's inner state is read. */
type State = { readonly handle?: { readonly fd?: number } | null };

/**
 * A function that tells the file descriptor of a socket, -1 once it is closed. Asked before each send: the number of a closed
 * socket soon is that of another file.
 *
 * Node has no public way to it; undefined where this Node keeps it elsewhere.
 */
export function descriptorOf(socket: Socket): (() => number) | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  if (symbol === undefined) {
    return undefined;
  }
  const state = (socket as unknown as Record<symbol, State | undefined>)[symbol];
  if (typeof state?.handle?.fd !== 'number' || state.handle.fd < 0) {
    return undefined;
  }
  return () => state.handle?.fd ?? -1;
}
