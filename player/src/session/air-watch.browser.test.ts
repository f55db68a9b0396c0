import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Routes } from '../address/address.ts';
import { FakeEdges } from '../testing/fake-edges.ts';
import { FakeEventSource, FakeServer } from '../testing/fake-server.ts';
import { AirWatch } from './air-watch.ts';

const home = `${location.origin}/`;
const b = 'https://b.test/';

describe('waiting for a stream, among edges', () => {
  let server: FakeServer;
  let edges: FakeEdges;
  let watch: AirWatch;
  let onAir: ReturnType<typeof vi.fn>;

  beforeEach(() => {
    FakeEventSource.all = [];
    server = new FakeServer();
    server.state = 'offline';
    vi.stubGlobal('fetch', server.fetch);
    vi.stubGlobal('EventSource', FakeEventSource);
    edges = new FakeEdges(home, [b]);
    onAir = vi.fn();
    watch = new AirWatch({ routes: new Routes('/'), stream: 'cam', edges: edges.asEdges, onAir: onAir as () => void, reachable: () => undefined });
    watch.start();
  });

  afterEach(() => {
    watch.close();
    vi.unstubAllGlobals();
  });

  it('listens to the edge in use, and to the next one when that has died', async () => {
    expect(FakeEventSource.all.map(({ url }) => url)).toEqual([`${home}api/v1/streams/cam/events`]);
    edges.die();
    expect(FakeEventSource.all.map(({ url, readyState }) => [url, readyState])).toEqual([
      [`${home}api/v1/streams/cam/events`, FakeEventSource.CLOSED],
      [`${b}api/v1/streams/cam/events`, 1],
    ]);
    await vi.waitFor(() => expect(server.requests).toContain(`${b}api/v1/streams/cam`));
    FakeEventSource.all[1]?.send('live');
    expect(onAir).toHaveBeenCalledTimes(1);
  });

  it('goes where a server that is ending sends it', () => {
    FakeEventSource.all[0]?.dispatchEvent(new MessageEvent('move', { data: 'no JSON' }));
    expect(FakeEventSource.all).toHaveLength(1);
    FakeEventSource.all[0]?.dispatchEvent(new MessageEvent('move', { data: JSON.stringify({ url: b }) }));
    expect(edges.left).toEqual([[home, b]]);
    expect(FakeEventSource.all[1]?.url).toBe(`${b}api/v1/streams/cam/events`);
  });

  it('listens to nobody when it is closed', () => {
    watch.close();
    edges.die();
    expect(FakeEventSource.all).toHaveLength(1);
  });
});
