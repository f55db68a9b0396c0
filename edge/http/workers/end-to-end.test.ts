import { describe, expect, it } from 'vitest';

import { byName, endToEnd } from './end-to-end.ts';

describe('headers of a message that is passed on (RFC 9110, 7.6.1)', () => {
  it.each([
    ['those of its connection stay behind', ['Host', 'a', 'Connection', 'keep-alive', 'Keep-Alive', 'timeout=5', 'TE', 'trailers', 'Upgrade', 'h2c', 'Accept', '*/*'], ['Host', 'a', 'Accept', '*/*']],
    ['its framing is made anew', ['Transfer-Encoding', 'chunked', 'Trailer', 'x', 'Expect', '100-continue', 'Content-Type', 'text/plain'], ['Content-Type', 'text/plain']],
    ['what Connection names stays behind', ['Connection', 'close, X-Hop', 'x-hop', '1', 'X-End', '2'], ['X-End', '2']],
    ['what everybody needs is no option of a connection', ['Connection', 'Host, Content-Length, X-Forwarded-For', 'Host', 'a', 'Content-Length', '3', 'X-Forwarded-For', 'b'], ['Host', 'a', 'Content-Length', '3', 'X-Forwarded-For', 'b']],
    ['nor is what a proxy says of the viewer', ['Connection', 'X-Forwarded-Proto, X-Forwarded-Host, Forwarded', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'a', 'Forwarded', 'for=b'], ['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'a', 'Forwarded', 'for=b']],
    ['pseudo-headers of HTTP/2 are none', [':method', 'GET', ':path', '/', 'accept', '*/*'], ['accept', '*/*']],
    ['nobody says whose request it is but us', ['Millrace-Viewer', 'secret 203.0.113.1 https', 'a', 'b'], ['a', 'b']],
    ['what comes twice stays twice, in its order', ['Cookie', 'a', 'Cookie', 'b'], ['Cookie', 'a', 'Cookie', 'b']],
  ])('%s', (_what, raw, expected) => {
    expect(endToEnd(raw)).toEqual(expected);
  });

  it('are listed by name for HTTP/2', () => {
    expect({ ...byName(['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b', 'Set-Cookie', 'c']) }).toEqual({ 'set-cookie': ['a', 'b', 'c'], 'x': '1' });
  });
});
