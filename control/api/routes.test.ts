import { expect, test, vi } from 'vitest';

import { serveControl } from '../testing/served-control.ts';
import { openApiDocument } from './openapi.ts';

vi.mock('./openapi.ts', { spy: true });

test('the OpenAPI document is written once, however often it is asked for', async () => {
  const { get } = await serveControl();
  const texts = await Promise.all(Array.from({ length: 5 }, async () => (await get('/api/v1/openapi.json')).text()));
  expect(new Set(texts).size).toBe(1);
  expect(openApiDocument).toHaveBeenCalledTimes(1);
});
