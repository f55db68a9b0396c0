import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';

import { describe, expect, it } from 'vitest';

import { wallTime } from '#core/media/time.ts';

import { EventStreams } from './event-streams.ts';

/** A reader that remembers what it was written. */
class Reader extends EventEmitter {
  readonly lines: string[] = [];
  readonly writableEnded = false;
  readonly destroyed = false;
  readonly writableLength = 0;

  write(text: string): boolean {
    this.lines.push(text);
    return true;
  }

  end(): void {
    this.emit('close');
  }
}

function setUp() {
  const time = { now: wallTime(0) };
  const streams = new EventStreams(() => time.now);
  const read = (): string[] => {
    const reader = new Reader();
    streams.attach('', reader as unknown as ServerResponse);
    return reader.lines;
  };
  return { time, streams, read };
}

describe('messages on the event streams of a viewer', () => {
  it('are told as they come, and all those of the last five seconds to who comes later', () => {
    const { time, streams, read } = setUp();
    const first = read();
    streams.tell('metadata', { id: 'a' });
    time.now = wallTime(2000);
    streams.tell('metadata', { id: 'b' });
    streams.tell('clock', { wall: 1 });
    time.now = wallTime(5001);
    expect(read()).toEqual(['event: clock\ndata: {"wall":1}\n\n', 'event: metadata\ndata: {"id":"b"}\n\n']);
    expect(first).toEqual(['event: metadata\ndata: {"id":"a"}\n\n', 'event: metadata\ndata: {"id":"b"}\n\n', 'event: clock\ndata: {"wall":1}\n\n']);
  });

  it('are kept twenty at a time', () => {
    const { streams, read } = setUp();
    for (let n = 0; n < 25; n++) {
      streams.tell('metadata', n);
    }
    expect(read().map((line) => line.split('data: ')[1]?.trim())).toEqual(Array.from({ length: 20 }, (_, at) => String(at + 5)));
  });
});
