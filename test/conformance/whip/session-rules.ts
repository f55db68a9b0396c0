import { describe, expect, test } from 'vitest';

import { testCredentials } from '#core/rtc/testing/peer.ts';
import { until } from '#test/support/until.ts';
import { ask, attributes, codeOf, patch, restartFragment, trickleFragment, type Created } from './ask.ts';
import { connect } from './client.ts';

/** A server under test, as far as the rules that WHIP and WHEP share need it. */
export type SessionTarget = {
  /** Where sessions are asked for. */
  endpoint(): string;
  /** An offer that it takes. */
  readonly offer: string;
  /** A new session, of {@link offer} where the test brings none of its own. */
  open(offer?: string): Promise<Created>;
};

/** The ICE credentials of an offer, as lines. */
function iceOf(offer: string): string[] {
  return ['ice-ufrag', 'ice-pwd'].map((name) => `a=${name}:${attributes(offer, name)[0] ?? ''}`);
}

/**
 * The rules for the life of a session, which draft-ietf-wish-whep has taken over from RFC 9725 word for word, but for
 * "WHEP" in place of "WHIP". Sections are the RFC's.
 */
export function sessionRules(target: SessionTarget): void {
  describe('a session', () => {
    test('4.1: "the WHIP endpoints and sessions MUST return a 2XX successful response with no content when a GET request is received"', async () => {
      const { url } = await target.open();
      for (const resource of [target.endpoint(), url]) {
        const answer = await ask('GET', resource);
        expect([resource, Math.floor(answer.status / 100), answer.body]).toEqual([resource, 2, '']);
      }
    });

    test('4.2: "return a \'201 Created\' response with a content type of \'application/sdp\', the SDP answer as the body, and a Location header field pointing to the newly created WHIP session"', async () => {
      const session = await target.open();
      expect(session.headers.get('content-type')).toBe('application/sdp');
      expect(session.body).toMatch(/^v=0\r\n/);
      // OBS writes a relative reference straight into its URL's path, and drops a query.
      expect(session.headers.get('location')).toMatch(/^\/[^?#]+$/);
      expect((await ask('GET', session.url)).status).toBe(204);
    });

    test('4.2: "Upon receiving the HTTP DELETE request, the WHIP session will be removed and the resources freed"', async () => {
      const session = await target.open();
      expect((await ask('DELETE', session.url)).status).toBe(200);
      expect((await ask('GET', session.url)).status).toBe(404);
      expect((await ask('DELETE', session.url)).status).toBe(404);
      expect((await patch(session, session.entityTag, trickleFragment())).status).toBe(404);
    });

    test('4.2: "terminating the ICE and DTLS sessions", and RFC 7675, 5.2, for immediate revocation of consent', async () => {
      const { session, peer } = await connect(target.offer, target.open);
      expect(peer.state).toBe('connected');
      await ask('DELETE', session.url);
      await peer.closed;
      await peer.close();
    }, 20_000);

    test('4.2: "DTLS teardown for session termination by either side"', async () => {
      const { session, peer } = await connect(target.offer, target.open);
      await peer.close();
      await until('the session to be gone', async () => (await ask('GET', session.url)).status === 404);
    });

    test('4.3.3: after an ICE restart the client is reached with the new credentials', async () => {
      const { session, peer } = await connect(target.offer, target.open);
      const local = testCredentials();
      const answer = await patch(session, '*', trickleFragment([`a=ice-ufrag:${local.ufrag}`, `a=ice-pwd:${local.pwd}`]));
      await peer.restart(local, { ufrag: attributes(answer.body, 'ice-ufrag')[0] ?? '', pwd: attributes(answer.body, 'ice-pwd')[0] ?? '' });
      expect((await ask('GET', session.url)).status).toBe(204);
      await peer.close();
    });

    test('4.3.1: "WHIP sessions MUST ignore any entity-tag value sent by the WHIP client when ICE session matching is not required, as in the HTTP DELETE request"', async () => {
      const session = await target.open();
      expect((await ask('DELETE', session.url, { headers: { 'if-match': '"stale"' } })).status).toBe(200);
    });

    test('5: "WHIP endpoints SHOULD generate URLs with enough randomness"', async () => {
      const ids = [(await target.open()).url, (await target.open()).url].map((url) => url.slice(url.lastIndexOf('/') + 1));
      expect(new Set(ids).size).toBe(2);
      // 128 bits in base64url.
      expect(ids.every((id) => /^[A-Za-z0-9_-]{22,}$/.test(id))).toBe(true);
    });
  });

  describe('CORS', () => {
    test('4.2: "The WHIP endpoints MUST support OPTIONS requests for Cross-Origin Resource Sharing (CORS) as defined in [FETCH]"', async () => {
      const { url } = await target.open();
      for (const [resource, method] of [[target.endpoint(), 'POST'], [url, 'PATCH'], [url, 'DELETE']] as const) {
        const { status, headers } = await ask('OPTIONS', resource, { headers: { 'origin': 'https://page.example', 'access-control-request-method': method, 'access-control-request-headers': 'authorization,content-type,if-match' } });
        expect([200, 204]).toContain(status);
        expect(headers.get('access-control-allow-origin')).toBe('*');
        expect(headers.get('access-control-allow-methods')?.split(', ')).toContain(method);
        expect(headers.get('access-control-allow-headers')?.toLowerCase().split(', ')).toEqual(expect.arrayContaining(['authorization', 'content-type', 'if-match']));
      }
    });

    test('4.2: "SHOULD include an \'Accept-Post\' header with a media type value of \'application/sdp\'"', async () => {
      expect((await ask('OPTIONS', target.endpoint())).headers.get('accept-post')).toBe('application/sdp');
    });

    test('Fetch, 3.3.5: a page reads what it needs of an answer, of a refusal too', async () => {
      const session = await target.open();
      const refused = await ask('POST', target.endpoint(), { body: 'v=0', headers: { 'content-type': 'text/plain' } });
      for (const { headers } of [session, refused]) {
        expect(headers.get('access-control-allow-origin')).toBe('*');
        expect(headers.get('access-control-expose-headers')?.split(', ')).toEqual(expect.arrayContaining(['Location', 'ETag', 'Link', 'Retry-After']));
      }
    });
  });

  describe('PATCH', () => {
    test('4.3.1: "it MUST generate a unique strong entity-tag identifying the ICE session", which "MUST be returned in an ETag header field in the \'201 Created\' response"', async () => {
      const tags = [(await target.open()).entityTag, (await target.open()).entityTag];
      expect(tags.every((tag) => /^"[^"]+"$/.test(tag)), String(tags)).toBe(true);
      expect(new Set(tags).size).toBe(2);
    });

    test('4.3.1: "If the HTTP PATCH to the WHIP session has a content type different than \'application/trickle-ice-sdpfrag\' or the SDP fragment is malformed, the WHIP session MUST reject the HTTP PATCH with an appropriate 4XX error response"', async () => {
      const session = await target.open();
      const otherType = await patch(session, session.entityTag, trickleFragment(), 'application/sdp');
      // RFC 5789, 2.2: 415 "SHOULD include an Accept-Patch response header".
      expect([otherType.status, otherType.headers.get('accept-patch')]).toEqual([415, 'application/trickle-ice-sdpfrag']);
      const malformed = await patch(session, session.entityTag, 'this is no fragment');
      expect([malformed.status, codeOf(malformed)]).toEqual([400, 'sdp/malformed']);
      expect((await ask('GET', session.url)).status).toBe(204);
    });

    test('4.3.1: "a \'428 Precondition Required\' response for a missing entity tag, and a \'412 Precondition Failed\' response for a non-matching entity tag"', async () => {
      const session = await target.open();
      expect((await patch(session, undefined, trickleFragment())).status).toBe(428);
      expect((await patch(session, '"another"', trickleFragment())).status).toBe(412);
    });

    test('RFC 9110, 13.1.1: "the origin server MUST use the strong comparison function"', async () => {
      const session = await target.open();
      expect((await patch(session, `W/${session.entityTag}`, trickleFragment())).status).toBe(412);
    });

    test('4.3.2: "it MUST return a \'204 No Content\' response without a body and MUST NOT include an ETag header in the response"', async () => {
      const session = await target.open();
      for (const ifMatch of [session.entityTag, '*']) {
        const answer = await patch(session, ifMatch, trickleFragment(iceOf(target.offer)));
        expect([answer.status, answer.body, answer.headers.get('etag')]).toEqual([204, '', null]);
      }
    });

    test('4.3.2: "it MUST silently discard the candidate and continue processing the rest of the request normally"', async () => {
      const session = await target.open();
      expect((await patch(session, session.entityTag, 'a=candidate:1 1 sctp 1 192.0.2.1 9 typ host\r\na=candidate:2 1 udp 1 nowhere.invalid 9 typ host\r\n')).status).toBe(204);
    });

    test('4.3.2: "the SDP answer SHALL contain the full list of ICE candidates of the media server"', async () => {
      const { body } = await target.open();
      expect(attributes(body, 'candidate').length).toBeGreaterThan(0);
      expect(attributes(body, 'candidate').every((candidate) => /^\S+ 1 (udp|tcp) \d+ [0-9a-f.:]+ \d+ typ host/.test(candidate))).toBe(true);
      expect(attributes(body, 'end-of-candidates')).toEqual(['']);
    });

    test('4.3.3: "any WHIP session receiving an updated \'ice-pwd\' and \'ice-ufrag\' attributes MUST consider the request as performing an ICE restart", and "the \'200 OK\' response for a successful ICE restart MUST contain the new entity-tag"', async () => {
      const session = await target.open();
      const answer = await patch(session, '*', restartFragment('restart1'));
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/trickle-ice-sdpfrag']);
      expect(answer.headers.get('etag')).toMatch(/^"[^"]+"$/);
      expect(answer.headers.get('etag')).not.toBe(session.entityTag);
      for (const name of ['ice-ufrag', 'ice-pwd']) {
        expect(attributes(answer.body, name)).toHaveLength(1);
        expect(attributes(answer.body, name)[0]).not.toBe(attributes(session.body, name)[0]);
      }
      expect((await patch(session, session.entityTag, trickleFragment())).status).toBe(412);
      expect((await patch(session, answer.headers.get('etag') ?? '', trickleFragment())).status).toBe(204);
    });

    test('4.3.3: both sides "MUST ensure that the HTTP PATCH requests and response bodies include the same \'ice-options,\' \'ice-pacing,\' and \'ice-lite\' attributes as those used in the SDP offer or answer"', async () => {
      const session = await target.open();
      const answer = await patch(session, '*', restartFragment('restart2'));
      for (const name of ['ice-options', 'ice-pacing', 'ice-lite']) {
        expect([name, attributes(answer.body, name)]).toEqual([name, attributes(session.body, name)]);
      }
    });

    test('4.3.3: "If the ICE restart request cannot be satisfied by the WHIP session, the resource MUST return an appropriate HTTP error code and MUST NOT terminate the session immediately"', async () => {
      const session = await target.open();
      const answer = await patch(session, '*', 'a=ice-ufrag:restart3\r\na=ice-pwd:short\r\n');
      expect([answer.status, codeOf(answer)]).toEqual([400, 'sdp/malformed']);
      expect((await patch(session, session.entityTag, trickleFragment(iceOf(target.offer)))).status).toBe(204);
    });
  });

  describe('HTTP', () => {
    test('4.2: "If the HTTP POST to the WHIP endpoint has a content type different than \'application/sdp\' or the SDP is malformed, the WHIP endpoint MUST reject the HTTP POST request with an appropriate 4XX error response", by type', async () => {
      const answer = await ask('POST', target.endpoint(), { body: 'v=0', headers: { 'content-type': 'application/json' } });
      expect([answer.status, codeOf(answer)]).toEqual([415, 'signalling/content-type']);
    });

    test('RFC 9110, 15.5.6: 405 "MUST generate an Allow header field", for methods that RFC 9725 gives no meaning', async () => {
      const { url } = await target.open();
      for (const [method, resource] of [['PUT', target.endpoint()], ['DELETE', target.endpoint()], ['PATCH', target.endpoint()], ['POST', url], ['PUT', url]] as const) {
        const answer = await ask(method, resource);
        expect([method, answer.status]).toEqual([method, 405]);
        expect(answer.headers.get('allow')?.split(', ')).toContain('OPTIONS');
      }
    });

    test('4.5: "status codes 301 and 302 MUST NOT be used"', async () => {
      const answer = await ask('POST', `${target.endpoint()}/`, { body: 'v=0', headers: { 'content-type': 'application/sdp' } });
      expect([301, 302]).not.toContain(answer.status);
    });

    test('4.9: "WHIP sessions MUST NOT require the usage of any extension": every Link names its relation', async () => {
      const { headers } = await target.open();
      const links = headers.get('link') ?? '';
      expect(links === '' || links.split(/,\s*(?=<)/).every((link) => /^<[^>]+>; *rel="?[^"]+"?/.test(link)), links).toBe(true);
    });
  });
}
