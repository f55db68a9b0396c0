import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IngestChoice } from './ingest-choice.ts';

describe('where a browser publishes', () => {
  let list: unknown;
  let choice: IngestChoice;
  const { signal } = new AbortController();
  const ingest = (name: string, whip = true) => ({ node: name, url: `https://${name}.test`, whip });

  beforeEach(() => {
    list = { ingests: [ingest('a'), ingest('b')], ttl: 10 };
    vi.stubGlobal('fetch', () => (list === undefined ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve(Response.json(list))));
    choice = new IngestChoice({ home: 'https://live.test/', own: '/whip', list: '/api/v1/ingests' });
  });

  afterEach(() => vi.unstubAllGlobals());

  it('is the best ingest that takes WHIP', async () => {
    list = { ingests: [ingest('rtmp-only', false), ingest('b')] };
    expect(await choice.next(signal)).toBe('https://b.test/whip');
  });

  it('is the page’s own server where that stands alone, or does not say', async () => {
    list = { ingests: [] };
    expect(await choice.next(signal)).toBe('/whip');
    list = undefined;
    expect(await choice.next(signal)).toBe('/whip');
  });

  it('stays the same while it works, though another is better by now', async () => {
    await choice.next(signal);
    choice.works();
    list = { ingests: [ingest('b'), ingest('a')] };
    expect(await choice.next(signal)).toBe('https://a.test/whip');
  });

  it('is another one after a failure, where there is any', async () => {
    await choice.next(signal);
    choice.failed();
    expect(await choice.next(signal)).toBe('https://b.test/whip');
    list = { ingests: [ingest('a')] };
    choice.failed();
    expect(await choice.next(signal)).toBe('https://a.test/whip');
  });

  it.each([[{ ingests: [{ url: 7, whip: true }] }], ['no list'], [{ ingests: [{ url: 'http://plain.test', whip: true }] }]])('is the page’s own server after %j', async (body) => {
    list = body;
    expect(await choice.next(signal)).toBe('/whip');
  });
});
