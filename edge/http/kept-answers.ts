import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId } from '#core/bus/node.ts';
import type { BroadcastId } from '#core/media/frame.ts';

import type { Archive, ArchivedBroadcast, ArchivedTrack } from '../archive/archive.ts';
import { ReadGate } from '../archive/read-gate.ts';
import { rewindMultivariant, rewindPlaylist } from '../rewind/rewind-playlists.ts';
import type { Directory } from '../llhls/directory.ts';
import { RETRY_AFTER } from './answer.ts';
import type { Exchange, Exchanges } from './exchanges.ts';
import type { MediaTarget } from './media-path.ts';
import { IMMUTABLE, mediaPayload } from './payload.ts';
import { Shares, type RequestAddress } from './shares.ts';

/** Old as soon as the next segment is whole. */
const REWIND_CACHING = 'public, max-age=1';

/** Segments read from disk at a time, and how many may wait for their turn: what waits beyond is asked to come again. */
const READS = { atOnce: 16, waiting: 512 };

/** Bytes read from disk for answers that are not sent yet: live segments are shared by all who read them, these are not. */
const UNSENT = { inAll: 512 * 1024 * 1024, perAddress: 128 * 1024 * 1024 };

/** The bytes from disk that wait to be sent, of whichever face. */
export function unsentBytes(addressOf?: RequestAddress): Shares {
  return new Shares({ ...UNSENT, addressOf });
}

/** What is answered from the archive. */
export type KeptAnswersOptions = {
  readonly archive: Pick<Archive, 'open' | 'find' | 'recordings'>;
  readonly directory: Directory;
  readonly exchanges: Exchanges;
  /** Of bytes from disk that wait to be sent. Default: its own. */
  readonly unsent?: Shares | undefined;
  /** This node among others, and its base URL as they know it. */
  readonly place?: { readonly node: NodeId; readonly url: () => string | undefined } | undefined;
};

type KeptTarget = Extract<MediaTarget, { kind: 'segment' | 'init' }>;

/**
 * Answers requests for what has left the live window of a broadcast: from disk, under the same URLs (ADR 0010). Those of a recording go on when its broadcast is over:
 * who was behind then holds a playlist of hours.
 */
export class KeptAnswers {
  readonly #options: KeptAnswersOptions;
  readonly #gate = new ReadGate(READS.atOnce, READS.waiting);
  readonly #unsent: Shares;

  constructor(options: KeptAnswersOptions) {
    this.#options = options;
    this.#unsent = options.unsent ?? unsentBytes();
  }

  rewind(exchange: Exchange, target: Extract<MediaTarget, { kind: 'rewind' }>): void {
    const { directory, exchanges } = this.#options;
    const { stream, of } = target;
    const id = of?.broadcast ?? directory.current(stream)?.info.broadcast;
    const isKept = this.#withBroadcast(exchange, target, id, (broadcast) => {
      const payload = of === undefined ? rewindMultivariant(broadcast) : rewindPlaylist(broadcast, of.track);
      if (payload === undefined) {
        exchanges.missing(exchange.response, target);
        return;
      }
      if (of !== undefined) {
        exchanges.stamp(exchange, stream, 'hls');
      }
      exchanges.send(exchange, 'rewind', payload, REWIND_CACHING);
    });
    if (!isKept && !this.elsewhere(exchange, target, id)) {
      exchanges.missing(exchange.response, target);
    }
  }

  /** Sends a request for what is not kept here to the node that keeps it. False where none does. */
  elsewhere(exchange: Exchange, target: MediaTarget, id: BroadcastId | undefined): boolean {
    const { directory, exchanges, archive, place } = this.#options;
    const url = id === undefined || archive.open(id) !== undefined ? undefined : directory.broadcast(target.stream, id)?.archive?.url;
    return place !== undefined && url !== undefined && url !== place.url() && exchanges.redirect(exchange, target.kind, url, place.node);
  }

  /**
   * Answers a whole segment or an init segment that is on disk.
   *
   * @returns false where it is not.
   */
  media(exchange: Exchange, target: KeptTarget): boolean {
    const open = this.#options.archive.open(target.broadcast);
    if (open !== undefined) {
      const track = open.facts.stream === target.stream ? open.tracks.get(target.track) : undefined;
      return track !== undefined && this.#media(exchange, target, track);
    }
    return this.#withBroadcast(exchange, target, target.broadcast, ({ tracks }) => {
      const track = tracks.get(target.track);
      if (track === undefined || !this.#media(exchange, target, track)) {
        this.#options.exchanges.missing(exchange.response, target);
      }
    });
  }

  #media(exchange: Exchange, target: KeptTarget, track: ArchivedTrack): boolean {
    const { exchanges } = this.#options;
    if (target.kind === 'init') {
      const init = track.init(target.config);
      if (init !== undefined) {
        exchanges.send(exchange, 'init', mediaPayload(init, track.kind), IMMUTABLE);
      }
      return init !== undefined;
    }
    const segment = track.segmentOf(target.group);
    if (segment === undefined) {
      return false;
    }
    const reading = this.#unsent.take(exchange.request, exchange.response, segment.bytes) ? this.#gate.run(() => track.read(segment)) : undefined;
    if (reading === undefined) {
      exchanges.fail(exchange.response, 'segment', 503, 'archive/busy', 'Too many segments are being read from disk, or wait to be sent.', RETRY_AFTER);
      return true;
    }
    reading.then(
      (bytes) => {
        if (bytes === undefined) {
          exchanges.missing(exchange.response, target);
        } else if (!exchange.response.destroyed) {
          exchanges.send(exchange, 'segment', mediaPayload(bytes, track.kind), IMMUTABLE);
        }
      },
      () => exchanges.fail(exchange.response, 'segment', 503, 'archive/unreadable', 'The segment cannot be read from disk.', RETRY_AFTER),
    );
    return true;
  }

  /**
   * Calls back with a broadcast of a stream: at once where it is being kept, once it is read where it is a finished recording.
   *
   * @returns false where it is neither.
   */
  #withBroadcast(exchange: Exchange, target: MediaTarget, id: BroadcastId | undefined, answer: (broadcast: ArchivedBroadcast) => void): boolean {
    const { archive, exchanges } = this.#options;
    const open = id === undefined ? undefined : archive.open(id);
    if (open?.facts.stream === target.stream) {
      answer(open);
      return true;
    }
    if (id === undefined || open !== undefined || !isRecorded(archive, target.stream, id)) {
      return false;
    }
    archive
      .find(id)
      .then((found) => {
        if (found === undefined) {
          exchanges.missing(exchange.response, target);
        } else if (!exchange.response.destroyed) {
          answer(found);
        }
      })
      .catch(() => exchanges.fail(exchange.response, target.kind, 503, 'archive/unreadable', 'The recording cannot be read from disk.', RETRY_AFTER));
    return true;
  }
}

/** Known without a look at the disk: ids that nobody has heard of cost nothing. */
function isRecorded(archive: Pick<Archive, 'recordings'>, stream: StreamName, id: BroadcastId): boolean {
  return archive.recordings(stream).some((facts) => facts.id === id);
}
