import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What an honest viewer saw. */
export type Watched = {
  readonly packets: number;
  /** Gaps in the sequence numbers of what came. */
  readonly missing: number;
  /** Packets that its keys do not open. */
  readonly failed: number;
  /** Milliseconds between two packets. */
  readonly longestPause: number;
  /** Whether its session ended meanwhile. */
  readonly ended: boolean;
};

/** An honest viewer over WHEP that checks every packet. */
export type Watcher = {
  /** A check that it has sent, signed. */
  readonly request: Buffer;
  tell(): Promise<Watched>;
  [Symbol.asyncDispose](): Promise<void>;
};

type Message = { readonly kind: 'watching'; readonly request: Uint8Array } | ({ readonly kind: 'told' } & Watched);

/** Begins to watch. @throws where it does not come to that. */
export async function startWatcher(options: { readonly server: string; readonly port: number; readonly stream: string }): Promise<Watcher> {
  const worker = new Worker(new URL('./watch-worker.ts', import.meta.url), { workerData: options });
  const [first] = (await once(worker, 'message')) as [Message];
  return {
    request: Buffer.from(first.kind === 'watching' ? first.request : []),
    tell: async () => {
      worker.postMessage('tell');
      const [told] = (await once(worker, 'message')) as [Message];
      if (told.kind !== 'told') {
        throw new Error('the watcher told nothing');
      }
      const { kind: _, ...watched } = told;
      return watched;
    },
    [Symbol.asyncDispose]: async () => {
      worker.postMessage('leave');
      await once(worker, 'exit');
    },
  };
}
