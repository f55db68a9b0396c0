import { afterAll, beforeAll, expect, test } from 'vitest';

import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { COLOURS, pixelsOf, publishColours } from './colours.ts';

const KEY = 'main_abcdefghijklmnop';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ config: { streamKeys: [KEY], ladder: 'source', transcodeCapacity: 50 } });
});
afterAll(() => server?.[Symbol.asyncDispose]());

test('what a kill left out of a recording\'s pictures is made by the next process', async () => {
  const publisher = publishColours(server.publishUrl(KEY), 60);
  const jsonOf = async (path: string): Promise<Record<string, unknown>> => (await (await fetch(server.url + path)).json()) as Record<string, unknown>;
  try {
    const recording = await until('21 s to be on disk', async () => {
      const { recordings } = (await jsonOf('/api/v1/recordings?stream=main')) as { recordings: { id: string; duration: number }[] };
      return recordings.find(({ duration }) => duration > 21);
    }, { deadline: 40_000, every: 200 });
    await server.kill();
    publisher.kill('SIGKILL');
    await server.start();
    const path = `/recordings/${recording.id}`;
    const vtt = await until('the storyboard to be complete', async () => {
      const text = await (await fetch(`${server.url}${path}/storyboard.vtt`)).text();
      const { state } = await jsonOf(`/api/v1/recordings/${recording.id}`);
      return state === 'finished' && text.includes('storyboard-0.jpg#') ? text : undefined;
    }, { deadline: 80_000, every: 500 });
    const cues = [...vtt.matchAll(/^(\S+) --> \S+\nstoryboard-0\.jpg#xywh=(\d+),(\d+),160,90$/gm)];
    expect(cues.map(([, start]) => start?.slice(0, 8))).toEqual(['00:00:00', '00:00:10', '00:00:20']);
    const sprite = pixelsOf(new Uint8Array(await (await fetch(`${server.url}${path}/storyboard-0.jpg`)).arrayBuffer()));
    expect(cues.map(([, , x, y]) => sprite.at(Number(x) + 80, Number(y) + 45))).toEqual(COLOURS.slice(0, 3));
    const poster = await fetch(`${server.url}${path}/poster.jpg`);
    expect(pixelsOf(new Uint8Array(await poster.arrayBuffer())).at(320, 180)).toBe('lime');
  } finally {
    publisher.kill('SIGKILL');
  }
}, 180_000);
