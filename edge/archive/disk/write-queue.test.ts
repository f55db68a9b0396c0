import { expect, test } from 'vitest';

import { WriteQueue } from './write-queue.ts';

const job = (done: string[], name: string, bytes = 1) => ({ bytes, run: () => Promise.resolve().then(() => void done.push(name)) });

test('jobs are done one after another, and count until they are done', async () => {
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  const queue = new WriteQueue(() => undefined);
  queue.add({ bytes: 5, run: () => gate.promise });
  queue.add(job(done, 'b', 7));
  expect(queue.queued).toEqual({ bytes: 12, jobs: 2 });
  await Promise.resolve();
  expect(done).toEqual([]);
  gate.resolve();
  await queue.idle();
  expect(done).toEqual(['b']);
  expect(queue.queued).toEqual({ bytes: 0, jobs: 0 });
});

test('one that fails ends those behind it; what is added later is done', async () => {
  const done: string[] = [];
  const errors: unknown[] = [];
  const queue = new WriteQueue((error) => errors.push(error));
  queue.add(job(done, 'a'));
  queue.add({ bytes: 1, run: () => Promise.reject(new Error('no')) });
  queue.add(job(done, 'c'));
  await queue.idle();
  expect([done, errors]).toEqual([['a'], [new Error('no')]]);
  expect(queue.queued).toEqual({ bytes: 0, jobs: 0 });
  queue.add(job(done, 'd'));
  await queue.idle();
  expect(done).toEqual(['a', 'd']);
});
