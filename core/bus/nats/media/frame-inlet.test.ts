import type { Msg } from '@nats-io/transport-node';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { createLog } from '../../../runtime/log.ts';
import { testBroadcast, testFrame, testTrack } from '../../testing/frames.ts';
import { MediaCounters } from './counters.ts';
import { FrameInlet } from './frame-inlet.ts';
import { writeFrame, type NumberedFrame } from './message.ts';

const OWN = 1;
const RUN = 7;
const { log } = createLog({ level: 'silent' });

/** A line whose messages the test hands over. */
class Line {
  #deliver: ((message: Msg) => void) | undefined;

  subscribe = (_subject: string, { callback }: { callback: (error: Error | null, message: Msg) => void }): never => {
    this.#deliver = (message) => callback(null, message);
    return { unsubscribe: () => (this.#deliver = undefined) } as never;
  };

  isClosed = (): boolean => false;

  bring(messages: readonly Uint8Array[]): void {
    messages.forEach((data) => this.#deliver?.({ data } as Msg));
  }
}

/** Messages of a frame; `pieces` of them. */
function frame(number: number, { run = RUN, isAfterDrop = false, bytes = 10 } = {}): readonly Uint8Array[] {
  return writeFrame({ run, number, isAfterDrop, frame: testFrame(number + 1, 0, { bytes }) }, 1024);
}

describe('frames of several lines', () => {
  let lines: readonly [Line, Line, Line];
  let counters: MediaCounters;
  let got: number[];
  let damaged: number;
  let inlet: FrameInlet;

  const open = (...used: readonly Line[]): FrameInlet => {
    const made = new FrameInlet({
      lines: used as never,
      subject: 'frames',
      run: OWN,
      broadcast: testBroadcast,
      track: testTrack,
      counters,
      log,
      damaged: () => (damaged += 1),
      frame: ({ number }: NumberedFrame) => got.push(number),
    });
    made.open();
    return made;
  };

  beforeEach(() => {
    lines = [new Line(), new Line(), new Line()];
    counters = new MediaCounters();
    got = [];
    damaged = 0;
    inlet = open(...lines);
  });

  it('come once, by the line that is first with each', () => {
    lines[0].bring(frame(0));
    lines[1].bring(frame(0));
    lines[1].bring(frame(1));
    lines[2].bring(frame(0));
    lines[0].bring(frame(1));
    lines[0].bring(frame(2));
    expect([got, counters.in.frames]).toEqual([[0, 1, 2], 3]);
  });

  it('that one line left out come by another that is behind it', () => {
    lines.forEach((line) => line.bring(frame(0)));
    // The second was away for 1 to 3, while the others stand still.
    lines[1].bring(frame(4));
    expect(got).toEqual([0]);
    [1, 2, 3, 4].forEach((number) => lines[0].bring(frame(number)));
    lines[1].bring(frame(5));
    expect(got).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('that every line left out are not waited for', () => {
    lines.forEach((line) => line.bring(frame(0)));
    lines.forEach((line) => line.bring(frame(4)));
    expect(got).toEqual([0, 4]);
  });

  it('are not waited for on a line that has brought nothing for a second', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      lines.forEach((line) => line.bring(frame(0)));
      vi.advanceTimersByTime(1001);
      lines[1].bring(frame(4));
      expect(got).toEqual([0, 4]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that their writer dropped are not waited for', () => {
    lines.forEach((line) => line.bring(frame(0)));
    lines[1].bring(frame(4, { isAfterDrop: true }));
    expect(got).toEqual([0, 4]);
  });

  it('in pieces are joined for each line apart, and what one line tore is no damage', () => {
    const pieces = frame(0, { bytes: 5000 });
    expect(pieces.length).toBeGreaterThan(3);
    lines[0].bring(pieces.slice(0, 2));
    lines[1].bring(pieces);
    lines[0].bring(frame(1));
    inlet.sweep();
    inlet.sweep();
    expect([got, damaged]).toEqual([[0, 1], 0]);
  });

  it('in pieces that stop coming are damage where there is one line', () => {
    const line = new Line();
    const only = open(line);
    line.bring(frame(0, { bytes: 5000 }).slice(0, 2));
    only.sweep();
    only.sweep();
    expect(damaged).toBe(1);
  });

  it('of this process itself, which spare lines bring back, are nobody\'s', () => {
    lines[1].bring(frame(0, { run: OWN }));
    expect([got, counters.in.frames, counters.in.bytes]).toEqual([[], 0, 0]);
  });

  it('go on by the others when the first line is lost, and by the first when it is back', () => {
    lines.forEach((line) => line.bring(frame(0)));
    inlet.disconnected();
    lines[1].bring(frame(1));
    lines[1].bring(frame(2));
    lines[0].bring(frame(2));
    lines[0].bring(frame(3));
    expect(got).toEqual([0, 1, 2, 3]);
  });

  it('come no more once it is closed', () => {
    inlet.close();
    lines[0].bring(frame(0));
    expect([got, inlet.isOpen]).toEqual([[], false]);
  });
});
