import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A proxy with a bandwidth that can be changed while connections run. */
export type Throttle = {
  readonly port: number;
  /** Sets the bandwidth towards clients, shared by all connections. Bits per second; Infinity lets everything through. */
  setRate(bitsPerSecond: number): void;
  /** Cuts every connection and refuses new ones until {@link Throttle.restore}. */
  cut(): void;
  restore(): void;
  close(): Promise<void>;
};

/** How often the budget is dealt out: short against a part's duration, so that pacing looks like a link's. */
const TICK_MILLIS = 5;
/** What a connection may have waiting here, like the queue of a home router. */
const MAX_QUEUED_BYTES = 48 * 1024;

type Flow = { readonly client: Socket; readonly upstream: Socket; readonly queue: Buffer[]; queued: number; ended: boolean };

/**
 * A TCP proxy on loopback in front of a port, with a bottleneck on the way to the client: one budget of bytes for all
 * connections, dealt out in turn.
 */
export async function startThrottle(targetPort: number): Promise<Throttle> {
  const flows = new Set<Flow>();
  let rate = Number.POSITIVE_INFINITY;
  let budget = 0;
  let down = false;

  const drop = (flow: Flow): void => {
    flows.delete(flow);
    // A reset, as a broken link looks like: an orderly end would pass for the whole answer.
    flow.client.resetAndDestroy();
    flow.upstream.destroy();
  };
  const server = createServer((client) => {
    if (down) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const flow: Flow = { client, upstream, queue: [], queued: 0, ended: false };
    flows.add(flow);
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      flow.queue.push(chunk);
      flow.queued += chunk.byteLength;
      if (flow.queued > MAX_QUEUED_BYTES) {
        upstream.pause();
      }
    });
    upstream.on('end', () => {
      flow.ended = true;
    });
    [client, upstream].forEach((socket) => socket.on('error', () => drop(flow)));
    client.on('close', () => drop(flow));
  });
  let dealt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    budget = Math.min(budget + (rate * Math.max(now - dealt, 0.001)) / 8000, Math.max((rate * 4 * TICK_MILLIS) / 8000, 3000));
    dealt = now;
    // In turn and in small slices: a large response must not keep a small one waiting.
    for (let moved = true; moved && budget >= 1; ) {
      moved = false;
      for (const flow of flows) {
        const slice = takeSlice(flow, Math.min(budget, 1500));
        if (slice !== undefined) {
          moved = true;
          budget -= slice.byteLength;
          flow.client.write(slice);
        } else if (flow.ended && flow.queue.length === 0) {
          flow.client.end();
          flows.delete(flow);
        }
      }
    }
  }, TICK_MILLIS);
  await listen(server);
  return {
    port: (server.address() as AddressInfo).port,
    setRate: (bitsPerSecond) => {
      rate = bitsPerSecond;
      budget = 0;
    },
    cut: () => {
      down = true;
      [...flows].forEach(drop);
    },
    restore: () => {
      down = false;
    },
    close: async () => {
      clearInterval(timer);
      [...flows].forEach(drop);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function takeSlice(flow: Flow, limit: number): Buffer | undefined {
  const first = flow.queue[0];
  if (first === undefined || limit < 1) {
    return undefined;
  }
  const slice = first.subarray(0, Math.max(1, Math.floor(limit)));
  if (slice.byteLength === first.byteLength) {
    flow.queue.shift();
  } else {
    flow.queue[0] = first.subarray(slice.byteLength);
  }
  flow.queued -= slice.byteLength;
  if (flow.queued <= MAX_QUEUED_BYTES) {
    flow.upstream.resume();
  }
  return slice;
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
