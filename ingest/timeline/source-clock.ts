import { elapsed, millis, wallTime, type Millis, type WallTime } from '#core/media/time.ts';

import { Unwrapper } from './unwrap.ts';

/** A step back of this much is no jitter: the encoder's clock was set anew. */
const BACKWARD_JUMP = 100;
/** A step ahead is a jump where it is at least this long and the media then comes this much before its time. */
const FORWARD_JUMP = 1000;
/** Tracks that begin further apart than this, by their arrival, do not share a zero. */
const UNRELATED = 3000;
/** How far a track may land from its expected place for the other track's jump to be its own too. */
const SAME_JUMP = 1500;
/** Two clocks may drift apart this fast (quartz: 100 ppm) without it being called delay. */
const CLOCK_DRIFT = 2e-4;

/** The two kinds of track a source may have. */
export type Kind = 'video' | 'audio';

/** A timestamp on the source's continuous clock. */
export type ClockReading = {
  /** Milliseconds since the source's first sample; rises through jumps of the encoder's clock. */
  readonly media: Millis;
  /** Present where the encoder's clock jumped here: by how much, against what was expected. */
  readonly jump?: Millis;
  /** Present on a track's first sample where the tracks do not share a zero and were aligned by arrival. */
  readonly unrelated?: Millis;
};

type TrackClock = {
  readonly unwrapper: Unwrapper;
  shift: number;
  unwrapped: number;
  media: number;
  arrival: number;
};

/**
 * One continuous clock for a source's tracks: unwraps 32-bit timestamps, splices jumps of the encoder's clock, and
 * keeps audio and video in the relation that the encoder gave them.
 *
 * A gap (the camera slept, frames were dropped) and a jump look alike in the timestamps. They are told apart by
 * arrival: after a gap the media comes when it should, after a jump ahead it seems to come before its time.
 */
export class SourceClock {
  readonly #millisPerTick: number;
  readonly #tracks = new Map<Kind, TrackClock>();
  /** Least (arrival - media) seen: the way without delay. */
  #leastDelay = Infinity;
  #newestArrival: number | undefined;
  #jumps = 0;

  /** @param clockRate Ticks per second of the timestamps; RTMP 1,000. */
  constructor(clockRate: number) {
    this.#millisPerTick = 1000 / clockRate;
  }

  /** Jumps spliced so far. A jump of both tracks together counts twice. */
  get jumps(): number {
    return this.#jumps;
  }

  /** How much later than the other track's the audio comes, by the newest samples; negative where video is later. */
  audioLag(): Millis {
    const audio = this.#tracks.get('audio');
    const video = this.#tracks.get('video');
    if (!audio || !video) {
      return millis(0);
    }
    return millis(audio.arrival - audio.media - (video.arrival - video.media));
  }

  /** How much longer than at best this media was on its way. */
  delay(media: Millis, arrival: WallTime): Millis {
    return millis(arrival - media - this.#leastDelay);
  }

  /** Places a sample's timestamp on the continuous clock. */
  read(kind: Kind, timestamp: number, arrival: WallTime): ClockReading {
    const track = this.#tracks.get(kind);
    const reading = track ? this.#next(kind, track, timestamp, arrival) : this.#first(kind, timestamp, arrival);
    const passed = Math.max(0, arrival - (this.#newestArrival ?? arrival));
    this.#newestArrival = Math.max(this.#newestArrival ?? arrival, arrival);
    this.#leastDelay = Math.min(this.#leastDelay + passed * CLOCK_DRIFT, arrival - reading.media);
    return reading;
  }

  /** Places a timestamp of a simulcast layer: on the video's clock, without effect on it. Undefined before the first video. */
  follow(timestamp: number): Millis | undefined {
    const video = this.#tracks.get('video');
    return video && millis(new Unwrapper(video.unwrapped).unwrap(timestamp) * this.#millisPerTick + video.shift);
  }

  #first(kind: Kind, timestamp: number, arrival: WallTime): ClockReading {
    const other = this.#other(kind);
    const unwrapper = new Unwrapper(other?.unwrapped);
    const unwrapped = unwrapper.unwrap(timestamp);
    const raw = unwrapped * this.#millisPerTick;
    let shift = other ? other.shift : -raw;
    let unrelated: Millis | undefined;
    if (other) {
      const expected = other.media + elapsed(wallTime(other.arrival), arrival);
      if (Math.abs(raw + shift - expected) > UNRELATED) {
        unrelated = millis(raw + shift - expected);
        shift = expected - raw;
      }
    }
    const media = raw + shift;
    this.#tracks.set(kind, { unwrapper, shift, unwrapped, media, arrival });
    return unrelated === undefined ? { media: millis(media) } : { media: millis(media), unrelated };
  }

  #next(kind: Kind, track: TrackClock, timestamp: number, arrival: WallTime): ClockReading {
    track.unwrapped = track.unwrapper.unwrap(timestamp);
    const raw = track.unwrapped * this.#millisPerTick;
    let media = raw + track.shift;
    const expected = track.media + Math.max(0, elapsed(wallTime(track.arrival), arrival));
    const jump = this.#isJump(media, track.media, arrival) ? media - expected : undefined;
    if (jump !== undefined) {
      track.shift = this.#shiftAfterJump(kind, raw, expected, track);
      media = raw + track.shift;
      this.#jumps += 1;
    }
    track.media = media;
    track.arrival = arrival;
    return jump === undefined ? { media: millis(media) } : { media: millis(media), jump: millis(jump) };
  }

  #isJump(media: number, last: number, arrival: WallTime): boolean {
    const step = media - last;
    const early = this.#leastDelay - (arrival - media);
    return step < -BACKWARD_JUMP || (step > FORWARD_JUMP && early > FORWARD_JUMP);
  }

  /** The other track's shift where it has jumped already and explains this one's jump too; else one that goes on by arrival. */
  #shiftAfterJump(kind: Kind, raw: number, expected: number, track: TrackClock): number {
    const other = this.#other(kind);
    if (other && other.shift !== track.shift && Math.abs(raw + other.shift - expected) <= SAME_JUMP) {
      return other.shift;
    }
    return expected - raw;
  }

  #other(kind: Kind): TrackClock | undefined {
    return this.#tracks.get(kind === 'video' ? 'audio' : 'video');
  }
}
