import { expect, test } from 'vitest';

import { Turns } from './turns.ts';

/** A job that ends when the test says so, and notes its beginning. */
function job(name: string, begun: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { run: () => (begun.push(name), promise), end: () => resolve(name), fail: () => reject(new Error(name)) };
}

test('one job runs at a time, and who is waited for comes first', async () => {
  const turns = new Turns();
  const begun: string[] = [];
  const [first, slow, urgent] = [job('first', begun), job('slow', begun), job('urgent', begun)];
  const results = [turns.take(false, first.run), turns.take(false, slow.run), turns.take(true, urgent.run)];
  expect([begun, turns.waiting]).toEqual([['first'], 2]);
  first.end();
  await results[0];
  await expect.poll(() => begun).toEqual(['first', 'urgent']);
  urgent.end();
  slow.end();
  expect(await Promise.all(results)).toEqual(['first', 'slow', 'urgent']);
  expect(begun).toEqual(['first', 'urgent', 'slow']);
});

test('a job that fails fails alone', async () => {
  const turns = new Turns();
  const bad = job('bad', []);
  const results = [turns.take(true, bad.run), turns.take(true, () => Promise.resolve('good'))];
  bad.fail();
  await expect(results[0]).rejects.toThrow('bad');
  expect(await results[1]).toBe('good');
});

test('no more than 512 wait', async () => {
  const turns = new Turns();
  const endless = job('endless', []);
  void turns.take(true, endless.run);
  const waiting = Array.from({ length: 512 }, (_, n) => turns.take(n % 2 === 0, () => Promise.resolve()));
  await expect(turns.take(true, () => Promise.resolve())).rejects.toMatchObject({ code: 'pictures/busy' });
  endless.end();
  await Promise.all(waiting);
});

test('once closed, who waits and who comes is refused; what runs goes on', async () => {
  const turns = new Turns();
  const running = job('running', []);
  const results = [turns.take(true, running.run), turns.take(true, () => Promise.resolve('never'))];
  turns.close();
  await expect(results[1]).rejects.toMatchObject({ code: 'pictures/stopped' });
  await expect(turns.take(true, () => Promise.resolve())).rejects.toMatchObject({ code: 'pictures/stopped' });
  running.end();
  expect(await results[0]).toBe('running');
});
