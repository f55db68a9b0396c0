import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { Clock } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive, ArchivedBroadcast } from '../archive/archive.ts';
import { sendError } from '../http/answer.ts';
import type { Directory } from '../llhls/directory.ts';

/** What a picture's URL under `/live/<stream>/` names. */
export type PictureTarget =
  | { readonly kind: 'poster' | 'thumbnail'; readonly stream: StreamName }
  /** `file` is `storyboard.vtt` or `storyboard-<n>.jpg`; anything else is answered 404. */
  | { readonly kind: 'storyboard'; readonly stream: StreamName; readonly broadcast: BroadcastId; readonly file: string };

/** What {@link Pictures} work with. */
export type PicturesOptions = {
  readonly directory: Directory;
  readonly archive: Archive;
  readonly bus: Bus;
  /** Command or path of ffmpeg. Where it is missing there are no pictures, and nothing else suffers. */
  readonly ffmpegPath: string;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly clock: Clock;
};

/** Pictures of streams and recordings (ADR 0010): posters, thumbnails, storyboards. */
export class Pictures {
  constructor(_options: PicturesOptions) {}

  /** Answers GET and HEAD for a picture under `/live/`; other methods, and paths that are malformed, are the caller's. */
  handle(_request: IncomingMessage, response: ServerResponse, _target: PictureTarget): void {
    sendError(response, 404, { code: 'media/not-found', message: 'There is no picture yet.' });
  }

  /**
   * Answers GET and HEAD for `poster.jpg`, `storyboard.vtt` and `storyboard-<n>.jpg` of a recording.
   *
   * @returns false where the file is none of these.
   */
  handleArchived(_request: IncomingMessage, _response: ServerResponse, _broadcast: ArchivedBroadcast, _file: string): boolean {
    return false;
  }

  /** Ends every decode. What is missing of a recording's storyboard is made after the next start. Idempotent. */
  async close(): Promise<void> {}
}
