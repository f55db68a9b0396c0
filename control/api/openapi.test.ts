import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';
import { z } from 'zod';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { Nodes } from '#core/placement/nodes.ts';

import { broadcastInfo, ladderCatalog, sourceCatalog } from '../testing/broadcasts.ts';
import { edgeNode, ingestNode, transcodeNode } from '../testing/nodes.ts';
import { recording, serveRecordings } from '../testing/recordings.ts';
import { serveControl, type ServedControl } from '../testing/served-control.ts';
import { schemas, type SchemaName } from './schemas.ts';

const documentSchema = z.object({
  openapi: z.literal('3.1.0'),
  info: z.object({ title: z.string(), version: z.string() }),
  servers: z.array(z.object({ url: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), z.object({
    operationId: z.string(),
    summary: z.string().min(1),
    description: z.string().min(1),
    security: z.array(z.record(z.string(), z.array(z.string()))).min(1),
    responses: z.record(z.string(), z.object({ description: z.string().min(1), content: z.record(z.string(), z.object({ schema: z.object({ $ref: z.string().optional() }) })).optional() })),
    requestBody: z.object({ content: z.record(z.string(), z.unknown()) }).optional(),
  }))),
  components: z.object({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }),
});

async function documentOf({ get }: ServedControl): Promise<z.output<typeof documentSchema>> {
  return documentSchema.parse(await (await get('/api/v1/openapi.json')).json());
}

test('every documented operation answers as documented, without and with the token', async () => {
  const bus = createLocalBus();
  [edgeNode('edge-1', { region: 'eu' }), edgeNode('edge-2'), ingestNode('in-1'), transcodeNode('t-1', 10)].forEach((info) => bus.present(info));
  const served = await serveControl({}, { bus, nodes: new Nodes(bus), node: 'edge-1' });
  served.bus.announce(broadcastInfo());
  served.bus.putCatalog(broadcastInfo().broadcast, 'source', sourceCatalog());
  served.bus.putCatalog(broadcastInfo().broadcast, 'ladder', ladderCatalog());
  const { paths } = await documentOf(served);
  serveRecordings(served.bus, [recording()]);
  served.bus.serve('metadata/cam1', () => ({ id: 'f'.repeat(32), type: 'poll', broadcast: 'broadcast1', time: 1.5, wallTime: '2026-01-02T03:04:05.000Z' }));
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { responses, security, requestBody }] of Object.entries(operations)) {
      for (const stream of ['cam1', 'cam2', 'nobody', 'NO']) {
        for (const get of [served.get, served.getWithToken]) {
          const abort = new AbortController();
          const body = requestBody === undefined ? null : JSON.stringify({ type: 'poll', data: [1] });
          const response = await get(path.replace('{stream}', stream).replace('{id}', stream === 'cam1' ? 'recording1' : stream), { method: method.toUpperCase(), body, signal: abort.signal });
          const place = `${method} ${path} of ${stream}: ${response.status}`;
          const documented = responses[response.status];
          expect(documented, place).toBeDefined();
          const [[contentType, { schema }] = ['', { schema: {} }]] = Object.entries(documented?.content ?? {});
          expect(response.headers.get('content-type') ?? '', place).toContain(contentType);
          expect(documented?.content === undefined, place).toBe(response.headers.get('content-type') === null);
          if (contentType === 'application/json' && schema.$ref !== undefined) {
            schemas[schema.$ref.split('/').at(-1) as SchemaName].parse(await response.json());
          }
          abort.abort();
          const needsToken = security.every((way) => 'token' in way);
          expect(response.status === 401, place).toBe(needsToken && get === served.get);
        }
      }
    }
  }
});

test('every route is documented', async () => {
  const served = await serveControl();
  const { paths } = await documentOf(served);
  const documented = Object.entries(paths).flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`));
  const layers = served.stage.router.stack.flatMap(({ route }) => route ?? []);
  const routed = layers.flatMap(({ path, stack }) => stack.map(({ method }) => `${method} ${path.replace(/:(\w+)/, '{$1}')}`));
  expect(documented.sort()).toEqual(routed.filter((route) => !route.startsWith('undefined ')).sort());
  expect(documented).toHaveLength(14);
});

test('every reference of the document leads somewhere, and no schema stands unused', async () => {
  const document = await documentOf(await serveControl());
  const references = new Set([...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
  expect([...references].sort()).toEqual(Object.keys(document.components.schemas).sort());
  expect(Object.keys(document.components.schemas).sort()).toEqual(Object.keys(schemas).sort());
});

test('a client made from the document goes on working when answers gain fields', async () => {
  expect(JSON.stringify(await documentOf(await serveControl()))).not.toContain('additionalProperties');
});

test('the document names the public URL where one is configured', async () => {
  expect((await documentOf(await serveControl())).servers).toEqual([{ url: '/' }]);
  expect((await documentOf(await serveControl({ publicUrl: 'https://live.example.com/tv/' }))).servers).toEqual([{ url: 'https://live.example.com/tv' }]);
});

test('the page docs/api.md describes every operation and no other', async () => {
  const { paths } = await documentOf(await serveControl());
  const page = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const described = [...page.matchAll(/^## (GET|POST|PUT|DELETE) (\S+)$/gm)].map(([, method, path]) => `${method?.toLowerCase()} ${path}`);
  expect(described.sort()).toEqual(Object.entries(paths).flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`)).sort());
});
