import type { MessagePort } from 'node:worker_threads';

import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import type { Millis } from '#core/media/time.ts';

import type { ViewerProtocol } from '../../audience/audience.ts';
import type { EdgeConfig } from '../../config.ts';
import type { ConnectionLimits } from '../connections.ts';
import type { EdgeCounts } from '../metrics.ts';
import type { WaitingLimits } from '../waiting-room.ts';
import type { InnerDoor } from './inner-server.ts';

/** A port of the machine that all workers listen on. */
export type SharedPort = {
  readonly port: number;
  /** A listening socket that was handed to this process, in place of the port. */
  readonly fd?: number | undefined;
};

/** What a worker is started with. */
export type HttpWorkerData = {
  readonly bus: MessagePort;
  readonly inner: InnerDoor;
  readonly host: string;
  readonly http: SharedPort;
  /** With the keys of session tickets, which all workers must read. */
  readonly https?: (SharedPort & { readonly cert: string; readonly key: string; readonly ticketKeys: Uint8Array }) | undefined;
  readonly config: Pick<EdgeConfig, 'liveWindow' | 'windowMegabytes' | 'partHoldBack' | 'maxFollowedTracks' | 'trustProxy'>;
  readonly basePath: string;
  /** This worker's share. */
  readonly limits: WorkerLimits;
  /** This process among others; undefined where it is the only one. */
  readonly place?: { readonly node: NodeId | undefined; readonly region: string | undefined } | undefined;
  readonly state: WorkerState;
};

/** What one worker may take. */
export type WorkerLimits = {
  readonly connections: ConnectionLimits;
  readonly waiting: WaitingLimits;
  /** Requests on their way to the main thread. */
  readonly passedOn: number;
};

/** What the main thread knows and workers must. */
export type WorkerState = {
  /** Streams that exist, on air or not. */
  readonly knownStreams: readonly StreamName[];
  /** Whether viewers are sent to other edges. */
  readonly isDraining: boolean;
};

/** What the main thread tells a worker. */
export type WorkerRequest =
  | { readonly do: 'know'; readonly state: WorkerState }
  /** Has nobody wait any more. */
  | { readonly do: 'stop' }
  /** Takes no more connections, gives the others so long to finish, and ends. */
  | { readonly do: 'close'; readonly grace: Millis };

/** What a worker tells the main thread. */
export type WorkerReport =
  | { readonly tell: 'listening'; readonly httpPort: number; readonly httpsPort: number | undefined }
  /** It cannot listen, and ends. */
  | { readonly tell: 'failed'; readonly code: string; readonly message: string }
  | { readonly tell: 'facts'; readonly facts: WorkerFacts }
  /** A line of the log, as JSON. */
  | { readonly tell: 'log'; readonly line: string };

/** A viewer came to a worker, or left it. */
export type ViewerChange = readonly [came: boolean, stream: StreamName, protocol: ViewerProtocol, session: string];

/** What a worker tells of itself once a second. */
export type WorkerFacts = {
  /** Since it last told. */
  readonly counts: EdgeCounts;
  /** Since it last told, in their order. */
  readonly viewers: readonly ViewerChange[];
  /** Requests that went to the main thread, since it last told. */
  readonly passedOn: number;
  readonly connections: number;
  readonly waiting: number;
  /** How busy its thread is: 0 idle, 1 full. */
  readonly load: number;
};
