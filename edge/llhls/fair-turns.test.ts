import { expect, test } from 'vitest';

import { FairTurns } from './fair-turns.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what has room in the turn is done at once, the rest in the turns after it, in order', async () => {
  const turns = new FairTurns(3);
  const done: number[] = [];
  for (let n = 0; n < 8; n++) {
    turns.run(() => done.push(n));
  }
  expect(done).toEqual([0, 1, 2]);
  await turn();
  expect(done).toEqual([0, 1, 2, 3, 4, 5]);
  // Who comes now stands behind those who wait.
  turns.run(() => done.push(8));
  await turn();
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  await turn();
  turns.run(() => done.push(9));
  expect(done.at(-1)).toBe(9);
});

test('a task that makes another one is not run around in circles', async () => {
  const turns = new FairTurns(2);
  let runs = 0;
  const again = (): void => {
    runs += 1;
    if (runs < 10) {
      turns.run(again);
    }
  };
  turns.run(again);
  expect(runs).toBe(2);
  for (let n = 0; n < 10; n++) {
    await turn();
  }
  expect(runs).toBe(10);
});
