import { beforeEach, describe, expect, it } from 'vitest';
import { EventSchedule } from './event-schedule.ts';
import type { EngineEvent } from './timed-message.ts';

let raised: string[];
let schedule: EventSchedule;

beforeEach(() => {
  raised = [];
  schedule = new EventSchedule(({ id }) => raised.push(id));
});

const start = Date.UTC(2026, 0, 1);

/** A message at a position; its wall time is that long after the year's beginning. */
function at(id: string, position: number): EngineEvent {
  const wallTime = new Date(start + position * 1_000).toISOString();
  return { message: { id, type: 'poll', data: null, time: position, wallTime }, place: { kind: 'position', position } };
}

function onWire(id: string, timestamp: number, media: 'video' | 'audio' = 'video'): EngineEvent {
  return { message: { id, type: 'poll', data: null, time: null, wallTime: null }, place: { kind: 'rtp', media, timestamp } };
}

const show = (position: number): void => schedule.shown({ kind: 'position', position }, start + position * 1_000);
const showFrame = (timestamp: number, media: 'video' | 'audio' = 'video'): void => schedule.shown({ kind: 'rtp', media, timestamp });

describe('what plays on', () => {
  it('raises a message with its frame, once, however often it is told', () => {
    show(9.9);
    schedule.learn(at('a', 10));
    show(9.966);
    expect(raised).toEqual([]);
    show(10);
    schedule.learn(at('a', 10));
    show(10.033);
    expect(raised).toEqual(['a']);
  });

  it('takes the frame for its own whose time was rounded by some milliseconds', () => {
    show(9.9);
    schedule.learn(at('a', 10.001));
    show(9.967);
    expect(raised).toEqual([]);
    show(9.9993);
    expect(raised).toEqual(['a']);
  });

  it('follows a message whose place becomes more exact', () => {
    show(9);
    schedule.learn(at('a', 9.2));
    schedule.learn(at('a', 9.5));
    show(9.3);
    expect(raised).toEqual([]);
    show(9.5);
    expect(raised).toEqual(['a']);
  });

  it('raises everything in the order of the timeline where nobody looked for long, as in a page that was hidden', () => {
    show(10);
    for (const position of [40, 12, 20]) {
      schedule.learn(at(`at ${position}`, position));
    }
    show(41);
    expect(raised).toEqual(['at 12', 'at 20', 'at 40']);
  });

  it('raises at once what comes less than two seconds late, and not what is older', () => {
    show(100);
    schedule.learn(at('late', 98.1));
    schedule.learn(at('old', 97.9));
    show(100.033);
    expect(raised).toEqual(['late']);
  });

  it('says how far the next message lies ahead', () => {
    schedule.learn(at('a', 12));
    schedule.learn(at('b', 11));
    expect(schedule.nextAfter({ kind: 'position', position: 10 })).toBe(1);
    show(10);
    show(12);
    expect(schedule.nextAfter({ kind: 'position', position: 12 })).toBeUndefined();
  });
});

describe('who comes', () => {
  it('is told of the last two seconds and not of what was before', () => {
    for (const position of [10, 95, 98.5, 99.9, 101]) {
      schedule.learn(at(`at ${position}`, position));
    }
    show(100);
    expect(raised).toEqual(['at 98.5', 'at 99.9']);
    show(101);
    expect(raised).toEqual(['at 98.5', 'at 99.9', 'at 101']);
  });

  it('and who jumps ahead likewise', () => {
    show(10);
    for (const position of [15, 29, 31]) {
      schedule.learn(at(`at ${position}`, position));
    }
    schedule.jumps();
    show(30);
    expect(raised).toEqual(['at 29']);
  });
});

describe('who goes back', () => {
  it('sees the messages after the new position once more', () => {
    schedule.learn(at('a', 20));
    schedule.learn(at('b', 30));
    show(19);
    show(20);
    show(30);
    schedule.jumps();
    show(25);
    show(30);
    expect(raised).toEqual(['a', 'b', 'b']);
  });

  it('sees those too that had come too late to be raised', () => {
    schedule.learn(at('a', 20));
    show(100);
    expect(raised).toEqual([]);
    schedule.jumps();
    show(19);
    show(20);
    expect(raised).toEqual(['a']);
  });

  it('not by a hair: a decoder that was nudged raises nothing twice', () => {
    show(19.9);
    schedule.learn(at('a', 20));
    show(20.1);
    schedule.jumps();
    show(19.95);
    show(20);
    expect(raised).toEqual(['a']);
  });
});

describe('over WebRTC', () => {
  it('raises a message with the frame that has its timestamp, or the next one that is shown', () => {
    showFrame(3000);
    schedule.learn(onWire('a', 6000));
    schedule.learn(onWire('b', 9000));
    showFrame(6000);
    expect(raised).toEqual(['a']);
    showFrame(12_000);
    expect(raised).toEqual(['a', 'b']);
  });

  it('goes on where timestamps wrap', () => {
    showFrame(2 ** 32 - 3000);
    schedule.learn(onWire('a', 0));
    expect(raised).toEqual([]);
    showFrame(0);
    expect(raised).toEqual(['a']);
  });

  it('has sound tell the time of messages on sound only', () => {
    schedule.learn(onWire('a', 48_000, 'audio'));
    showFrame(90_000);
    expect(raised).toEqual([]);
    showFrame(48_000, 'audio');
    expect(raised).toEqual(['a']);
  });
});

describe('another engine', () => {
  it('raises nothing again that the one before it raised', () => {
    schedule.learn(onWire('a', 3000));
    showFrame(3000);
    schedule.renew();
    schedule.learn(at('a', 10));
    schedule.learn(at('b', 10.5));
    show(9.5);
    show(10);
    show(10.5);
    expect(raised).toEqual(['a', 'b']);
  });

  it('that goes back by more than two seconds raises what lies after where it begins', () => {
    schedule.learn(at('a', 95));
    schedule.learn(at('b', 100));
    show(94);
    show(100);
    schedule.renew();
    schedule.learn(at('a', 95));
    show(90);
    schedule.learn(at('b', 100));
    show(95);
    show(100);
    expect(raised).toEqual(['a', 'b', 'a', 'b']);
  });
});

it('keeps a thousand messages at most', () => {
  for (let n = 0; n < 3_000; n += 1) {
    schedule.learn(at(String(n), n));
    show(n);
  }
  expect(schedule.size).toBe(1_000);
  schedule.renew();
  expect(schedule.size).toBe(1_000);
});
