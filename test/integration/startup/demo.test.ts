import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startPublisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server[Symbol.asyncDispose]());

type StreamFacts = { state: string; source?: { encoder?: string; video?: { width?: number } } };

async function demo(): Promise<StreamFacts> {
  return (await (await fetch(`${server.url}/api/v1/streams/demo`)).json()) as StreamFacts;
}

/** The media playlist's newest text of the best rung. */
async function master(): Promise<string> {
  const answer = await fetch(`${server.url}/live/demo/master.m3u8`);
  expect(answer.ok).toBe(true);
  return answer.text();
}

const isShown = (resolution: string) => async (): Promise<boolean> => (await master()).includes(`RESOLUTION=${resolution}`);

describe('the demo channel', () => {
  test('is on air a few seconds after the start, and its key is printed once and kept for this user alone', async () => {
    await until('the card to be on air', isShown('640x360'));
    const path = join(server.dataDir, 'demo-key');
    const key = (await readFile(path, 'utf8')).trim();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(server.log().split(key)).toHaveLength(2);
    expect(server.log()).toContain(`Watch       ${server.url.replace('127.0.0.1', 'localhost')}/watch/demo`);
  });

  test('is taken over by a broadcaster with its key, and the card comes back when they leave', async () => {
    await until('the card to be on air', isShown('640x360'));
    const key = (await readFile(join(server.dataDir, 'demo-key'), 'utf8')).trim();
    const publisher = startPublisher({ url: server.publishUrl(key), size: '320x240', seconds: 60 });
    try {
      await until('the broadcaster to be on air', isShown('320x240'));
      expect((await demo()).state).toBe('live');
      expect(publisher.process.exitCode).toBeNull();
    } finally {
      await publisher.stop();
    }
    await until('the card to be back', isShown('640x360'));
    expect((await demo()).state).toBe('live');
  });
});

describe('the demo channel is off', () => {
  test.each([
    ['where it is switched off', { demo: 'off' }],
    ['where a key is configured', { streamKeys: ['main_abcdefghijklmnop'] }],
  ])('%s', async (_, config) => {
    await using other = await startServer({ config });
    expect((await fetch(`${other.url}/live/demo/master.m3u8`)).status).toBe(404);
    await expect(stat(join(other.dataDir, 'demo-key'))).rejects.toThrow('ENOENT');
    expect(other.log()).not.toMatch(/abcdefghijklmnop/);
  });
});
