import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';

import { describe, expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { millis } from '#core/media/time.ts';
import { Nodes } from '#core/placement/nodes.ts';

import { StreamsView } from '../streams-view.ts';

import { broadcastInfo } from '../testing/broadcasts.ts';
import { edgeNode } from '../testing/nodes.ts';
import { serveControl, type ServedControl } from '../testing/served-control.ts';
import { EventStreams } from './event-streams.ts';
import { errorSchema, stateEventSchema } from './schemas.ts';

/** Listens to a stream's events and hands them over one by one. */
async function listen({ url }: ServedControl, stream = 'cam1') {
  const abort = new AbortController();
  const response = await fetch(`${url}/api/v1/streams/${stream}/events`, { signal: abort.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  /** The next block up to an empty line; undefined at the end. */
  const next = async (): Promise<string | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        return block;
      }
      const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
      if (done) {
        return undefined;
      }
      text += value;
    }
  };
  const nextState = async (): Promise<unknown> => {
    const data = (await next())?.split('\n').find((line) => line.startsWith('data: '));
    return data === undefined ? undefined : stateEventSchema.parse(JSON.parse(data.slice(6)));
  };
  return { response, next, nextState, leave: () => abort.abort() };
}

test('a listener is told the state at once, then each change of it', async () => {
  const served = await serveControl();
  const { response, next, nextState } = await listen(served);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(await next()).toBe('retry: 3000\nevent: state\ndata: {"state":"offline","broadcast":null}');
  served.bus.announce(broadcastInfo());
  expect(await next()).toBe('event: state\ndata: {"state":"live","broadcast":"broadcast1"}');
  served.bus.announce(broadcastInfo({ stream: 'cam2', broadcast: 'broadcast2' }));
  served.bus.announce(broadcastInfo({ state: 'interrupted' }));
  expect(await nextState()).toEqual({ state: 'interrupted', broadcast: 'broadcast1' });
  served.bus.announce(broadcastInfo({ state: 'ended' }));
  expect(await nextState()).toEqual({ state: 'offline', broadcast: null });
});

test('a quiet connection is kept open by comments', async () => {
  const { next } = await listen(await serveControl({}, { heartbeat: millis(20) }));
  await next();
  expect(await next()).toMatch(/^:/);
  expect(await next()).toMatch(/^:/);
});

test('connections are bounded for each address, and one that leaves makes room', async () => {
  const served = await serveControl({ eventConnectionsPerAddress: 2 });
  const first = await listen(served);
  await listen(served, 'cam2');
  const third = await served.get('/api/v1/streams/cam1/events');
  expect(third.status).toBe(429);
  expect(third.headers.get('retry-after')).toBe('30');
  expect(errorSchema.parse(await third.json()).code).toBe('too-many-connections');
  first.leave();
  await expect.poll(async () => (await served.metrics.getSingleMetricAsString('millrace_control_event_connections'))).toContain('millrace_control_event_connections 1');
  const again = await listen(served);
  expect(again.response.status).toBe(200);
});

test('connections are bounded in all', async () => {
  const served = await serveControl({ eventConnections: 1 });
  await listen(served);
  const second = await served.get('/api/v1/streams/cam1/events');
  expect(second.status).toBe(503);
  expect(errorSchema.parse(await second.json()).code).toBe('too-many-connections');
});

test('HEAD opens no connection', async () => {
  const served = await serveControl({ eventConnections: 1 });
  expect((await served.get('/api/v1/streams/cam1/events', { method: 'HEAD' })).headers.get('content-type')).toBe('text/event-stream');
  expect((await listen(served)).response.status).toBe(200);
});

test('stopping ends every connection, and further ones are told so', async () => {
  const served = await serveControl();
  const { next } = await listen(served);
  await next();
  await served.stage.close();
  expect(await next()).toBeUndefined();
  const later = await served.get('/api/v1/streams/cam1/events');
  expect(later.status).toBe(503);
  expect(errorSchema.parse(await later.json()).code).toBe('stopping');
});

describe('at a node that drains', () => {
  async function amongTwo() {
    const bus = createLocalBus();
    bus.present(edgeNode('edge-1'));
    const served = await serveControl({}, { bus, nodes: new Nodes(bus), node: 'edge-1' });
    return served;
  }

  test('listeners are told where to go, and let go at once; so is who comes later', async () => {
    const served = await amongTwo();
    const first = await listen(served);
    await first.next();
    served.bus.present(edgeNode('edge-2'));
    served.bus.present(edgeNode('edge-1', { draining: true }));
    expect(await first.next()).toBe('event: move\ndata: {"url":"http://edge-2:8080"}');
    expect(await first.next()).toBeUndefined();
    const second = await listen(served);
    expect(await second.nextState()).toEqual({ state: 'offline', broadcast: null });
    expect(await second.next()).toBe('event: move\ndata: {"url":"http://edge-2:8080"}');
    expect(await second.next()).toBeUndefined();
  });

  test('they stay where there is no other, until one comes', async () => {
    const served = await amongTwo();
    const { next } = await listen(served);
    await next();
    served.bus.present(edgeNode('edge-1', { draining: true }));
    served.bus.announce(broadcastInfo());
    expect(await next()).toMatch(/^event: state/);
    served.bus.present(edgeNode('edge-2'));
    expect(await next()).toMatch(/^event: move/);
    expect(await next()).toBeUndefined();
  });
});

test('a listener who leaves too much unread is let go', () => {
  const bus = createLocalBus();
  const view = new StreamsView(bus, ['cam1']);
  const events = new EventStreams({ view, heartbeat: millis(60_000), maxConnections: 1, maxConnectionsPerAddress: 1 });
  const socket = { unread: 0, destroyed: false };
  const response = Object.assign(new EventEmitter(), {
    setHeader: () => undefined,
    write: (text: string) => { socket.unread += text.length; },
    destroy: () => { socket.destroyed = true; },
  });
  Object.defineProperty(response, 'writableLength', { get: () => socket.unread });
  const offline = { stream: 'cam1', state: 'offline', info: undefined, catalog: {} } as const;
  events.open({ request: { method: 'GET' }, response: response as unknown as ServerResponse, address: '::1' }, offline);
  expect(socket.unread).toBeGreaterThan(0);
  for (let change = 0; change < 2_000; change += 1) {
    bus.announce(broadcastInfo({ state: change % 2 === 0 ? 'live' : 'interrupted' }));
  }
  expect(socket.destroyed).toBe(true);
  expect(socket.unread).toBeLessThan(66_000);
  expect(events.size).toBe(0);
  events.close();
});
