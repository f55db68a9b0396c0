import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import type { LadderCatalog } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { planLadder } from '../plan/plan.ts';
import { BROADCAST, sourceCatalog, videoTrack } from '../testing/sources.ts';
import { Ladder } from './ladder.ts';

const source = sourceCatalog([videoTrack()]);
const plan = planLadder({ source, ladder: 'auto', budget: 1000 });

let bus: Bus;
let seen: LadderCatalog[];

beforeEach(() => {
  bus = createLocalBus();
  seen = [];
  bus.onCatalog(BROADCAST, 'ladder', (ladder) => seen.push(ladder));
});

afterEach(() => bus.close());

const ladder = (fence: number, options: { mayWrite?: () => boolean; onSuccessor?: () => void } = {}): Ladder =>
  new Ladder({ bus, broadcast: BROADCAST, fence, mayWrite: () => true, onSuccessor: () => undefined, ...options });

test('a successor goes on counting, and knows what its epoch began with', () => {
  ladder(5).put(source, plan);
  const successor = ladder(6);
  expect(successor.inheritedFor(source.epoch)).toEqual(seen[0]);
  expect(successor.inheritedFor(source.epoch + 1)).toBeUndefined();
  successor.put(source, plan);
  expect(seen.map(({ fence, revision }) => [fence, revision])).toEqual([[5, 1], [6, 2]]);
});

test('what one writes that was overtaken does not stand', () => {
  const overtaken = ladder(5);
  overtaken.put(source, plan);
  ladder(6).put(source, plan);
  overtaken.close();
  bus.putCatalog(BROADCAST, 'ladder', { ...seen[0]!, revision: 9 });
  expect(seen.map(({ fence, revision }) => [fence, revision])).toEqual([[5, 1], [6, 2], [5, 9], [6, 10]]);
});

test('one that may have been overtaken itself writes nothing', () => {
  const first = ladder(6, { mayWrite: () => false });
  first.put(source, plan);
  bus.putCatalog(BROADCAST, 'ladder', { ...seen[0]!, fence: 5 });
  expect(seen.map(({ fence }) => fence)).toEqual([6, 5]);
});

test('one that is overtaken hears of it', () => {
  let successors = 0;
  const first = ladder(5, { onSuccessor: () => (successors += 1) });
  first.put(source, plan);
  ladder(6).put(source, plan);
  expect(successors).toBe(1);
});
