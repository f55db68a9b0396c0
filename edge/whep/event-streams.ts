import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import { elapsed, millis, systemClock, type Clock, type WallTime } from '#core/media/time.ts';

/** Events that a viewer can be told of: those of draft-ietf-wish-whep (server-sent events extension), and some of our own. */
export const EVENT_NAMES = ['active', 'inactive', 'layers', 'viewercount', 'clock', 'estimate', 'metadata', 'move'] as const;

/** One of {@link EVENT_NAMES}. */
export type EventName = (typeof EVENT_NAMES)[number];

/** Streams that one viewer may have made, and readers of them. */
const MAX_STREAMS = 4;

/** A reader that takes nothing is cut off: twenty messages of 4 KiB may come at once, everything else are some kilobytes. */
const MAX_WAITING_BYTES = 192 * 1024;

/** Messages that are told to who comes later: players listen once there is a picture, and messages are theirs from the first one on. */
const MAX_RECENT = 20;
const RECENT = millis(5000);

type EventStream = { readonly names: ReadonlySet<string>; readonly readers: Set<ServerResponse> };

/** The event streams of one viewer: what was told last is told first to who comes later, and messages of the last seconds after it. */
export class EventStreams {
  readonly #streams = new Map<string, EventStream>([['', { names: new Set(EVENT_NAMES), readers: new Set() }]]);
  readonly #latest = new Map<'state' | EventName, { readonly name: EventName; readonly line: string }>();

  readonly #clock: Clock;
  #recent: { readonly line: string; readonly at: WallTime }[] = [];

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * Makes a stream of some events; all where none are named. Of too many the oldest is destroyed.
   *
   * @returns its name within the session.
   */
  create(names: ReadonlySet<string> | undefined): string {
    const id = randomBytes(9).toString('base64url');
    const [, oldest] = this.#streams.keys();
    if (this.#streams.size > MAX_STREAMS && oldest !== undefined) {
      this.destroy(oldest);
    }
    this.#streams.set(id, { names: names ?? new Set(EVENT_NAMES), readers: new Set() });
    return id;
  }

  /** Whether there is such a stream; the empty name is the one that is always there. */
  has(id: string): boolean {
    return this.#streams.has(id);
  }

  /** Ends a stream. Idempotent. */
  destroy(id: string): void {
    this.#streams.get(id)?.readers.forEach((reader) => reader.end());
    this.#streams.delete(id);
  }

  /** Answers a request with a stream that {@link has} confirmed: what is so now, then what changes. */
  attach(id: string, response: ServerResponse): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      response.end();
      return;
    }
    const [oldest] = stream.readers;
    if (stream.readers.size >= MAX_STREAMS && oldest !== undefined) {
      // Now, not when it closes: one that waits behind another answer of its connection may never close.
      stream.readers.delete(oldest);
      oldest.end();
    }
    stream.readers.add(response);
    response.once('close', () => stream.readers.delete(response));
    response.once('error', () => stream.readers.delete(response));
    for (const { name, line } of this.#latest.values()) {
      write(stream, response, name, line);
    }
    const now = this.#clock();
    this.#recent.filter(({ at }) => elapsed(at, now) <= RECENT).forEach(({ line }) => write(stream, response, 'metadata', line));
  }

  /** Tells all who listen for it. */
  tell(name: EventName, data: unknown): void {
    const line = JSON.stringify(data);
    if (name === 'metadata') {
      this.#recent = [...this.#recent.slice(1 - MAX_RECENT), { line, at: this.#clock() }];
    } else {
      // Whether there is a publication is one state, told by two events.
      this.#latest.set(name === 'active' || name === 'inactive' ? 'state' : name, { name, line });
    }
    for (const stream of this.#streams.values()) {
      stream.readers.forEach((reader) => write(stream, reader, name, line));
    }
  }

  /** Whether anybody listens. */
  get isHeard(): boolean {
    return [...this.#streams.values()].some(({ readers }) => readers.size > 0);
  }

  /** Keeps the connections of readers from looking dead to what is between. Call it about every 15 s. */
  keepAlive(): void {
    this.#streams.forEach(({ readers }) => [...readers].filter(({ writableEnded, destroyed }) => !writableEnded && !destroyed).forEach((reader) => reader.write(':\n\n')));
  }

  /** Ends all streams. Idempotent. */
  close(): void {
    [...this.#streams.keys()].forEach((id) => this.destroy(id));
  }
}

function write({ names, readers }: EventStream, reader: ServerResponse, name: EventName, line: string): void {
  if (!names.has(name) || reader.writableEnded || reader.destroyed) {
    return;
  }
  if (reader.writableLength > MAX_WAITING_BYTES) {
    readers.delete(reader);
    reader.destroy();
    return;
  }
  reader.write(`event: ${name}\ndata: ${line}\n\n`);
}
