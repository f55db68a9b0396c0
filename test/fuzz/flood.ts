import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What a server did with one byte stream. */
export type Outcome = 'answered' | 'closed' | 'silent';

/** Options of {@link flood}. */
export type FloodOptions = {
  readonly port: number;
  readonly count: number;
  /** Connections at once. */
  readonly parallel: number;
  /** How long to wait for an answer to each. */
  readonly patience: number;
  /** Makes the bytes of connection `i`; several pieces are sent with a pause before each but the first, and before the end. */
  bytes(i: number): Uint8Array | readonly Uint8Array[];
};

/** Between two pieces: time in which a server decides, writes to its disk, begins an epoch. */
const PAUSE = 40;

/**
 * Sends each of many byte streams over a TCP connection of its own to a port of this machine and waits for an answer
 * or for the connection's end. Counts what came of them.
 */
export async function flood(options: FloodOptions): Promise<Record<Outcome, number>> {
  const outcomes = { answered: 0, closed: 0, silent: 0 };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < options.count) {
      const bytes = options.bytes(next);
      next += 1;
      outcomes[await sendOnce(options.port, bytes instanceof Uint8Array ? [bytes] : bytes, options.patience)] += 1;
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, worker));
  return outcomes;
}

function sendOnce(port: number, pieces: readonly Uint8Array[], patience: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: Outcome = 'silent';
    const socket = connect({ port, host: '127.0.0.1' });
    const timer = setTimeout(() => socket.destroy(), patience);
    socket.on('data', () => {
      outcome = 'answered';
    });
    socket.on('connect', () => void sendPieces(socket, pieces));
    socket.on('error', () => {
      outcome = outcome === 'answered' ? outcome : 'closed';
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(outcome);
    });
    socket.on('end', () => {
      outcome = outcome === 'answered' ? outcome : 'closed';
    });
  });
}

async function sendPieces(socket: Socket, pieces: readonly Uint8Array[]): Promise<void> {
  const [first = new Uint8Array(), ...rest] = pieces;
  if (rest.length === 0) {
    socket.end(first);
    return;
  }
  socket.write(first);
  for (const piece of rest) {
    await pause(PAUSE);
    if (!socket.writable) {
      return;
    }
    socket.write(piece);
  }
  await pause(PAUSE);
  socket.end();
}
