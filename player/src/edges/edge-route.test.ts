import { beforeEach, describe, expect, it } from 'vitest';
import { EdgeRoute } from './edge-route.ts';
import type { EdgeMove } from './edge-route.ts';

const home = 'https://a.test/tv/';
const b = 'https://b.test/tv/';
const c = 'https://c.test/';

describe('the route to the edges', () => {
  let now: number;
  let route: EdgeRoute;
  let moves: EdgeMove[];

  beforeEach(() => {
    now = 0;
    moves = [];
    route = new EdgeRoute(home, { now: () => now, random: () => 1 });
    route.onMove((move) => moves.push(move));
  });

  it('stays at home where there is no other edge, whatever fails', () => {
    expect(route.failed(home)).toBe(false);
    expect(route.base).toBe(home);
    expect(route.url('/tv/live/cam/master.m3u8')).toBe(`${home}live/cam/master.m3u8`);
    expect(moves).toEqual([]);
  });

  it('leaves a list of one alone that is not home: it may be home by another name', () => {
    route.learn([b]);
    expect(route.others).toEqual([]);
    route.learn([home]);
    route.learn([b]);
    expect(route.others).toEqual([b]);
  });

  it('goes to the best other edge when the one in use fails, and tells of it', () => {
    route.learn([b, home, c]);
    now = 5;
    expect(route.failed(home)).toBe(true);
    expect(route.base).toBe(b);
    expect(moves).toEqual([{ at: 5, from: home, to: b, because: 'lost' }]);
  });

  it('goes to the one that is known to answer', () => {
    route.learn([b, home, c]);
    route.failed(home, c);
    expect(route.base).toBe(c);
  });

  it('does not move when an edge fails that is not in use, and does not go there next', () => {
    route.learn([b, c, home]);
    expect(route.failed(b)).toBe(true);
    expect(route.base).toBe(home);
    expect(route.others).toEqual([c, b]);
  });

  it('lets an edge rest that failed, longer each time, until it works again', () => {
    route.learn([home, b, c]);
    route.failed(b);
    now = 1_999;
    expect(route.others).toEqual([c, b]);
    now = 2_000;
    expect(route.others).toEqual([b, c]);
    route.failed(b);
    now = 5_999;
    expect(route.others).toEqual([c, b]);
    now = 6_000;
    expect(route.others).toEqual([b, c]);
    route.works(b);
    route.failed(b);
    now = 8_000;
    expect(route.others).toEqual([b, c]);
  });

  it('goes to an edge that rests where there is no better one', () => {
    route.learn([home, b]);
    route.failed(home);
    expect(route.failed(b)).toBe(true);
    expect(route.base).toBe(home);
  });

  it('remembers edges that the list names no more, as the last to go to: one that was away a moment ago may be the only one left', () => {
    route.learn([home, b, c]);
    route.learn([home, c]);
    expect(route.others).toEqual([c, b]);
    route.learn([home]);
    expect(route.others).toEqual([c, b]);
    expect(route.failed(home)).toBe(true);
    route.learn([home, b]);
    expect(route.others).toEqual([b, home]);
    route.learn(Array.from({ length: 12 }, (_, i) => `https://edge-${i}.test/`));
    route.learn([home]);
    // Eight of them, and no more.
    expect(route.others.length).toBeLessThanOrEqual(9);
  });

  it('does not come back to an edge that is ending, though it is listed', () => {
    route.learn([home, b, c]);
    route.moveTo(b, 'draining');
    now = 60_000;
    expect(route.others).toEqual([c, home]);
  });

  it('goes to an edge that none has listed, when it is told to', () => {
    expect(route.moveTo('https://d.test', 'draining')).toBe(true);
    expect(route.base).toBe('https://d.test/');
    expect(route.moveTo('https://d.test/', 'draining')).toBe(false);
  });

  it('knows home when it is no longer listed', () => {
    route.learn([home, b]);
    route.failed(home);
    route.learn([b]);
    expect(route.others).toEqual([home]);
  });

  it.each([
    ['plain HTTP, from a page that came by HTTPS', 'http://d.test/'],
    ['another scheme', 'javascript:alert(1)'],
    ['what is no URL', 'https://'],
    ['what is no text', null],
  ])('leaves out %s', (_what, edge) => {
    route.learn([home, b, edge]);
    expect(route.others).toEqual([b]);
    expect(route.moveTo(String(edge), 'draining')).toBe(false);
  });

  it('puts URLs below home at the edge in use, and back, and leaves others alone', () => {
    route.moveTo(b, 'draining');
    expect(route.url('/tv/live/cam/master.m3u8?x=1')).toBe('https://b.test/tv/live/cam/master.m3u8?x=1');
    expect(route.homeOf(b, 'https://b.test/tv/live/cam/a/index.m3u8')).toBe('https://a.test/tv/live/cam/a/index.m3u8');
    // An edge has sent us to where the rewind window is kept.
    expect(route.homeOf(b, 'https://archive.test/live/cam/rewind.m3u8')).toBe('https://archive.test/live/cam/rewind.m3u8');
    expect(route.url('https://archive.test/live/cam/1/x.m4s')).toBe('https://archive.test/live/cam/1/x.m4s');
    expect(route.url('/elsewhere')).toBe('https://a.test/elsewhere');
  });

  it('remembers the last fifty moves', () => {
    route.learn([home, b]);
    Array.from({ length: 120 }).forEach(() => route.failed(route.base));
    expect(route.moves).toHaveLength(50);
    expect(route.moves.at(-1)?.from).toBe(b);
  });
});
