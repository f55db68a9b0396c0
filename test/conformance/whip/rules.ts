import { afterEach, describe, expect, test } from 'vitest';

import { offerText, type OfferName } from '#core/rtc/sdp/testing/offers.ts';
import { ask, attributes, codeOf, created, sections, type Created, type Question } from './ask.ts';
import { sessionRules } from './session-rules.ts';

/** A server that takes publishers. */
export type WhipTarget = {
  /** `http://host:port` with the base path. */
  readonly url: string;
  /** A key with which nobody else publishes. */
  freshKey(): string;
};

/** One test for each MUST of RFC 9725 that concerns endpoint, session or media server. */
export function whipRules(target: () => WhipTarget): void {
  const open: Created[] = [];

  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ url }) => ask('DELETE', url)));
  });

  const endpoint = (): string => `${target().url}/whip`;
  const post = (body: string, { headers = {} }: Question = {}) =>
    ask('POST', endpoint(), { body, headers: { 'content-type': 'application/sdp', 'authorization': `Bearer ${target().freshKey()}`, ...headers } });
  const publish = async (body: string): Promise<Created> => {
    const session = created(await post(body), endpoint());
    open.push(session);
    return session;
  };
  const offer = (name: OfferName, edit: (text: string) => string = (text) => text): string => edit(offerText(name));
  const mLines = ({ body }: Created): string[] => sections(body).slice(1);

  sessionRules({ endpoint, offer: offer('obs-30-whip'), open: (text = offer('obs-30-whip')) => publish(text) });

  describe('an offer', () => {
    test('4.2: "or the SDP is malformed, the WHIP endpoint MUST reject the HTTP POST request with an appropriate 4XX error response"', async () => {
      const answer = await post('this is no offer');
      expect([answer.status, codeOf(answer)]).toEqual([400, 'sdp/malformed']);
    });

    test.each(['chromium-156-whip', 'ffmpeg-8-whip', 'ffmpeg-8-whip-active', 'ffmpeg-8.1-whip', 'firefox-140-simulcast', 'gstreamer-1.26-whipclientsink', 'obs-30-whip', 'obs-32-simulcast', 'wrtc-0.10-whip'] as const)('of %s is answered', async (name) => {
      expect(mLines(await publish(offer(name))).length).toBe(offer(name).match(/^m=/gm)?.length);
    });

    test('4.2: "The WHIP endpoint MUST use \'recvonly\' attribute in the SDP answer", to sendonly and to sendrecv', async () => {
      for (const text of [offer('obs-30-whip'), offer('obs-30-whip', (sdp) => sdp.replaceAll('a=sendonly', 'a=sendrecv'))]) {
        const lines = mLines(await publish(text));
        expect(lines.map((line) => attributes(line, 'recvonly').length)).toEqual([1, 1]);
        expect(lines.join('')).not.toMatch(/a=(sendrecv|sendonly|inactive)/);
      }
    });

    test('4.2: "\'inactive\' and \'recvonly\' attributes MUST NOT be used"', async () => {
      for (const direction of ['inactive', 'recvonly']) {
        const answer = await post(offer('obs-30-whip', (sdp) => sdp.replaceAll('a=sendonly', `a=${direction}`)));
        expect([answer.status, codeOf(answer)]).toEqual([422, 'sdp/unsupported']);
      }
    });

    test('4.4.1: "the WHIP client and media server SHALL use RTP/RTCP multiplexing for all bundled media" and "MUST include the \'rtcp-mux-only\' attribute in each bundled \'m=\' sections"', async () => {
      const session = await publish(offer('chromium-156-whip'));
      expect(attributes(session.body, 'group')).toEqual(['BUNDLE 0 1']);
      for (const line of mLines(session)) {
        expect([attributes(line, 'rtcp-mux').length, attributes(line, 'rtcp-mux-only').length]).toEqual([1, 1]);
      }
      const separate = await post(offer('obs-30-whip', (sdp) => sdp.replaceAll('a=rtcp-mux\r\n', '')));
      expect([separate.status, codeOf(separate)]).toEqual([422, 'sdp/unsupported']);
      const unbundled = await post(offer('obs-30-whip', (sdp) => sdp.replace('a=group:BUNDLE 0 1\r\n', '')));
      expect([unbundled.status, codeOf(unbundled)]).toEqual([422, 'sdp/unsupported']);
    });

    test('4.4.2: "if the number of audio and or video MediaStreamTracks or number of MediaStreams are not supported by the WHIP endpoint, it MUST reject the HTTP POST request with a \'422 Unprocessable Content\' or \'400 Bad Request\' error response"', async () => {
      const [session = '', first = '', second = ''] = sections(offer('obs-30-whip'));
      const answer = await post(session.replace('BUNDLE 0 1', 'BUNDLE 0 1 2') + first + second + second.replace('a=mid:1', 'a=mid:2').replaceAll('2145263895', '2145263896'));
      expect([answer.status, codeOf(answer)]).toEqual([422, 'sdp/unsupported']);
    });

    test('4.4.3: "The WHIP endpoint SHOULD NOT reject individual \'m=\' sections [...] but reject the HTTP POST request": nothing that is sent is passed over, but for a data channel', async () => {
      const lines = mLines(await publish(offer('chromium-156-simulcast')));
      expect(lines.map((line) => /^m=(\w+) (\d+)/.exec(line)?.slice(1))).toEqual([['video', '9'], ['audio', '9'], ['application', '0']]);
      const answer = await post(offer('obs-30-whip', (sdp) => sdp.replaceAll('H264/90000', 'theora/90000').replaceAll('opus/48000/2', 'speex/16000')));
      expect(answer.status).toBe(422);
    });

    test('4.4.4: an offer with "setup:active" is taken, as one with "actpass" is, and the server waits for the client', async () => {
      for (const setup of ['active', 'actpass']) {
        const session = await publish(offer('obs-30-whip', (sdp) => sdp.replace('setup:actpass', `setup:${setup}`)));
        expect(mLines(session).flatMap((line) => attributes(line, 'setup'))).toEqual(['passive', 'passive']);
      }
    });

    test('RFC 8842, 5.3: an offer of "passive" is answered with "active", and the server begins', async () => {
      const session = await publish(offer('obs-30-whip', (sdp) => sdp.replace('setup:actpass', 'setup:passive')));
      expect(mLines(session).flatMap((line) => attributes(line, 'setup'))).toEqual(['active', 'active']);
    });

    test('4.4.5: "it MAY support only ICE lite", and says so; a client that is no full agent is refused', async () => {
      expect(attributes((await publish(offer('obs-30-whip'))).body, 'ice-lite')).toEqual(['']);
      const lite = await post(offer('obs-30-whip', (sdp) => sdp.replace('a=setup', 'a=ice-lite\r\na=setup')));
      expect([lite.status, codeOf(lite)]).toEqual([422, 'sdp/unsupported']);
    });

    test('4.8: "A server accepting a simulcast offer MUST create an answer according to the procedures in Section 5.3.2 of [RFC8853]"', async () => {
      for (const [name, ids] of [['chromium-156-simulcast', ['q', 'h', 'f']], ['obs-32-simulcast', ['0', '1', '2']]] as const) {
        const { body } = await publish(offer(name));
        const received = attributes(body, 'rid').map((rid) => rid.split(' '));
        expect(received.every(([id = '', direction]) => direction === 'recv' && (ids as readonly string[]).includes(id))).toBe(true);
        expect(attributes(body, 'simulcast').map((value) => value.replace(/^recv /, '').split(';'))).toEqual([received.map(([id]) => id)]);
      }
    });

    test('RFC 3264, 6: "For each \'m=\' line in the offer, there MUST be a corresponding \'m=\' line in the answer", with formats and mids of the offer', async () => {
      const text = offer('chromium-156-whip');
      const session = await publish(text);
      expect(attributes(session.body, 'mid')).toEqual(attributes(text, 'mid'));
      sections(text).slice(1).forEach((offered, index) => {
        const formats = (line: string): string[] => line.split('\r\n', 1)[0]?.split(' ').slice(3) ?? [];
        expect(formats(offered)).toEqual(expect.arrayContaining(formats(mLines(session)[index] ?? '')));
      });
    });

    test('5: "WHIP endpoints SHOULD implement a rate limit": what is too large is not read', async () => {
      const answer = await post(offer('obs-30-whip') + 'a=x\r\n'.repeat(20_000));
      expect([answer.status, codeOf(answer)]).toEqual([413, 'sdp/too-large']);
    });
  });

  describe('a publisher', () => {
    test('4.7: "bearer token authentication [...] MUST be supported by all WHIP entities"; RFC 9110, 11.6.1: 401 "MUST send a WWW-Authenticate header field"', async () => {
      const headers = { 'content-type': 'application/sdp' };
      const body = offer('obs-30-whip');
      const none = await ask('POST', endpoint(), { body, headers });
      expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="millrace"']);
      const wrong = await post(body, { headers: { authorization: `Bearer ${target().freshKey()}x` } });
      expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="millrace", error="invalid_token"']);
      const basic = await post(body, { headers: { authorization: 'Basic dXNlcjpwYXNz' } });
      expect([basic.status, basic.headers.get('www-authenticate')?.startsWith('Bearer ')]).toEqual([401, true]);
    });

    test('4.7.2: "encoding an authentication token within the URLs": the key in the path, which no answer repeats', async () => {
      const key = target().freshKey();
      const answer = await ask('POST', `${endpoint()}/${key}`, { body: offer('obs-30-whip'), headers: { 'content-type': 'application/sdp' } });
      open.push(created(answer, endpoint()));
      expect(JSON.stringify([...answer.headers]) + answer.body).not.toContain(key.slice(key.indexOf('_')));
    });

    test('of a stream in the URL needs that stream\'s key', async () => {
      const key = target().freshKey();
      const other = target().freshKey();
      const at = (name: string, bearer: string) => ask('POST', `${endpoint()}/${name}`, { body: offer('obs-30-whip'), headers: { 'content-type': 'application/sdp', 'authorization': `Bearer ${bearer}` } });
      const stream = key.slice(0, key.indexOf('_'));
      open.push(created(await at(stream, key), endpoint()));
      const wrong = await at(stream, other);
      expect(wrong.status).toBe(403);
    });
  });
}
