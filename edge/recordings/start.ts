import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Bus } from '#core/bus/bus.ts';
import { RecordingsFace, type FaceOptions } from './face.ts';
import { serveRecordings } from './serve.ts';

/** What recordings are served with. */
export type RecordingsOptions = FaceOptions & {
  readonly bus: Bus;
  /** What they are asked for by on the bus; undefined where they are not. */
  readonly subject: string | undefined;
};

/** Recordings over HTTP and on the bus. */
export interface Recordings {
  /** Answers a request whose path, base path taken off, begins with `/recordings/`; false for the pages. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean;
  /** No longer answers on the bus. Idempotent. */
  close(): void;
}

/** Serves the recordings of an archive. */
export function startRecordings({ bus, subject, ...options }: RecordingsOptions): Recordings {
  const face = new RecordingsFace(options);
  const stop = subject === undefined ? undefined : serveRecordings(bus, options.archive, face.downloads, subject);
  return { handle: (request, response, path) => face.handle(request, response, path), close: () => stop?.() };
}
