import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';

import { millis, wallTime } from '#core/media/time.ts';

import type { WindowSegment } from '../llhls/window-segment.ts';
import { GrowingAnswer } from './growing-answer.ts';
import { mediaPayload } from './payload.ts';

/** A connection that takes no more once it has so many bytes, until it is drained. */
class SlowResponse extends EventEmitter {
  readonly written: number[] = [];
  state: 'open' | 'ended' | 'destroyed' = 'open';
  taken = true;

  writeHead(): void {}

  write(bytes: Buffer): boolean {
    this.written.push(bytes.length);
    return this.taken;
  }

  end(): void {
    this.state = 'ended';
  }

  destroy(): void {
    this.state = 'destroyed';
  }
}

function segmentOf(...sizes: readonly number[]): WindowSegment {
  const parts = sizes.map((size, index) => ({ index, duration: millis(200), independent: index === 0, media: mediaPayload(new Uint8Array(size), 'video') }));
  return { group: 7, epoch: 0, config: undefined, wallTime: wallTime(0), parts, duration: millis(0), bytes: 0, complete: false, gap: false, start: millis(0) };
}

function answerOf(segment: WindowSegment) {
  const response = new SlowResponse();
  const ends: string[] = [];
  const answer = new GrowingAnswer(response as unknown as ServerResponse, segment, (bytes, outcome) => ends.push(`${bytes} ${outcome}`));
  return { response, ends, answer };
}

test('a reader that takes no more keeps a place in the segment, not bytes of its own', () => {
  const segment = segmentOf(10, 20, 30);
  const { response, answer, ends } = answerOf(segment);
  response.taken = false;
  expect([answer.advance(), response.written]).toEqual([false, [10]]);
  segment.parts.push(...segmentOf(40).parts);
  segment.complete = true;
  expect([answer.advance(), response.written]).toEqual([false, [10]]);
  response.taken = true;
  response.emit('drain');
  expect([response.written, response.state, ends, answer.isOver]).toEqual([[10, 20, 30, 40], 'ended', ['100 whole'], true]);
});

test('a segment that is given up is torn at once, wherever its reader is, and told once', () => {
  const segment = segmentOf(10, 20);
  const { response, answer, ends } = answerOf(segment);
  answer.advance();
  segment.gap = segment.complete = true;
  expect([answer.advance(), response.state, ends]).toEqual([true, 'destroyed', ['30 torn']]);
  answer.giveUp();
  response.emit('close');
  expect(ends).toHaveLength(1);
});

test('a part that is lost tears what has been sent before it', () => {
  const segment = segmentOf(10);
  segment.parts.push({ index: 1, duration: millis(200), independent: false, media: undefined });
  const { response, answer } = answerOf(segment);
  expect([answer.advance(), response.written, response.state]).toEqual([true, [10], 'destroyed']);
});

test('who hangs up is told of nothing more', () => {
  const segment = segmentOf(10);
  const { response, answer, ends } = answerOf(segment);
  answer.advance();
  response.emit('close');
  segment.parts.push(...segmentOf(20).parts);
  expect([answer.advance(), response.written, ends]).toEqual([true, [10], ['10 torn']]);
});
