import { chunk } from '#core/media/containers/fmp4/chunk.ts';
import { eventBox } from '#core/media/containers/fmp4/emsg.ts';
import type { BroadcastId, Frame, GroupHead } from '#core/media/frame.ts';
import { addTicks, subTicks, ticksToMillis, type Millis, type Ticks, type Timescale, type WallTime } from '#core/media/time.ts';
import type { ConfigId, TrackName } from '#core/media/track.ts';
import type { PartSpan } from './part-cutter.ts';
import type { Part, Segment } from './segment.ts';
import { sequenceNumber } from './sequence-number.ts';

/** The segment of the group that is being packaged. Its fields rise as parts come. */
export class GrowingSegment implements Segment {
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  readonly epoch: number;
  readonly group: number;
  readonly config: ConfigId;
  readonly wallTime: WallTime;
  readonly timescale: Timescale;
  readonly pts: Ticks;
  readonly dts: Ticks;
  readonly #parts: Part[] = [];
  #ticks = 0 as Ticks;
  #bytes = 0;
  #complete = false;

  /** Begins the segment of a group with its first frame and that frame's head; the frame itself comes with its part. */
  constructor(first: Frame, head: GroupHead) {
    this.broadcast = first.broadcast;
    this.track = first.track;
    this.epoch = first.epoch;
    this.group = first.group;
    this.config = first.config;
    this.wallTime = head.wallTime;
    this.timescale = head.config.timescale;
    this.pts = first.pts;
    this.dts = first.dts;
  }

  get parts(): readonly Part[] {
    return this.#parts;
  }

  get ticks(): Ticks {
    return this.#ticks;
  }

  get duration(): Millis {
    return ticksToMillis(this.#ticks, this.timescale);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** Appends the next part: a chunk. The first part of a segment tells the group's wall time (`prft`); each part has the messages of its frames (`emsg`). */
  append({ frames, start, end }: PartSpan): Part {
    const index = this.#parts.length;
    const events = frames.flatMap((frame) => frame.events ?? []);
    const bytes = chunk(frames, {
      sequence: sequenceNumber(this.group, index),
      start,
      end,
      ...(index === 0 ? { producerReference: { wallTime: this.wallTime, pts: this.pts } } : {}),
      messages: events.map((event) => eventBox(event, this.timescale)),
    });
    const ticks = subTicks(end, start);
    const part: Part = {
      group: this.group,
      index,
      duration: ticksToMillis(ticks, this.timescale),
      independent: frames.some((frame) => frame.key),
      bytes,
      offset: this.#bytes,
      ...(events.length === 0 ? {} : { events }),
    };
    this.#parts.push(part);
    this.#ticks = addTicks(this.#ticks, ticks);
    this.#bytes += bytes.length;
    return part;
  }

  /** No further part will come. */
  close(): void {
    this.#complete = true;
  }
}
