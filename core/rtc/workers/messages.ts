import type { WorkerCounts } from './seats.ts';

/** Packets on their way to the other thread, as `packet-records.ts` writes them, and that so many bytes of them were taken. */
export type PipeMessage = { readonly kind: 'packets'; readonly bytes: Uint8Array<ArrayBuffer> } | { readonly kind: 'taken'; readonly bytes: number };

/** What the thread with the ports tells a worker. Addresses go by their keys. */
export type PortsMessage =
  | PipeMessage
  /** Where the server can be reached from now on. */
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  /** The address has proven to be another thread's. */
  | { readonly kind: 'surrender'; readonly key: string }
  /** The TCP connection has ended. */
  | { readonly kind: 'gone'; readonly key: string }
  /** The socket is about to be closed. */
  | { readonly kind: 'leave' };

/** What a worker tells the thread with the ports. */
export type WorkerMessage =
  | PipeMessage
  /** A verified request came over this TCP connection. */
  | { readonly kind: 'verified'; readonly key: string }
  | { readonly kind: 'adopted'; readonly key: string }
  | { readonly kind: 'left'; readonly key: string }
  | { readonly kind: 'counts'; readonly counts: WorkerCounts }
  /** Nothing is sent on the socket any more. */
  | { readonly kind: 'gone' };
