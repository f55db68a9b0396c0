import { expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';

import { StreamsView, type StreamView } from './streams-view.ts';
import { broadcastInfo, ladderCatalog, sourceCatalog } from './testing/broadcasts.ts';

function viewOn(known: readonly string[] = []) {
  const bus = createLocalBus();
  const view = new StreamsView(bus, known);
  const changes: string[] = [];
  const describe = ({ stream, state, info }: StreamView) => `${stream} ${state} ${info?.broadcast ?? '-'}`;
  view.onState((changed) => changes.push(describe(changed)));
  return { bus, view, changes };
}

test('a known stream is offline until it is announced, and again after its end', () => {
  const { bus, view, changes } = viewOn(['cam1']);
  expect(view.get('cam1')).toEqual({ stream: 'cam1', state: 'offline', info: undefined, catalog: {} });
  bus.announce(broadcastInfo());
  bus.announce(broadcastInfo({ state: 'interrupted' }));
  expect(view.get('cam1')?.state).toBe('interrupted');
  bus.announce(broadcastInfo({ epoch: 2 }));
  bus.announce(broadcastInfo({ epoch: 2, state: 'ended' }));
  expect(view.get('cam1')).toEqual({ stream: 'cam1', state: 'offline', info: undefined, catalog: {} });
  expect(changes).toEqual(['cam1 live broadcast1', 'cam1 interrupted broadcast1', 'cam1 live broadcast1', 'cam1 offline -']);
});

test('a broadcast announced before the view began is in it, one that had ended is not', () => {
  const bus = createLocalBus();
  bus.announce(broadcastInfo());
  bus.announce(broadcastInfo({ stream: 'cam2', broadcast: 'broadcast2', state: 'ended' }));
  expect(new StreamsView(bus).list().map(({ stream, state }) => [stream, state])).toEqual([['cam1', 'live']]);
});

test('an unknown stream is there while it is on air and forgotten afterwards', () => {
  const { bus, view } = viewOn();
  expect(view.get('cam1')).toBeUndefined();
  bus.announce(broadcastInfo());
  expect(view.list()).toHaveLength(1);
  bus.announce(broadcastInfo({ state: 'ended' }));
  expect(view.get('cam1')).toBeUndefined();
  expect(view.list()).toEqual([]);
});

test('the catalog of the broadcast on air is followed, in whatever order its sections and the announcement come', () => {
  const { bus, view } = viewOn(['cam1']);
  bus.putCatalog(broadcastInfo().broadcast, 'source', sourceCatalog());
  bus.announce(broadcastInfo());
  bus.putCatalog(broadcastInfo().broadcast, 'ladder', ladderCatalog());
  expect(Object.keys(view.get('cam1')?.catalog ?? {})).toEqual(['source', 'ladder']);
  bus.putCatalog(broadcastInfo().broadcast, 'ladder', ladderCatalog({ revision: 2 }));
  expect(view.get('cam1')?.catalog.ladder?.revision).toBe(2);
});

test('the end of an earlier broadcast does not take its successor off air', () => {
  const { bus, view, changes } = viewOn(['cam1']);
  bus.announce(broadcastInfo());
  bus.announce(broadcastInfo({ broadcast: 'broadcast2', startedAt: 2_000 }));
  bus.announce(broadcastInfo({ state: 'interrupted' }));
  bus.announce(broadcastInfo({ state: 'ended' }));
  bus.putCatalog(broadcastInfo().broadcast, 'source', sourceCatalog());
  expect(view.get('cam1')).toMatchObject({ state: 'live', info: { broadcast: 'broadcast2' }, catalog: {} });
  expect(changes).toEqual(['cam1 live broadcast1', 'cam1 live broadcast2']);
});

test('streams are listed by name, and a stream made known at run time is among them', () => {
  const { bus, view } = viewOn(['cam3', 'cam1']);
  view.know('demo');
  bus.announce(broadcastInfo({ stream: 'cam2' }));
  expect(view.list().map(({ stream }) => stream)).toEqual(['cam1', 'cam2', 'cam3', 'demo']);
});

test('a closed view hears no more', () => {
  const { bus, view, changes } = viewOn(['cam1']);
  bus.announce(broadcastInfo());
  view.close();
  view.close();
  bus.announce(broadcastInfo({ state: 'ended' }));
  expect(changes).toEqual(['cam1 live broadcast1']);
});

test('a broadcast that another one has taken the place of does not come back, whatever is said of it', () => {
  const { bus, view, changes } = viewOn();
  bus.announce({ ...broadcastInfo(), fence: 7 });
  const overtaken = { ...broadcastInfo({ broadcast: 'overtaken1', startedAt: 9_999_999_999_999 }), fence: 6 };
  bus.announce(overtaken);
  bus.announce({ ...overtaken, state: 'ended', fence: 7 });
  expect(view.get('cam1')).toMatchObject({ state: 'live', info: { broadcast: 'broadcast1' } });
  expect(changes).toEqual(['cam1 live broadcast1']);
});
