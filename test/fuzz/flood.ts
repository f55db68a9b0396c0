import { connect } from 'node:net';

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
  /** Makes the bytes of connection `i`. */
  bytes(i: number): Uint8Array;
};

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
      outcomes[await sendOnce(options.port, bytes, options.patience)] += 1;
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, worker));
  return outcomes;
}

function sendOnce(port: number, bytes: Uint8Array, patience: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: Outcome = 'silent';
    const socket = connect({ port, host: '127.0.0.1' });
    const timer = setTimeout(() => socket.destroy(), patience);
    socket.on('data', () => {
      outcome = 'answered';
    });
    socket.on('connect', () => socket.end(bytes));
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
