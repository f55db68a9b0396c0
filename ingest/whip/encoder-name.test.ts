import { expect, it } from 'vitest';

import { encoderOf } from './encoder-name.ts';

it.each([
  [undefined, undefined],
  ['', undefined],
  ['Mozilla/5.0 (OBS-Studio/32.0.1; Linux x86_64; en-US)', 'OBS-Studio 32.0.1'],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36', 'Chrome 156'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0', 'Edge 156'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox 140'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1', 'Safari 18'],
  ['Lavf/62.3.100', 'Lavf 62.3.100'],
  ['a'.repeat(500), 'a'.repeat(64)],
])('%s is shown as %s', (agent, name) => {
  expect(encoderOf(agent)).toBe(name);
});
