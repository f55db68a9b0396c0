import type { IncomingMessage, ServerResponse } from 'node:http';

import { messageOf, MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive, ArchivedBroadcast } from '../archive/archive.ts';
import { RETRY_AFTER, sendError, sendPayload } from '../http/answer.ts';
import { unsentBytes } from '../http/kept-answers.ts';
import { IMMUTABLE, mediaPayload, OPEN_HEADERS, type Payload, type RawHeaders } from '../http/payload.ts';
import { Shares, type RequestAddress } from '../http/shares.ts';
import { Downloads } from './downloads.ts';
import { parseRecordingPath, type RecordingTarget } from './path.ts';
import { ReadGate } from '../archive/read-gate.ts';
import { sendDownload } from './send-download.ts';
import { VodManifests } from './vod-playlists.ts';

/** What of a finished recording may change only by its removal. */
const FINISHED_CACHING = 'public, max-age=300';

/** A playlist that is still added to. */
const OPEN_CACHING = 'public, max-age=1';

/** Segments read from disk at a time: as many as a disk's queue holds; what waits beyond is a burst of viewers. */
const READS = { atOnce: 16, waiting: 512 };

/** Downloads at a time: each holds a segment or two in memory. None may keep everybody else out by reading slowly. */
const DOWNLOADS = { inAll: 64, perAddress: 16 };

const PREFLIGHT: RawHeaders = [
  ...OPEN_HEADERS,
  'Access-Control-Allow-Methods', 'GET, HEAD, OPTIONS',
  'Access-Control-Allow-Headers', 'Range, If-Range, Authorization, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status',
  'Access-Control-Max-Age', '86400',
  'Content-Length', '0',
];

/** Answers for the pictures of a recording. */
export interface RecordingPictures {
  /** Answers a request for `poster.jpg`, `storyboard.vtt` or `storyboard-<n>.jpg`; false where there is no such picture. */
  handleArchived(request: IncomingMessage, response: ServerResponse, broadcast: ArchivedBroadcast, file: string): boolean;
}

/** Options of a {@link RecordingsFace}. */
export type FaceOptions = {
  readonly archive: Archive;
  readonly log: Logger;
  /** Without it the pictures of recordings answer 404. */
  readonly pictures?: RecordingPictures | undefined;
  /** The address of whoever sent a request. Default: that of its connection. */
  readonly addressOf?: RequestAddress | undefined;
  /** Of bytes from disk that wait to be sent. Default: its own. */
  readonly unsent?: Shares | undefined;
};

/** Answers `/recordings/<id>/...`: manifests, segments as live viewers had them, and the download. */
export class RecordingsFace {
  readonly downloads: Downloads;
  readonly #options: FaceOptions;
  readonly #manifests = new VodManifests();
  readonly #reads = new ReadGate(READS.atOnce, READS.waiting);
  readonly #downloading: Shares;
  readonly #unsent: Shares;

  constructor(options: FaceOptions) {
    this.#options = options;
    this.downloads = new Downloads(options.log);
    this.#downloading = new Shares({ ...DOWNLOADS, addressOf: options.addressOf });
    this.#unsent = options.unsent ?? unsentBytes(options.addressOf);
  }

  /** Answers a request whose path begins with `/recordings/`; false where it is that of a page. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const target = parseRecordingPath(path);
    if (target === 'page') {
      return false;
    }
    if (request.method === 'OPTIONS') {
      response.writeHead(204, PREFLIGHT as string[]);
      response.end();
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendError(response, 405, { code: 'http/method', message: 'Recordings are read with GET or HEAD.' }, ['Allow', 'GET, HEAD, OPTIONS']);
    } else if (target === undefined) {
      sendError(response, 404, { code: 'http/not-found', message: 'The path is not that of a recording or of a part of it.' });
    } else {
      this.#serve(request, response, target).catch((error: unknown) => this.#failed(response, target, error));
    }
    return true;
  }

  async #serve(request: IncomingMessage, response: ServerResponse, target: RecordingTarget): Promise<void> {
    const broadcast = await this.#options.archive.find(target.id);
    if (broadcast === undefined || !broadcast.facts.isRecording) {
      sendError(response, 404, { code: 'recording/unknown', message: 'There is no recording of this id.' });
      return;
    }
    if (broadcast.facts.state === 'damaged') {
      sendError(response, 404, { code: 'recording/damaged', message: 'Nothing of this recording can be played.' });
      return;
    }
    const isOpen = broadcast.facts.state === 'open';
    const caching = isOpen ? OPEN_CACHING : FINISHED_CACHING;
    switch (target.kind) {
      case 'master':
        this.#send(request, response, this.#manifests.master(broadcast), caching);
        break;
      case 'playlist':
        this.#send(request, response, this.#manifests.media(broadcast, target.track), caching);
        break;
      case 'mpd':
        if (isOpen) {
          inProgress(response, 'manifest.mpd');
        } else {
          this.#send(request, response, this.#manifests.mpd(broadcast), caching);
        }
        break;
      case 'init': {
        const track = broadcast.tracks.get(target.track);
        const bytes = track?.init(target.config);
        this.#send(request, response, track && bytes && mediaPayload(bytes, track.kind), IMMUTABLE);
        break;
      }
      case 'segment':
        await this.#segment(request, response, broadcast, target);
        break;
      case 'picture':
        if (this.#options.pictures?.handleArchived(request, response, broadcast, target.file) !== true) {
          notFound(response);
        }
        break;
      case 'download':
        if (isOpen) {
          inProgress(response, 'download.mp4');
        } else {
          await this.#download(request, response, broadcast);
        }
    }
  }

  async #segment(request: IncomingMessage, response: ServerResponse, { tracks }: ArchivedBroadcast, target: Extract<RecordingTarget, { kind: 'segment' }>): Promise<void> {
    const track = tracks.get(target.track);
    const segment = track?.segmentOf(target.group);
    if (track === undefined || segment === undefined) {
      notFound(response);
      return;
    }
    const reading = this.#unsent.take(request, response, segment.bytes) ? this.#reads.run(() => track.read(segment)) : undefined;
    if (reading === undefined) {
      busy(response, 'Too many segments are being read, or wait to be sent.');
      return;
    }
    const bytes = await reading;
    if (!response.destroyed) {
      this.#send(request, response, bytes && mediaPayload(bytes, track.kind), IMMUTABLE);
    }
  }

  async #download(request: IncomingMessage, response: ServerResponse, broadcast: ArchivedBroadcast): Promise<void> {
    if (!this.#downloading.take(request, response, 1)) {
      busy(response, 'Too many downloads are running.');
      return;
    }
    const plan = await this.downloads.plan(broadcast);
    if (plan === undefined) {
      notFound(response);
    } else if (!response.destroyed) {
      await sendDownload(request, response, plan, broadcast.facts, FINISHED_CACHING);
    }
  }

  #send(request: IncomingMessage, response: ServerResponse, payload: Payload | undefined, caching: string): void {
    if (payload === undefined) {
      notFound(response);
    } else {
      sendPayload(request, response, payload, caching);
    }
  }

  #failed(response: ServerResponse, target: RecordingTarget, error: unknown): void {
    if (response.headersSent || response.destroyed) {
      response.destroy();
    } else if (error instanceof MillraceError && error.code === 'recording/busy') {
      busy(response, error.message);
    } else {
      this.#options.log.warn({ recording: target.id, kind: target.kind, error: messageOf(error) }, 'A recording cannot be read');
      sendError(response, 500, { code: 'recording/unreadable', message: 'The recording cannot be read.' });
    }
  }
}

function notFound(response: ServerResponse): void {
  sendError(response, 404, { code: 'media/not-found', message: 'There is such a recording, but this is not part of it.' });
}

function inProgress(response: ServerResponse, what: string): void {
  sendError(response, 409, { code: 'recording/in-progress', message: `The broadcast goes on: ${what} is there when it is over.` });
}

function busy(response: ServerResponse, message: string): void {
  sendError(response, 503, { code: 'recording/busy', message }, RETRY_AFTER);
}
