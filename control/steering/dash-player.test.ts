import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { edgeNode } from '../testing/nodes.ts';
import { steeringManifest, type SteeringManifest } from './manifest.ts';

type Element = { readonly url: string; readonly serviceLocation: string };

/** As much of dash.js's controller of content steering as is driven here. */
type SteeringController = {
  setConfig(config: object): void;
  initialize(): void;
  loadSteeringData(): Promise<unknown>;
  getCurrentSteeringResponseData(): { readonly pathwayPriority: readonly string[]; readonly ttl: number };
  getSynthesizedBaseUrlElements(reference: readonly Element[]): readonly Element[];
  getSynthesizedLocationElements(reference: readonly Element[]): readonly Element[];
  stopSteeringRequestTimer(): void;
};

type Factories = {
  getSingletonFactoryByName(name: string): (context: object) => { getInstance(): SteeringController };
  extend(name: string, instance: unknown, override: boolean, context: object): void;
};

beforeEach(() => {
  const element = { style: {}, canPlayType: () => '' };
  vi.stubGlobal('self', globalThis);
  vi.stubGlobal('window', globalThis);
  vi.stubGlobal('location', new URL('http://edge-1:8080/watch/demo'));
  vi.stubGlobal('document', { createElement: () => element, documentElement: element });
  vi.stubGlobal('getComputedStyle', () => ({}));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** dash.js's own controller, fed with a steering manifest; `asked` are the URLs that it loaded. */
async function steered(answerTo: (url: URL) => SteeringManifest) {
  const { FactoryMaker } = (await import('dashjs')) as unknown as { FactoryMaker: Factories };
  const asked: URL[] = [];
  const listeners = new Map<string, (event: unknown) => void>();
  const context = {};
  const loader = {
    load: ({ request, success, complete }: { request: { url: string }; success: (data: unknown) => void; complete: () => void }) => {
      asked.push(new URL(request.url));
      success(JSON.parse(JSON.stringify(answerTo(new URL(request.url)))));
      complete();
    },
  };
  FactoryMaker.extend('URLLoader', () => loader, false, context);
  const controller = FactoryMaker.getSingletonFactoryByName('ContentSteeringController')(context).getInstance();
  controller.setConfig({
    adapter: { getContentSteering: () => ({ serverUrl: 'http://edge-1:8080/api/v1/steering/demo' }) },
    manifestModel: { getValue: () => ({}) },
    eventBus: { on: (type: string, listener: (event: unknown) => void) => listeners.set(type, listener), off: () => undefined, trigger: () => undefined },
    throughputController: { getArithmeticMean: () => 5_000 },
  });
  controller.initialize();
  return { controller, asked, load: (serviceLocation: string) => listeners.get('fragmentLoadingStarted')?.({ request: { serviceLocation } }) };
}

const own = [{ url: 'http://edge-1:8080/live/demo/', serviceLocation: 'edge-1' }];

function manifestFor(url: URL, drains: boolean, other = 'http://edge-2:9090'): SteeringManifest {
  return steeringManifest({
    nodes: [edgeNode('edge-1', { draining: drains }), edgeNode('edge-2', { url: other })],
    own: url.hostname, stream: 'demo', player: 'dash', basePath: '', region: undefined, token: undefined, spread: 0, onAir: undefined,
    pathways: (url.searchParams.get('_DASH_pathway') ?? '').replaceAll('"', '').split(',').filter(Boolean),
    base: url.searchParams.get('base') ?? undefined,
  });
}

test.each([
  ['http://edge-2:9090', 'http://edge-2:9090/live/demo/'],
  ['http://edge-2:8080', 'http://edge-2:8080/live/demo/'],
  ['https://edge-2.example.com', 'https://edge-2.example.com/live/demo/'],
])('dash.js makes of an edge at %s the base %s', async (other, expected) => {
  const { controller, load } = await steered((url) => manifestFor(url, true, other));
  load('edge-1');
  await controller.loadSteeringData();
  controller.stopSteeringRequestTimer();
  expect(controller.getCurrentSteeringResponseData()).toMatchObject({ pathwayPriority: ['edge-2', 'edge-1'], ttl: 10 });
  expect(controller.getSynthesizedBaseUrlElements(own).map(({ url, serviceLocation }) => [serviceLocation, url])).toEqual([['edge-2', expected]]);
  expect(controller.getSynthesizedLocationElements([{ url: 'http://edge-1:8080/live/demo/manifest.mpd', serviceLocation: 'edge-1' }])[0]?.url).toBe(`${expected}manifest.mpd`);
});

test('dash.js keeps its clones when it has moved, and is steered by the edge that it uses', async () => {
  const { controller, load, asked } = await steered((url) => manifestFor(url, true));
  load('edge-1');
  await controller.loadSteeringData();
  load('edge-2');
  await controller.loadSteeringData();
  controller.stopSteeringRequestTimer();
  expect(asked[0]?.href).toContain('http://edge-1:8080/api/v1/steering/demo?_DASH_pathway=%22edge-1%22');
  expect([asked[1]?.origin, asked[1]?.searchParams.get('base'), asked[1]?.searchParams.get('_DASH_pathway')]).toEqual(['http://edge-2:9090', 'edge-1', '"edge-1,edge-2"']);
  expect(controller.getSynthesizedBaseUrlElements(own).map(({ url }) => url)).toEqual(['http://edge-2:9090/live/demo/']);
});
