import { describe, expect, it } from 'vitest';
import { wallTime } from '#core/media/time.ts';
import { readStream } from '../api/streams.ts';
import { RewindOffer } from './rewind-offer.ts';

const noon = Date.parse('2026-01-02T12:00:00Z');
const answer = (over: Record<string, unknown> = {}) =>
  readStream({ stream: 'cam', state: 'live', broadcast: 'b1', startedAt: new Date(noon).toISOString(), rewind: { seconds: 60, url: '/live/cam/rewind.m3u8' }, ...over });
const after = (seconds: number) => wallTime(noon + seconds * 1_000);

describe('what is offered of the past', () => {
  it('reaches back to the beginning, and no farther than the window', () => {
    const offer = new RewindOffer();
    offer.tell(answer(), after(20));
    expect([offer.state, offer.reach(after(20)), offer.oldest(after(20))]).toEqual(['on', 20_000, after(0)]);
    offer.tell(answer(), after(300));
    expect([offer.reach(after(300)), offer.oldest(after(300))]).toEqual([60_000, after(246)]);
    expect(offer.reach(after(-5))).toBe(0);
  });

  it('grows between two answers, while the window fills up', () => {
    const offer = new RewindOffer();
    offer.tell(answer({ rewind: { seconds: 16, url: '/' } }), after(20));
    expect([20, 24, 200].map((now) => offer.reach(after(now)))).toEqual([16_000, 20_000, 26_000]);
  });

  it.each([
    ['the server has none', [answer({ rewind: null })], 'none'],
    ['it goes off', [answer(), answer({ rewind: null })], 'lost'],
    ['it comes back', [answer(), answer({ rewind: null }), answer()], 'on'],
    ['the next broadcast has none', [answer(), answer({ rewind: null, broadcast: 'b2' })], 'none'],
    ['the broadcast is over', [answer(), answer({ state: 'offline', broadcast: null })], 'none'],
    ['there is no such stream', [answer(), undefined], 'none'],
    ['the publisher is gone for a moment', [answer(), answer({ state: 'interrupted' })], 'on'],
  ])('says so when %s', (_what, answers, state) => {
    const offer = new RewindOffer();
    answers.forEach((facts) => offer.tell(facts, after(30)));
    expect(offer.state).toBe(state);
    expect(offer.reach(after(30)) > 0).toBe(state !== 'none');
  });
});
