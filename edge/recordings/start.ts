import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Bus } from '#core/bus/bus.ts';
import { RecordingsFace, type FaceOptions } from './face.ts';
import { serveRecordings } from './serve.ts';

/** What recordings are served with. */
export type RecordingsOptions = FaceOptions & { readonly bus: Bus };

/** Recordings over HTTP and on the bus. */
export interface Recordings {
  /** Answers a request whose path, base path taken off, begins with `/recordings/`; false for the pages. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean;
  /** No longer answers on the bus. Idempotent. */
  close(): void;
}

/** Serves the recordings of an archive. */
export function startRecordings({ bus, ...options }: RecordingsOptions): Recordings {
  const face = new RecordingsFace(options);
  const stop = serveRecordings(bus, options.archive, face.downloads);
  return { handle: (request, response, path) => face.handle(request, response, path), close: () => stop() };
}
