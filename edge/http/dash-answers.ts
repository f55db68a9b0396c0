import type { BroadcastId } from '#core/media/frame.ts';
import type { Clock } from '#core/media/time.ts';

import type { Archive } from '../archive/archive.ts';
import { DashBroadcast, type ManifestView } from '../lldash/dash-broadcast.ts';
import { parseManifestQuery, type ManifestQuery } from '../lldash/manifest-query.ts';
import type { ManifestOptions } from '../lldash/manifest.ts';
import type { BroadcastWindow } from '../llhls/broadcast-window.ts';
import type { Directory } from '../llhls/directory.ts';
import type { WindowSegment } from '../llhls/window-segment.ts';
import type { Exchange, Exchanges } from './exchanges.ts';
import { GrowingAnswer, growingHeaders } from './growing-answer.ts';
import type { MediaTarget } from './media-path.ts';
import type { RequestObserver } from './metrics.ts';
import { IMMUTABLE, type Payload } from './payload.ts';

/** Old as soon as the next group begins. */
const MANIFEST_CACHING = 'public, max-age=1';

/** What LL-DASH is answered with. */
export type DashAnswersOptions = ManifestOptions & {
  readonly directory: Directory;
  readonly exchanges: Exchanges;
  readonly metrics: RequestObserver;
  readonly clock: Clock;
  readonly archive?: Pick<Archive, 'open'> | undefined;
  /** Whether a broadcast's manifests lie elsewhere in this process: they list what is kept on disk. */
  readonly isElsewhere?: ((window: BroadcastWindow) => boolean) | undefined;
};

type SegmentTarget = Extract<MediaTarget, { kind: 'segment' }>;
type ManifestTarget = Extract<MediaTarget, { kind: 'manifest' }>;

/** Answers requests for manifests, and for segments that are not whole yet. */
export class DashAnswers {
  readonly #options: DashAnswersOptions;
  readonly #broadcasts = new WeakMap<BroadcastWindow, DashBroadcast>();

  constructor(options: DashAnswersOptions) {
    this.#options = options;
    // From the first frame on: where a broadcast's periods begin must not depend on when somebody asked first.
    options.directory.onWindow((window) => {
      const broadcast = new DashBroadcast(window, options);
      this.#broadcasts.set(window, broadcast);
      window.attach(broadcast);
    });
  }

  manifest(exchange: Exchange, target: ManifestTarget): void {
    const { exchanges } = this.#options;
    const query = parseManifestQuery(exchange.query);
    if (query === undefined) {
      exchanges.fail(exchange.response, 'manifest', 400, 'dash/query', 'The parameters after or broadcast are malformed.');
      return;
    }
    const window = this.#windowOf(target, query.broadcast);
    const broadcast = window && this.#broadcasts.get(window);
    if (window === undefined || broadcast === undefined || this.#options.isElsewhere?.(window) === true) {
      exchanges.missing(exchange.response, target);
      return;
    }
    this.#wanted(exchange, target, { window, broadcast }, query);
  }

  /**
   * Answers a segment that grows, or is the next to begin.
   *
   * @returns false where it is neither.
   */
  segment(exchange: Exchange, target: SegmentTarget): boolean {
    const window = this.#options.directory.broadcast(target.stream, target.broadcast);
    const segments = window && this.#broadcasts.get(window)?.segments;
    const found = segments?.find(target.track, target.group);
    if (segments === undefined || found === undefined) {
      return false;
    }
    if (found === 'wait') {
      this.#options.exchanges.wait(exchange, {
        kind: 'segment',
        queue: (waiter) => segments.await(target.track, target.group, waiter),
        send: (payload) => this.#options.exchanges.send(exchange, 'segment', payload, IMMUTABLE),
        instead: (outcome) => outcome === 'arrived' && this.segment(exchange, target),
      });
    } else {
      this.#grow(exchange, target, segments, found);
    }
    return true;
  }

  /** Answers once every track is followed, and what there is of it is here. */
  #wanted(exchange: Exchange, target: ManifestTarget, of: { readonly window: BroadcastWindow; readonly broadcast: DashBroadcast }, query: ManifestQuery): void {
    const { exchanges } = this.#options;
    const state = of.broadcast.want();
    if (state === 'ready') {
      this.#manifestOf(exchange, target, of.broadcast, query);
    } else if (state === 'refused') {
      exchanges.full(exchange.response, 'manifest');
    } else {
      exchanges.wait(exchange, {
        kind: 'manifest',
        queue: (waiter) => of.window.awaitAll(waiter),
        send: (payload) => exchanges.send(exchange, 'manifest', payload, MANIFEST_CACHING),
        instead: (outcome) => {
          if (outcome === 'arrived') {
            this.#wanted(exchange, target, of, query);
          }
          return outcome === 'arrived';
        },
      });
    }
  }

  #manifestOf(exchange: Exchange, target: ManifestTarget, broadcast: DashBroadcast, { after }: ManifestQuery): void {
    const { exchanges } = this.#options;
    const viewer = exchanges.stamp(exchange, target.stream, 'dash');
    const found = broadcast.manifestAfter(after);
    const send = (payload: Payload): void => exchanges.send(exchange, 'manifest', broadcast.manifest(viewOf(exchange, target, broadcast.base)) ?? payload, MANIFEST_CACHING);
    if (found !== 'wait') {
      send(found);
      return;
    }
    exchanges.wait(exchange, {
      kind: 'manifest',
      viewer,
      queue: (waiter) => broadcast.awaitManifest(after, waiter),
      send,
      // Players give up after a few errors; that nothing new has come is told by the manifest as well.
      instead: (outcome) => {
        const manifest = outcome === 'timeout' && after !== undefined ? broadcast.manifest() : undefined;
        if (manifest !== undefined) {
          send(manifest);
        }
        return manifest !== undefined;
      },
    });
  }

  /** What is on air; or the broadcast that a player is in the middle of, be it over. */
  #windowOf({ stream }: ManifestTarget, id: BroadcastId | undefined): BroadcastWindow | undefined {
    const { directory } = this.#options;
    return (id === undefined ? undefined : directory.broadcast(stream, id)) ?? directory.current(stream);
  }

  #grow(exchange: Exchange, { track }: SegmentTarget, segments: DashBroadcast['segments'], segment: WindowSegment): void {
    const { exchanges, metrics, clock } = this.#options;
    const { request, response } = exchange;
    if (request.method === 'HEAD') {
      response.writeHead(200, growingHeaders(segment) as string[]);
      response.end();
      metrics.answered('segment', 200, 0);
      return;
    }
    const leave = exchanges.enter(exchange, 'segment');
    if (leave === undefined) {
      return;
    }
    let unfollow: (() => void) | undefined;
    const answer = new GrowingAnswer(response, segment, (bytes) => {
      leave();
      unfollow?.();
      metrics.answered('segment', 200, bytes);
    });
    if (!answer.advance()) {
      unfollow = segments.follow(track, segment, answer, clock());
    }
  }
}

function viewOf({ request }: Exchange, { isSigned }: ManifestTarget, base: string): ManifestView {
  const host = request.headers.host ?? request.headers[':authority'];
  return isSigned === true ? 'signed' : base !== '' && host === new URL(base).host ? 'named' : 'here';
}
