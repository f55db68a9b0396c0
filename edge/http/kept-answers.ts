import type { Archive } from '../archive/archive.ts';
import { ReadGate } from '../recordings/read-gate.ts';
import { rewindMultivariant, rewindPlaylist } from '../rewind/rewind-playlists.ts';
import type { Directory } from '../llhls/directory.ts';
import { RETRY_AFTER } from './answer.ts';
import type { Exchange, Exchanges } from './exchanges.ts';
import type { MediaTarget } from './media-path.ts';
import { IMMUTABLE, mediaPayload } from './payload.ts';

/** Old as soon as the next segment is whole. */
const REWIND_CACHING = 'public, max-age=1';

/** Segments read from disk at a time, and how many may wait for their turn: what waits beyond is asked to come again. */
const READS = { atOnce: 16, waiting: 512 };

/** What is answered from the archive. */
export type KeptAnswersOptions = { readonly archive: Pick<Archive, 'open'>; readonly directory: Directory; readonly exchanges: Exchanges };

type KeptTarget = Extract<MediaTarget, { kind: 'segment' | 'init' }>;

/** Answers requests for what has left the live window of a broadcast that is on air: from disk, under the same URLs (ADR 0010). */
export class KeptAnswers {
  readonly #options: KeptAnswersOptions;
  readonly #gate = new ReadGate(READS.atOnce, READS.waiting);

  constructor(options: KeptAnswersOptions) {
    this.#options = options;
  }

  rewind(exchange: Exchange, target: Extract<MediaTarget, { kind: 'rewind' }>): void {
    const { archive, directory, exchanges } = this.#options;
    const { stream, of } = target;
    const id = of === undefined ? directory.current(stream)?.info.broadcast : directory.broadcast(stream, of.broadcast)?.info.broadcast;
    const broadcast = id === undefined ? undefined : archive.open(id);
    const payload = broadcast && (of === undefined ? rewindMultivariant(broadcast) : rewindPlaylist(broadcast, of.track));
    if (payload === undefined) {
      exchanges.missing(exchange.response, target);
      return;
    }
    if (of !== undefined) {
      exchanges.stamp(exchange, stream, 'hls');
    }
    exchanges.send(exchange, 'rewind', payload, REWIND_CACHING);
  }

  /**
   * Answers a whole segment or an init segment that is on disk.
   *
   * @returns false where it is not.
   */
  media(exchange: Exchange, target: KeptTarget): boolean {
    const { archive, directory, exchanges } = this.#options;
    const track = directory.broadcast(target.stream, target.broadcast) === undefined ? undefined : archive.open(target.broadcast)?.tracks.get(target.track);
    if (track === undefined) {
      return false;
    }
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
    const reading = this.#gate.run(() => track.read(segment));
    if (reading === undefined) {
      exchanges.fail(exchange.response, 'segment', 503, 'archive/busy', 'Too many segments are being read from disk.', RETRY_AFTER);
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
}
