import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EdgeRoute } from './edge-route.ts';
import { EdgeWatch } from './edge-watch.ts';

const home = 'https://a.test/';
const b = 'https://b.test/';
const c = 'https://c.test/';

/** What an edge does when it is asked whether it lives: answers after so many milliseconds, refuses, or says nothing. */
type Mood = number | 'refuses' | 'silent';

describe('the watch over edges', () => {
  let moods: Record<string, Mood>;
  let asked: string[];
  let warmed: string[];
  let route: EdgeRoute;
  let watch: EdgeWatch;

  beforeEach(() => {
    vi.useFakeTimers();
    moods = { [home]: 5, [b]: 5, [c]: 5 };
    [asked, warmed] = [[], []];
    route = new EdgeRoute(home);
    watch = new EdgeWatch(route, (base, signal) => {
      asked.push(base);
      const mood = moods[base] ?? 'refuses';
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        if (mood === 'refuses') {
          reject(new Error('refused'));
        } else if (mood !== 'silent') {
          setTimeout(resolve, mood);
        }
      });
    }, (url) => warmed.push(url));
    route.learn([home, b, c]);
  });

  afterEach(() => {
    watch.close();
    vi.useRealTimers();
  });

  const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

  it('asks nobody while requests are answered', async () => {
    for (let i = 0; i < 50; i += 1) {
      const exchange = watch.open(home, { lost: () => undefined });
      await pass(200);
      exchange.heard();
      exchange.close();
    }
    expect(asked).toEqual([]);
  });

  it('moves from an edge that accepts requests and never answers, within a second, and tells who waits for it', async () => {
    moods[home] = 'silent';
    const lost = vi.fn();
    watch.open(home, { lost });
    await pass(600);
    expect(asked).toEqual([]);
    await pass(405);
    expect(route.base).toBe(b);
    expect(route.moves[0]?.because).toBe('lost');
    expect(lost).toHaveBeenCalledTimes(1);
  });

  it('lets the next edge fetch the stream while it waits for one in doubt, and for no other', async () => {
    watch.open(home, { lost: () => undefined, url: `${home}live/cam/b1/v/index.m3u8` });
    await pass(800);
    expect(warmed).toEqual([]);
    moods[home] = 'silent';
    await pass(1_500);
    expect(warmed).toEqual([`${b}live/cam/b1/v/index.m3u8`]);
  });

  it('moves at once from an edge that refuses to be asked', async () => {
    moods[home] = 'refuses';
    const answer = watch.suspect(home);
    await pass(5);
    expect(await answer).toBe(false);
    expect(route.base).toBe(b);
  });

  it('goes to the edge that answers first', async () => {
    moods = { [home]: 'silent', [b]: 'silent', [c]: 20 };
    watch.open(home, { lost: () => undefined });
    await pass(1_200);
    expect(route.base).toBe(c);
  });

  it('stays with an edge that lives, though its publisher is silent, and asks it less and less often', async () => {
    watch.open(home, { lost: () => undefined });
    await pass(12_000);
    expect(route.base).toBe(home);
    expect(asked.filter((base) => base === home).length).toBeLessThan(7);
    expect(asked.filter((base) => base === home).length).toBeGreaterThan(3);
  });

  it('is patient no longer once the publisher is back', async () => {
    const first = watch.open(home, { lost: () => undefined });
    await pass(6_000);
    first.heard();
    first.close();
    moods[home] = 'silent';
    watch.open(home, { lost: () => undefined });
    await pass(1_200);
    expect(route.base).toBe(b);
  });

  it('stays where nobody answers: it is our own line', async () => {
    moods = { [home]: 'silent', [b]: 'silent', [c]: 'refuses' };
    const lost = vi.fn();
    watch.open(home, { lost });
    await pass(10_000);
    expect(route.base).toBe(home);
    expect(lost).not.toHaveBeenCalled();
  });

  it('gives an edge on a slow line half as long again as the other took', async () => {
    moods = { [home]: 900, [b]: 700, [c]: 'silent' };
    const answer = watch.suspect(home);
    await pass(899);
    expect(route.base).toBe(home);
    await pass(1);
    expect(await answer).toBe(true);
  });

  it('takes bytes that come for life', async () => {
    moods[home] = 'silent';
    let bytes = 0;
    watch.open(home, { lost: () => undefined, received: () => bytes });
    for (let i = 0; i < 30; i += 1) {
      bytes += 100;
      await pass(200);
    }
    expect(asked).toEqual([]);
    await pass(1_400);
    expect(route.base).toBe(b);
  });

  it('stays where bytes come while the question does not get through', async () => {
    moods[home] = 'silent';
    const exchange = watch.open(home, { lost: () => undefined });
    await pass(900);
    exchange.heard();
    await pass(300);
    expect(route.base).toBe(home);
  });

  it('tells requests to a dead edge when something else has found it out', () => {
    const lost = vi.fn();
    const other = vi.fn();
    watch.open(home, { lost });
    watch.open(b, { lost: other });
    route.failed(home);
    expect(lost).toHaveBeenCalledTimes(1);
    expect(other).not.toHaveBeenCalled();
  });

  it('lets requests to an edge that is only draining go on', () => {
    const lost = vi.fn();
    watch.open(home, { lost });
    route.moveTo(b, 'draining');
    expect(lost).not.toHaveBeenCalled();
  });

  it('asks nobody where there is one edge', async () => {
    const alone = new EdgeWatch(new EdgeRoute(home), () => {
      asked.push('alone');
      return Promise.resolve();
    }, () => undefined);
    alone.open(home, { lost: () => undefined });
    await pass(5_000);
    expect(asked).toEqual([]);
    alone.close();
  });

  it('lets go of everything when it is closed', async () => {
    moods[home] = 'silent';
    const lost = vi.fn();
    watch.open(home, { lost });
    watch.close();
    await pass(5_000);
    expect(asked).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
