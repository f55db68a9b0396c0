import { elapsed, millis, ticksToMillis, type Millis, type Ticks, type Timescale, type WallTime } from '#core/media/time.ts';
import type { ConfigId, TrackName } from '#core/media/track.ts';

/** A segment that begins, as far as the division into periods needs to know it. */
export type BegunSegment = {
  readonly epoch: number;
  readonly group: number;
  readonly config: ConfigId | undefined;
  readonly timescale: Timescale;
  readonly pts: Ticks;
  readonly wallTime: WallTime;
};

/** Where a period begins. Nothing of it changes once a manifest has told it. */
export type PeriodAnchor = {
  /** The epoch, with `-<group>` where a period begins in its middle. */
  readonly id: string;
  readonly epoch: number;
  /** First group of the period. */
  readonly group: number;
  /** `Period@start`. */
  readonly start: Millis;
  /** Media time at the start. */
  readonly mediaStart: Millis;
  /** Media time and wall time of the period's first segment. */
  readonly reference: { readonly media: Millis; readonly wallTime: WallTime };
};

/**
 * Starts lie on this grid of media time: a whole number of ticks at 90 kHz and at every sample rate that is a multiple of 25, so that
 * `presentationTimeOffset` is exact in every track.
 */
const GRID = millis(40);

/**
 * How far presentation time may be from wall time before a new period puts it right. Players measure latency by `availabilityStartTime`: an
 * encoder's clock that is 50 ppm off needs an hour and a half for this.
 */
const MAX_DRIFT = millis(100);

/** Periods that are remembered while nobody asks for a manifest. Each time that viewers come back a new one begins. */
const MAX_ANCHORS = 256;

/**
 * Divides a broadcast into periods: a new one begins with each epoch, with a new decoder configuration, after a group that every rendition lost, and where
 * the publisher's clock has drifted. Presentation time is wall time since the broadcast's start, because players take it for that
 * (ISO/IEC 23009-1, 5.3.9.5.3), while media time runs ahead of it by up to a second on the grid of seconds (ADR 0001).
 */
export class PeriodAnchors {
  readonly #startedAt: WallTime;
  readonly #configs = new Map<TrackName, { readonly epoch: number; readonly config: ConfigId }>();
  #anchors: PeriodAnchor[] = [];
  #told = 0;
  #newest: { readonly epoch: number; readonly group: number } | undefined;

  constructor(startedAt: WallTime) {
    this.#startedAt = startedAt;
  }

  /** Oldest first. */
  get all(): readonly PeriodAnchor[] {
    return this.#anchors;
  }

  /** A segment of a track is there, or begins. Segments of one track come in order; those told already are ignored. */
  begin(track: TrackName, segment: BegunSegment): void {
    const newest = this.#newest;
    const anchor = this.#anchors.at(-1);
    const isNew = newest === undefined || segment.epoch > newest.epoch || (segment.epoch === newest.epoch && segment.group > newest.group);
    const known = this.#configs.get(track);
    const isReconfigured = known?.epoch === segment.epoch && segment.config !== undefined && known.config !== segment.config;
    if (segment.config !== undefined) {
      this.#configs.set(track, { epoch: segment.epoch, config: segment.config });
    }
    if (anchor === undefined || segment.epoch > anchor.epoch) {
      this.#add(segment, anchor);
    } else if (segment.epoch === anchor.epoch && segment.group > anchor.group) {
      const lost = isNew && newest !== undefined && segment.group > newest.group + 1;
      if (lost || isReconfigured) {
        this.#add(segment, anchor);
      } else if (isNew) {
        this.#correct(segment, anchor);
      }
    }
    if (isNew) {
      this.#newest = { epoch: segment.epoch, group: segment.group };
    }
  }

  /** A manifest lists the periods as they are now. */
  tell(): void {
    this.#told = this.#anchors.length;
  }

  /** Forgets the periods before the one that a group lies in. */
  forgetBefore(epoch: number, group: number): void {
    const keep = this.#anchors.findLastIndex((anchor) => anchor.epoch < epoch || (anchor.epoch === epoch && anchor.group <= group));
    if (keep > 0) {
      this.#anchors = this.#anchors.slice(keep);
      this.#told = Math.max(0, this.#told - keep);
    }
  }

  /** How far wall time since the start is ahead of media time. */
  #shift({ wallTime, pts, timescale }: BegunSegment): Millis {
    return millis(elapsed(this.#startedAt, wallTime) - ticksToMillis(pts, timescale));
  }

  /**
   * Puts right a period that is not where wall time is: by a new one, once it was told. A period that nobody knows of yet is put right in its place: the
   * estimate of a broadcast's wall time improves in its first seconds.
   */
  #correct(segment: BegunSegment, anchor: PeriodAnchor): void {
    const drift = Math.abs(this.#shift(segment) - (anchor.start - anchor.mediaStart));
    const isTold = this.#told >= this.#anchors.length;
    if (drift < (isTold ? MAX_DRIFT : GRID)) {
      return;
    }
    if (isTold) {
      this.#add(segment, anchor);
      return;
    }
    const reference = { media: ticksToMillis(segment.pts, segment.timescale), wallTime: segment.wallTime };
    const place = placed(anchor.reference.media, this.#roundShift(segment), this.#anchors.at(-2));
    this.#anchors[this.#anchors.length - 1] = { ...anchor, ...place, reference };
  }

  #add(segment: BegunSegment, before: PeriodAnchor | undefined): void {
    const media = ticksToMillis(segment.pts, segment.timescale);
    const known = before && millis(before.start - before.mediaStart);
    // An epoch that follows without a pause goes on in presentation time as it does in media time.
    const goesOn = known !== undefined && Math.abs(this.#shift(segment) - known) < MAX_DRIFT;
    const shift = goesOn ? known : this.#roundShift(segment);
    const isFirst = this.#anchors.length === 0 || segment.epoch !== before?.epoch;
    this.#anchors.push({
      id: isFirst ? `${segment.epoch}` : `${segment.epoch}-${segment.group}`,
      epoch: segment.epoch,
      group: segment.group,
      ...placed(media, shift, before),
      reference: { media, wallTime: segment.wallTime },
    });
    if (this.#anchors.length > MAX_ANCHORS) {
      this.#anchors.shift();
      this.#told = Math.max(0, this.#told - 1);
    }
  }

  #roundShift(segment: BegunSegment): Millis {
    return millis(Math.round(this.#shift(segment) / GRID) * GRID);
  }
}

/**
 * Where a period begins whose first segment lies at `media`. Not before the presentation does, nor before the period before: what would lie there is cut, as
 * its presentation time is below that of the period's start.
 */
function placed(media: Millis, shift: Millis, before: PeriodAnchor | undefined): Pick<PeriodAnchor, 'start' | 'mediaStart'> {
  const start = Math.max(Math.floor(media / GRID) * GRID + shift, before === undefined ? 0 : before.start + GRID);
  return { start: millis(start), mediaStart: millis(start - shift) };
}
