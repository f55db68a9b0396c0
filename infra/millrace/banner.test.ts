import { expect, test } from 'vitest';

import { renderBanner } from './banner.ts';

const addresses = { web: 'http://192.168.1.5:8080', rtmp: 'rtmp://192.168.1.5/live' };
const facts = { version: '1.2.3', addresses, streams: [], tokenPath: '/data/api-token' };

test('the block says what to paste into OBS and where to watch', () => {
  expect(renderBanner({ ...facts, demoKey: 'demo_abcdefghijklmnop' })).toBe(`
  Millrace 1.2.3 is ready

  OBS         Settings > Stream > Service: Custom
  Server      rtmp://192.168.1.5/live
  Stream key  demo_abcdefghijklmnop
  Watch       http://192.168.1.5:8080/watch/demo
  API         http://192.168.1.5:8080/api/v1/streams
  API token   in /data/api-token

`);
});

test('with a certificate it names what is reached over TLS too', () => {
  const secure = { ...addresses, rtmps: 'rtmps://192.168.1.5:1936/live', https: 'https://192.168.1.5:8443' };
  const lines = renderBanner({ ...facts, addresses: secure, demoKey: 'demo_abcdefghijklmnop' }).split('\n');
  expect(lines.slice(4, 9)).toEqual([
    '  Server      rtmp://192.168.1.5/live',
    '  Server, TLS rtmps://192.168.1.5:1936/live',
    '  Stream key  demo_abcdefghijklmnop',
    '  Watch       http://192.168.1.5:8080/watch/demo',
    '  Watch, TLS  https://192.168.1.5:8443/watch/demo',
  ]);
  expect(renderBanner({ ...facts, addresses: secure })).toContain('  Watch, TLS  https://192.168.1.5:8443/\n');
});

test('configured streams are named, their keys never', () => {
  const text = renderBanner({ ...facts, streams: ['a', 'b', 'c', 'd'] });
  expect(text).toContain('Stream key  the key configured for a, b, c and 1 more\n');
  expect(text).toContain('/watch/a\n');
});

test('without any key it says how to set one', () => {
  expect(renderBanner(facts)).toContain('none yet: set one by MILLRACE_STREAM_KEYS=');
});
