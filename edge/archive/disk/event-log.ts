import { join } from 'node:path';

import { z } from 'zod';

import { ticks, ticksToMillis, VIDEO_TIMESCALE, type Millis } from '#core/media/time.ts';
import { MAX_EVENT_BYTES, type TimedEvent } from '#core/media/timed-event.ts';

import { EVENTS_FILE } from '../format/names.ts';
import { isMissing, sizeOf, type Disk, type DiskFile } from './disk.ts';

/** Messages kept of one broadcast: ten hours of five a second, 32 MiB of them. */
const MAX_EVENTS = 180_000;
const MAX_BYTES = 32 * 1024 * 1024;

/** Below so many bytes the file is not written anew. */
const COMPACT_FROM = 1024 * 1024;

const eventSchema = z.object({ id: z.string(), type: z.string(), pts: z.number().int().min(0).transform(ticks), data: z.string().max(MAX_EVENT_BYTES) });

/** The messages of a broadcast, in memory and in `events.jsonl`. */
export class EventLog {
  readonly events: TimedEvent[] = [];
  readonly #ids = new Set<string>();
  readonly #disk: Disk;
  readonly #path: string;
  #file: DiskFile | undefined;
  #length = 0;
  /** Of the data of all messages. */
  #bytes = 0;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#path = join(folder, EVENTS_FILE);
  }

  /** Reads what is there: lines to the last whole one; those that make no sense are left out. */
  async load(): Promise<void> {
    const bytes = await this.#disk.readFile(this.#path).catch((error: unknown) => {
      if (isMissing(error)) {
        return Buffer.alloc(0);
      }
      throw error;
    });
    this.#length = bytes.lastIndexOf('\n') + 1;
    for (const line of bytes.toString('utf8', 0, this.#length).split('\n')) {
      const event = parseEvent(line);
      if (event !== undefined) {
        this.add(event);
      }
    }
  }

  /** Adds a message; false where it is known (each rung of the picture carries it), or there are too many. */
  add(event: TimedEvent): boolean {
    if (this.#ids.has(event.id) || this.events.length >= MAX_EVENTS || this.#bytes + event.data.length > MAX_BYTES) {
      return false;
    }
    this.#ids.add(event.id);
    this.#bytes += event.data.length;
    const at = this.events.findLastIndex(({ pts }) => pts <= event.pts) + 1;
    this.events.splice(at, 0, event);
    return true;
  }

  /** Lets go of messages before an instant of the timeline. */
  forgetBefore(start: Millis): void {
    const stay = this.events.findIndex(({ pts }) => ticksToMillis(pts, VIDEO_TIMESCALE) >= start);
    const gone = this.events.splice(0, stay < 0 ? this.events.length : stay);
    for (const { id, data } of gone) {
      this.#ids.delete(id);
      this.#bytes -= data.length;
    }
  }

  /** Writes the file anew where most of it is of messages that were let go of. */
  async compact(): Promise<void> {
    if (this.#length > Math.max(COMPACT_FROM, this.#bytes * 4)) {
      const text = this.events.map(lineOf).join('');
      await this.close();
      await this.#disk.replaceFile(this.#path, text);
      this.#length = Buffer.byteLength(text);
    }
  }

  /** Appends messages to the file. */
  async write(events: readonly TimedEvent[]): Promise<void> {
    const bytes = Buffer.from(events.map(lineOf).join(''));
    if (this.#file === undefined) {
      this.#length = Math.min(this.#length, (await sizeOf(this.#disk, this.#path)) ?? 0);
      this.#file = await this.#disk.open(this.#path, 'write');
      await this.#file.truncate(this.#length);
    }
    await this.#file.write([bytes], this.#length);
    this.#length += bytes.length;
  }

  /** Closes the file; writing opens it again, and cuts off what a write that failed has left. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}

function lineOf(event: TimedEvent): string {
  return `${JSON.stringify(event)}\n`;
}

function parseEvent(line: string): TimedEvent | undefined {
  try {
    return line === '' ? undefined : eventSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
