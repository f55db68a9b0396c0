import { describe, expect, it } from 'vitest';
import { sessionUrl } from './whip-http.ts';

describe('the URL of a WHIP session', () => {
  it.each([
    ['/whip/cam/x', 'http://host:8080/whip', 'http://host:8080/whip/cam/x'],
    ['/whip/cam/x', 'http://host:8080/whip/cam', 'http://host:8080/whip/cam/x'],
    ['/whip/cam/x', 'https://host/live-tv/whip', 'https://host/live-tv/whip/cam/x'],
    ['/live-tv/whip/cam/x', 'https://host/live-tv/whip', 'https://host/live-tv/whip/cam/x'],
    ['https://ingest2.example/whip/cam/x', 'https://host/live-tv/whip', 'https://ingest2.example/whip/cam/x'],
  ])('%s, offered at %s, is %s', (location, offered, is) => {
    expect(sessionUrl(location, offered)).toBe(is);
  });
});
