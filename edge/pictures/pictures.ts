import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Registry } from 'prom-client';

import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import type { Clock } from '#core/media/time.ts';
import { messageOf, MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive, ArchivedBroadcast } from '../archive/archive.ts';
import { RETRY_AFTER, sendError, sendPayload } from '../http/answer.ts';
import { IMMUTABLE, type Payload } from '../http/payload.ts';
import type { Directory } from '../llhls/directory.ts';
import { FfmpegDecoder } from './decoder/decoder.ts';
import { LivePictures, type NoPicture } from './live/live-pictures.ts';
import type { LiveKind } from './live/slot.ts';
import { PictureMetrics, type PictureKind } from './metrics.ts';
import { pictureOf, sendPicture, type Picture } from './picture.ts';
import { POSTER_FILE } from './storyboard/recording-poster.ts';
import { spriteFile } from './storyboard/sprite-log.ts';
import type { Storyboard } from './storyboard/storyboard.ts';
import { Storyboards } from './storyboard/storyboards.ts';

/** What a picture's URL under `/live/<stream>/` names. */
export type PictureTarget =
  | { readonly kind: LiveKind; readonly stream: StreamName }
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

/** As long as until the next one may come. */
const LIVE_CACHING = 'public, max-age=5';
/** What is still added to. */
const GROWING_CACHING = 'public, max-age=5';
/** What goes with its recording. */
const FINISHED_CACHING = 'public, max-age=300';

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly kind: PictureKind };

const NOT_FOUND = { code: 'media/not-found', message: 'There is no such picture, or not yet.' };

const ABSENCES = {
  unknown: [404, { code: 'stream/unknown', message: 'There is no stream of this name.' }, []],
  offline: [404, { code: 'offline', message: 'The stream is off air.' }, RETRY_AFTER],
  none: [404, { code: 'media/not-found', message: 'The stream has no picture that can be shown.' }, []],
  late: [503, { code: 'pictures/late', message: 'The first picture is not there yet.' }, RETRY_AFTER],
  busy: [503, { code: 'pictures/busy', message: 'Too many requests wait for a picture.' }, RETRY_AFTER],
} as const satisfies Record<NoPicture, unknown>;

/** Pictures of streams and recordings (ADR 0010): posters, thumbnails, storyboards. */
export class Pictures {
  readonly #options: PicturesOptions;
  readonly #decoder: FfmpegDecoder;
  readonly #metrics: PictureMetrics;
  readonly #live: LivePictures;
  readonly #storyboards: Storyboards;
  #hasWarned = false;
  readonly #reading = new Map<string, Promise<Picture | undefined>>();

  constructor(options: PicturesOptions) {
    const { directory, archive, bus, ffmpegPath, log, metrics, clock } = options;
    this.#options = options;
    this.#decoder = new FfmpegDecoder({ path: ffmpegPath, ran: (kind, result) => this.#metrics.ran(kind, result) });
    this.#metrics = new PictureMetrics(metrics, () => this.#decoder.waiting);
    this.#live = new LivePictures({
      directory, clock,
      decoder: this.#decoder,
      failed: (error, stream, track) => {
        this.#warnOnce(error);
        log.debug({ stream, track, reason: messageOf(error) }, 'a picture could not be made');
      },
    });
    this.#storyboards = new Storyboards({ archive, bus, log, decoder: this.#decoder });
  }

  /** Answers GET and HEAD for a picture under `/live/`; other methods, and paths that are malformed, are the caller's. */
  handle(request: IncomingMessage, response: ServerResponse, target: PictureTarget): void {
    const exchange = { request, response, kind: target.kind };
    const answer = target.kind === 'storyboard' ? this.#storyboard(exchange, target) : this.#newest(exchange, target.stream, target.kind);
    answer.catch((error: unknown) => this.#failed(exchange, error));
  }

  /**
   * Answers GET and HEAD for `poster.jpg`, `storyboard.vtt` and `storyboard-<n>.jpg` of a recording.
   *
   * @returns false where the file is none of these.
   */
  handleArchived(request: IncomingMessage, response: ServerResponse, broadcast: ArchivedBroadcast, file: string): boolean {
    const isPoster = file === POSTER_FILE;
    if (!isPoster && file !== 'storyboard.vtt' && spriteNumber(file) === undefined) {
      return false;
    }
    const exchange: Exchange = { request, response, kind: isPoster ? 'recording' : 'storyboard' };
    const answer = isPoster ? this.#poster(exchange, broadcast) : this.#storyboardOf(exchange, broadcast, file, (board) => board.recordingCues());
    answer.catch((error: unknown) => this.#failed(exchange, error));
    return true;
  }

  /** Ends every decode. What is missing of a recording's storyboard is made after the next start. Idempotent. */
  async close(): Promise<void> {
    this.#live.stop();
    await this.#decoder.close();
    await this.#storyboards.close();
  }

  async #newest(exchange: Exchange, stream: StreamName, kind: LiveKind): Promise<void> {
    const found = await this.#live.get(stream, kind);
    if (typeof found === 'string') {
      const [status, body, headers] = ABSENCES[found];
      this.#fail(exchange, status, body, headers);
    } else {
      this.#send(exchange, found, LIVE_CACHING);
    }
  }

  async #storyboard(exchange: Exchange, { stream, broadcast, file }: Extract<PictureTarget, { kind: 'storyboard' }>): Promise<void> {
    const { archive } = this.#options;
    const kept = archive.open(broadcast) ?? (await archive.find(broadcast));
    if (kept?.facts.stream !== stream) {
      this.#fail(exchange, 404, NOT_FOUND);
      return;
    }
    await this.#storyboardOf(exchange, kept, file, (board) => board.liveCues());
  }

  async #storyboardOf(exchange: Exchange, broadcast: ArchivedBroadcast, file: string, cuesOf: (board: Storyboard) => Payload): Promise<void> {
    const board = await this.#storyboards.of(broadcast);
    if (!board.done) {
      this.#storyboards.want(broadcast);
    }
    const number = spriteNumber(file);
    if (file === 'storyboard.vtt') {
      this.#sendCues(exchange, cuesOf(board), board.done);
    } else if (number === undefined) {
      this.#fail(exchange, 404, NOT_FOUND);
    } else if (board.sprites.some((sprite) => sprite.number === number && !sprite.failed)) {
      this.#sendOrMiss(exchange, await this.#read(join(broadcast.folder, spriteFile(number))), IMMUTABLE);
    } else {
      this.#sendOrMiss(exchange, await board.partial(number), GROWING_CACHING);
    }
  }

  async #poster(exchange: Exchange, broadcast: ArchivedBroadcast): Promise<void> {
    const picture = await this.#read(join(broadcast.folder, POSTER_FILE));
    if (picture === undefined) {
      this.#storyboards.want(broadcast);
    }
    this.#sendOrMiss(exchange, picture, FINISHED_CACHING);
  }

  /** Who asks for one file at a time share one reading. */
  #read(path: string): Promise<Picture | undefined> {
    let reading = this.#reading.get(path);
    if (reading === undefined) {
      reading = readFile(path)
        .then(pictureOf, () => undefined)
        .finally(() => this.#reading.delete(path));
      this.#reading.set(path, reading);
    }
    return reading;
  }

  #sendCues({ request, response, kind }: Exchange, cues: Payload, isDone: boolean): void {
    if (!isGone(response)) {
      sendPayload(request, response, cues, isDone ? FINISHED_CACHING : GROWING_CACHING);
      this.#metrics.answered(kind, response.statusCode);
    }
  }

  #sendOrMiss(exchange: Exchange, picture: Picture | undefined, caching: string): void {
    if (picture === undefined) {
      this.#fail(exchange, 404, NOT_FOUND);
    } else {
      this.#send(exchange, picture, caching);
    }
  }

  #send({ request, response, kind }: Exchange, picture: Picture, caching: string): void {
    if (!isGone(response)) {
      this.#metrics.answered(kind, sendPicture(request, response, picture, caching));
    }
  }

  #warnOnce(error: unknown): void {
    if (error instanceof MillraceError && error.code === 'pictures/ffmpeg' && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#options.log.warn({ reason: error.message }, 'there are no pictures of streams: ffmpeg cannot be started');
    }
  }

  #failed(exchange: Exchange, error: unknown): void {
    if (error instanceof MillraceError && error.code.startsWith('pictures/')) {
      this.#fail(exchange, 503, { code: error.code, message: 'The picture cannot be made now.' }, RETRY_AFTER);
      return;
    }
    this.#options.log.error({ err: error }, 'a request for a picture failed');
    this.#fail(exchange, 500, { code: 'http/internal', message: 'The server failed to answer.' });
  }

  #fail({ response, kind }: Exchange, status: number, body: { readonly code: string; readonly message: string }, headers: readonly string[] = []): void {
    if (isGone(response)) {
      return;
    }
    sendError(response, status, body, headers);
    this.#metrics.answered(kind, status);
  }
}

function spriteNumber(file: string): number | undefined {
  const number = /^storyboard-(\d{1,6})\.jpg$/.exec(file)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** Who has hung up meanwhile is not answered. */
function isGone(response: ServerResponse): boolean {
  return response.destroyed || response.writableEnded || response.headersSent;
}
