import type { Bus, TrackConsumer } from '#core/bus/bus.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import { createPacketizer, type Packetizer, type RtpCodec } from '#core/media/rtp/packetizer.ts';
import { millis, type Clock, type Millis, type Ticks } from '#core/media/time.ts';
import { secondsOf, type TrackConfig, type TrackName } from '#core/media/track.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Capture } from './capture.ts';
import { CatchUp } from './catch-up.ts';
import { FeedEvents, type FeedEvent } from './feed-events.ts';

/**
 * Groups of the last so long are asked for at the start: a key frame is among them where each group begins with one or
 * layers have one in each; else all that the bus keeps.
 */
const BACKLOGS = [millis(2100), millis(8000)];

/** Bounds of what is kept for entry: at 60 frames a second, 20 s without an IDR. Beyond them entry waits for the next one. */
const MAX_KEPT_FRAMES = 1200;
const MAX_KEPT_BYTES = 24 * 1024 * 1024;

/** Who reads a feed. Calls must not throw. */
export interface FeedReader {
  /** The feed has one more frame. */
  fed(feed: RenditionFeed): void;
}

/** What a feed is made from. */
export type FeedOptions = {
  readonly bus: Bus;
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  /** The clock that the broadcast's wall time is about. */
  readonly clock: Clock;
  readonly log: Logger;
  /** Groups lost because this thread read too slowly. */
  readonly lost?: (groups: number) => void;
};

/**
 * One rendition as RTP payloads, made once for all its viewers. Frames are numbered as they come, without a hole: each can be
 * decoded after the one before it, or is a key frame. Kept are those since the last key frame but one.
 */
export class RenditionFeed {
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  readonly #options: FeedOptions;
  #consumer: TrackConsumer;
  readonly #readers = new Set<FeedReader>();
  readonly #rate = new RateMeter();
  readonly #events = new FeedEvents();
  #catchUp: CatchUp | undefined;
  /** The bus is still handing over what it had. */
  #isBehind = false;
  #kept: PacketizedFrame[] = [];
  #keptBytes = 0;
  #first = 0;
  /** Numbers of the key frames that are kept. */
  #keys: number[] = [];
  #packetizer: { readonly codec: RtpCodec; readonly packetizer: Packetizer } | undefined;
  #capture: Capture | undefined;
  /** Frames before the next key frame cannot be decoded. */
  #broken = true;
  #lost = 0;

  constructor(options: FeedOptions) {
    this.broadcast = options.broadcast;
    this.track = options.track;
    this.#options = options;
    this.#consumer = this.#open(BACKLOGS[0]);
    if (this.newestKey === undefined) {
      this.#consumer.close();
      this.#consumer = this.#open(BACKLOGS[1]);
    }
    // What the bus had came all at once: its speed says nothing.
    this.#catchUp = new CatchUp();
    this.#isBehind = this.#consumer.isBehind === true;
    void this.#pump();
  }

  /** An encoder that began late is working off what came before: the newest frame is not the newest there is. No time to enter. */
  get isCatchingUp(): boolean {
    return this.#consumer.isBehind === true || (this.#catchUp?.isCatchingUp ?? false);
  }

  /** Number of the frame that comes next. */
  get end(): number {
    return this.#first + this.#kept.length;
  }

  /** Number of the newest key frame; undefined while there is none. */
  get newestKey(): number | undefined {
    return this.#keys.at(-1);
  }

  /** The newest frame. */
  get newest(): PacketizedFrame | undefined {
    return this.#kept.at(-1);
  }

  /** When the newest group's first frame left the camera. */
  get capture(): Capture | undefined {
    return this.#capture;
  }

  /** Bits per second of media time, the larger of the last two seconds; undefined before the first is whole. */
  get bitrate(): number | undefined {
    return this.#rate.bitsPerSecond;
  }

  /** A frame by its number, while it is kept. */
  at(number: number): PacketizedFrame | undefined {
    return this.#kept[number - this.#first];
  }

  /** Number of the first kept key frame that is shown after an instant. */
  keyAfter(timestamp: Ticks): number | undefined {
    return this.#keys.find((number) => (this.at(number)?.timestamp ?? 0) > timestamp);
  }

  /** Messages on frames after an instant, and up to another, in ticks of the RTP clock. */
  eventsBetween(after: number, upTo: number): readonly FeedEvent[] {
    return this.#events.between(after, upTo);
  }

  /** Is told of every frame from now on, until the function that it returns is called. */
  read(reader: FeedReader): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** Ends the subscription. Idempotent. */
  close(): void {
    this.#consumer.close();
    this.#readers.clear();
  }

  #open(backlog: Millis | undefined): TrackConsumer {
    const { bus, broadcast, track } = this.#options;
    const consumer = bus.consume(broadcast, track, backlog === undefined ? {} : { backlog });
    this.#broken = true;
    for (let frame = consumer.tryNext(); frame !== undefined; frame = consumer.tryNext()) {
      this.#take(frame, consumer);
    }
    return consumer;
  }

  async #pump(): Promise<void> {
    for (let frame = await this.#consumer.next(); frame !== undefined; frame = await this.#consumer.next()) {
      this.#take(frame, this.#consumer);
    }
  }

  #take(frame: Frame, consumer: TrackConsumer): void {
    const { groups } = consumer.losses;
    if (groups !== this.#lost) {
      this.#options.lost?.(groups - this.#lost);
      this.#lost = groups;
      this.#broken = true;
    }
    // An epoch begins with another encoder's first frame.
    this.#broken ||= this.newest !== undefined && frame.epoch !== this.newest.epoch;
    const packetized = this.#packetize(frame);
    this.#events.add(frame, this.#capture);
    if (packetized === undefined || (this.#broken && !packetized.key)) {
      this.#broken = true;
      return;
    }
    this.#broken = false;
    this.#keep(packetized);
    this.#isBehind = consumer.isBehind === true;
    for (const reader of this.#readers) {
      reader.fed(this);
    }
  }

  #packetize(frame: Frame): PacketizedFrame | undefined {
    try {
      if (frame.head !== undefined) {
        this.#configure(frame.head.config);
        this.#capture = { wallTime: frame.head.wallTime, seconds: secondsOf(frame.pts, frame.head.config) };
      }
      return this.#packetizer?.packetizer.packetize(frame);
    } catch (thrown) {
      this.#options.log.warn({ track: frame.track, group: frame.group }, `A frame cannot be sent over WebRTC: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  #configure(config: TrackConfig): void {
    const codec = rtpCodec(config);
    if (codec === undefined) {
      this.#packetizer = undefined;
    } else if (this.#packetizer?.codec !== codec) {
      this.#broken = true;
      this.#packetizer = { codec, packetizer: createPacketizer(codec) };
    }
  }

  #keep(frame: PacketizedFrame): void {
    this.#rate.add(frame);
    if (this.#capture !== undefined && !this.#isBehind) {
      this.#catchUp?.add(secondsOf(frame.timestamp, frame.config), this.#capture, this.#options.clock());
    }
    if (frame.key) {
      this.#dropBefore(this.newestKey ?? this.end);
      this.#keys = [...this.#keys.slice(-1), this.end];
    }
    this.#kept.push(frame);
    this.#keptBytes += frame.byteLength;
    if (this.#kept.length > MAX_KEPT_FRAMES || this.#keptBytes > MAX_KEPT_BYTES) {
      this.#dropBefore(this.end - 1);
    }
  }

  #dropBefore(number: number): void {
    for (const frame of this.#kept.splice(0, number - this.#first)) {
      this.#keptBytes -= frame.byteLength;
      this.#first += 1;
    }
    this.#keys = this.#keys.filter((key) => key >= this.#first);
  }
}

/** The RTP payload format of a track; undefined where WebRTC has none for it. */
export function rtpCodec(config: TrackConfig): RtpCodec | undefined {
  return config.codec === 'aac' || config.codec === 'hevc' ? undefined : config.codec;
}

/** Measures by whole seconds of media time. */
class RateMeter {
  #second: number | undefined;
  #bytes = 0;
  #last: number | undefined;
  #before = 0;

  get bitsPerSecond(): number | undefined {
    return this.#last === undefined ? undefined : 8 * Math.max(this.#last, this.#before);
  }

  add({ timestamp, config, byteLength }: PacketizedFrame): void {
    const second = Math.floor(secondsOf(timestamp, config));
    if (this.#second !== undefined && second !== this.#second) {
      // What came before the first whole second may be the rest of one.
      this.#before = this.#last ?? 0;
      this.#last = this.#bytes;
    }
    if (second !== this.#second) {
      this.#second = second;
      this.#bytes = 0;
    }
    this.#bytes += byteLength;
  }
}
