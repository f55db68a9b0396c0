import { randomUUID } from 'node:crypto';

import type { MetadataAnswer, MetadataRequest } from '#core/bus/metadata.ts';
import { EventRider, EventTrail } from '#core/media/event-trail.ts';
import type { Frame } from '#core/media/frame.ts';
import { addTicks, later, rescale, subTicks, ticksToMillis, VIDEO_TIMESCALE, type Clock, type Ticks, type Timescale, type WallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { trackName, type TrackConfig, type TrackName } from '#core/media/track.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import { readMetadataRequest } from './request.ts';
import { TokenBucket } from '#core/runtime/token-bucket.ts';

/** What an {@link EventDesk} works with. */
export type EventDeskOptions = {
  readonly clock: Clock;
  /** Tells whether a publisher is sending. */
  readonly isLive: () => boolean;
  /** Makes the ids of messages: 32 hexadecimal digits. For tests. */
  readonly makeId?: () => string;
};

/** What is said of an epoch's tracks. */
type Tracks = readonly { readonly name: TrackName; readonly config: TrackConfig }[];

type Waiting = MetadataRequest & { readonly settle: (answer: MetadataAnswer) => void; readonly refuse: (error: MillraceError) => void; readonly timer: NodeJS.Timeout };
type Stamped = Pick<Waiting, 'settle' | 'refuse'> & { readonly event: TimedEvent };

/** Messages at once, and a second in the long run (ADR 0011). */
const BURST = 20;
const PER_SECOND = 5;
/** How long a message waits for a frame, in milliseconds. */
const PATIENCE = 2000;

const VIDEO = trackName('video');

/**
 * Takes the messages for one stream's timeline and puts each on the next frame of the picture that ingest writes, of the
 * sound where there is no picture (ADR 0011). Lower layers of the picture have them on their frames of the same time.
 */
export class EventDesk {
  readonly #options: EventDeskOptions;
  /** Of those who ask, and of the publisher itself: neither takes the other's room. */
  readonly #bucket: TokenBucket;
  readonly #publishersBucket: TokenBucket;
  #waiting: Waiting[] = [];
  /** On a frame that is about to be written. */
  #stamped: Stamped[] = [];
  #carrier: TrackName | undefined;
  #scale: Timescale = VIDEO_TIMESCALE;
  /** The newest head of the carrier: what tells the wall time of its frames. */
  #clock: { readonly pts: Ticks; readonly wallTime: WallTime } | undefined;
  #trail = new EventTrail();
  #layers: ReadonlyMap<TrackName, EventRider> = new Map();

  constructor(options: EventDeskOptions) {
    this.#options = options;
    const limits = { clock: options.clock, burst: BURST, perSecond: PER_SECOND };
    this.#bucket = new TokenBucket(limits);
    this.#publishersBucket = new TokenBucket(limits);
  }

  /**
   * Takes a {@link MetadataRequest}. Settles when the frame with the message is written.
   *
   * @throws {MillraceError} as `MetadataRequest` says.
   */
  async take(payload: unknown): Promise<MetadataAnswer> {
    return await this.#accept(payload, this.#bucket);
  }

  /** Takes a message that the publisher sent on its own timeline. Why it is left out, where it is; nobody waits for what becomes of it. */
  post(request: MetadataRequest): MillraceError | undefined {
    try {
      this.#accept(request, this.#publishersBucket).catch(() => undefined);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof MillraceError) {
        return thrown;
      }
      throw thrown;
    }
  }

  /** An epoch begins: its frames follow. What waits goes on one of them. */
  begin(tracks: Tracks): void {
    const carrier = tracks.find(({ name }) => name === VIDEO) ?? tracks.find(({ config }) => config.kind === 'audio');
    this.#carrier = carrier?.name;
    this.#scale = carrier?.config.timescale ?? VIDEO_TIMESCALE;
    this.#clock = undefined;
    const layers = tracks.filter(({ name, config }) => config.kind === 'video' && name !== VIDEO).map(({ name }) => name);
    // The timeline goes on, and with it what the last frames of the epoch before have said.
    this.#layers = new Map(layers.map((name) => [name, this.#layers.get(name) ?? new EventRider(this.#trail)]));
  }

  /** The frame with the messages that belong to it. {@link wrote} has to follow. */
  stamp(frame: Frame): Frame {
    if (frame.track !== this.#carrier) {
      const events = this.#layers.get(frame.track)?.take(frame.pts, addTicks(frame.pts, frame.duration));
      return events === undefined ? frame : { ...frame, events };
    }
    if (frame.head !== undefined) {
      this.#clock = { pts: frame.pts, wallTime: frame.head.wallTime };
    }
    if (this.#waiting.length === 0) {
      return frame;
    }
    const pts = rescale(frame.pts, this.#scale, VIDEO_TIMESCALE);
    const { makeId = newId } = this.#options;
    this.#stamped = this.#waiting.map(({ type, data, settle, refuse, timer }) => {
      clearTimeout(timer);
      return { event: { id: makeId(), type, pts, data }, settle, refuse };
    });
    this.#waiting = [];
    const events = this.#stamped.map(({ event }) => event);
    this.#trail.add(events);
    return { ...frame, events };
  }

  /** The frame that {@link stamp} gave is on its way: who sent its messages is told. */
  wrote(frame: Frame): void {
    if (frame.track !== this.#carrier || this.#stamped.length === 0) {
      return;
    }
    const { broadcast, pts } = frame;
    const since = ticksToMillis(subTicks(pts, this.#clock?.pts ?? pts), this.#scale);
    const at = later(this.#clock?.wallTime ?? this.#options.clock(), since);
    for (const { event, settle } of this.#stamped.splice(0)) {
      settle({ id: event.id, type: event.type, broadcast, time: event.pts / VIDEO_TIMESCALE, wallTime: new Date(Math.round(at)).toISOString() });
    }
  }

  /** The broadcast is over: the next one has another timeline. */
  reset(): void {
    this.dismiss();
    this.#trail = new EventTrail();
    this.#layers = new Map();
  }

  /** The publisher is gone: nobody waits for a frame of it. */
  dismiss(): void {
    this.#waiting.forEach(({ timer }) => clearTimeout(timer));
    [...this.#stamped.splice(0), ...this.#waiting.splice(0)].forEach(({ refuse }) => refuse(offline()));
  }

  /** @throws {MillraceError} where it is refused at once; later the promise tells. */
  #accept(payload: unknown, bucket: TokenBucket): Promise<MetadataAnswer> {
    const request = readMetadataRequest(payload);
    if (!this.#options.isLive()) {
      throw offline();
    }
    if (!bucket.take()) {
      throw new MillraceError('metadata/too-many', `A stream takes ${BURST} messages at once and ${PER_SECOND} a second. Try again in a second.`);
    }
    const answer = Promise.withResolvers<MetadataAnswer>();
    const waiting: Waiting = {
      ...request,
      settle: answer.resolve,
      refuse: answer.reject,
      timer: setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        waiting.refuse(new MillraceError('metadata/timeout', `No frame came within ${PATIENCE / 1000} s that could carry the message. It was not sent.`));
      }, PATIENCE),
    };
    this.#waiting.push(waiting);
    return answer.promise;
  }
}

function offline(): MillraceError {
  return new MillraceError('metadata/offline', 'Nobody is publishing to this stream now.');
}

function newId(): string {
  return randomUUID().replaceAll('-', '');
}
