import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Bus } from '#core/bus/bus.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive } from '../archive/archive.ts';
import { RecordingsFace, type RecordingPictures } from './face.ts';
import { serveRecordings } from './serve.ts';

/** What recordings are served with. */
export type RecordingsOptions = {
  readonly archive: Archive;
  readonly bus: Bus;
  readonly log: Logger;
  /** Without it the pictures of recordings answer 404. */
  readonly pictures?: RecordingPictures | undefined;
};

/** Recordings over HTTP and on the bus. */
export interface Recordings {
  /** Answers a request whose path, base path taken off, begins with `/recordings/`; false for the pages. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean;
  /** No longer answers on the bus. Idempotent. */
  close(): void;
}

/** Serves the recordings of an archive. */
export function startRecordings({ archive, bus, log, pictures }: RecordingsOptions): Recordings {
  const face = new RecordingsFace({ archive, log, pictures });
  const stop = serveRecordings(bus, archive, face.downloads);
  return { handle: (request, response, path) => face.handle(request, response, path), close: () => stop() };
}
