import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { RECORDINGS_SUBJECT, type Recording } from '#core/recording/recording.ts';

import { Downloads } from './downloads.ts';
import { serveRecordings } from './serve.ts';
import { epochOf, RECORDING, recorded, STARTED } from './testing/recorded.ts';

const bus = createLocalBus();
let stop = (): void => {};

afterEach(() => stop());

async function serving(open = false) {
  const { archive, broadcast } = await recorded(epochOf('source-30', 0), { open });
  stop = serveRecordings(bus, archive, new Downloads(pino({ level: 'silent' })));
  return { archive, broadcast, ask: (payload: unknown) => bus.request(RECORDINGS_SUBJECT, payload) };
}

test('a recording is told with its picture, its length and the size of its download', async () => {
  const { ask, broadcast } = await serving();
  const recording = (await ask({ do: 'get', id: RECORDING })) as Recording;
  expect(recording).toMatchObject({ id: RECORDING, stream: 'demo', state: 'finished', startedAt: STARTED, width: 320, height: 180, bytes: broadcast.facts.bytes, lostGroups: 0 });
  expect(recording.duration).toBeCloseTo(12_032, -2);
  expect(recording.downloadBytes).toBeGreaterThan(200_000);
  expect(recording.downloadBytes).toBeLessThan(broadcast.facts.bytes);
});

test('a list has all recordings, or those of a stream', async () => {
  const { ask } = await serving();
  expect(await ask({ do: 'list' })).toMatchObject({ recordings: [{ id: RECORDING, width: 320 }] });
  expect(await ask({ do: 'list', stream: 'demo' })).toMatchObject({ recordings: [{ id: RECORDING }] });
  expect(await ask({ do: 'list', stream: 'another' })).toEqual({ recordings: [] });
});

test('one in progress has no end and no download', async () => {
  const { ask } = await serving(true);
  const recording = (await ask({ do: 'get', id: RECORDING })) as Recording;
  expect(recording.state).toBe('recording');
  expect(recording).not.toHaveProperty('endedAt');
  expect(recording).not.toHaveProperty('downloadBytes');
  await expect(ask({ do: 'remove', id: RECORDING })).rejects.toMatchObject({ code: 'recording/in-progress' });
});

test('what is removed is gone', async () => {
  const { ask } = await serving();
  expect(await ask({ do: 'remove', id: RECORDING })).toEqual({});
  await expect(ask({ do: 'get', id: RECORDING })).rejects.toMatchObject({ code: 'recording/unknown' });
  await expect(ask({ do: 'remove', id: RECORDING })).rejects.toMatchObject({ code: 'recording/unknown' });
  expect(await ask({ do: 'list' })).toEqual({ recordings: [] });
});

test.each([{ do: 'get', id: '../etc' }, { do: 'remove', id: 'x' }, { do: 'get', id: 'abcdefgh' }])('%o is unknown', async (payload) => {
  const { ask } = await serving();
  await expect(ask(payload)).rejects.toMatchObject({ code: 'recording/unknown' });
});

test.each([undefined, 'list', {}, { do: 'drop' }, { do: 'get' }, { do: 'list', stream: 3 }])('%o is malformed', async (payload) => {
  const { ask } = await serving();
  await expect(ask(payload)).rejects.toMatchObject({ code: 'recording/malformed' });
});

test('a list looks into each recording once, and tells the size of a download that was planned since', async () => {
  const { archive, ask } = await serving();
  const find = vi.spyOn(archive, 'find');
  const first = (await ask({ do: 'list' })) as { readonly recordings: readonly Recording[] };
  expect(first.recordings).toMatchObject([{ id: RECORDING, width: 320, height: 180 }]);
  expect(await ask({ do: 'list' })).toEqual(first);
  expect(find).toHaveBeenCalledTimes(1);
  const { downloadBytes } = (await ask({ do: 'get', id: RECORDING })) as Recording;
  expect(downloadBytes).toBeGreaterThan(200_000);
  expect(await ask({ do: 'list' })).toMatchObject({ recordings: [{ id: RECORDING, width: 320, downloadBytes }] });
});
