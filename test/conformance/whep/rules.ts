import { afterEach, describe, expect, test } from 'vitest';

import { offerText, type OfferName } from '#core/rtc/sdp/testing/offers.ts';
import { ask, attributes, codeOf, created, sections, type Created, type Question } from '../whip/ask.ts';
import { sessionRules } from '../whip/session-rules.ts';

/** A server that has viewers. */
export type WhepTarget = {
  /** `http://host:port` with the base path. */
  readonly url: string;
  /** A stream that is on air with H.264 and sound. */
  readonly onAir: string;
  /** One that exists, but is not. */
  readonly offAir: string;
};

/**
 * One test for each MUST of draft-ietf-wish-whep that concerns endpoint, session or media server. The draft's sections bear no
 * stable numbers: titles name them. The rules that it shares with RFC 9725 are `../whip/session-rules.ts`.
 */
export function whepRules(target: () => WhepTarget): void {
  const open: Created[] = [];

  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ url }) => ask('DELETE', url)));
  });

  const endpointOf = (stream: string): string => `${target().url}/whep/${stream}`;
  const endpoint = (): string => endpointOf(target().onAir);
  const post = (body: string, { headers = {} }: Question = {}) => ask('POST', endpoint(), { body, headers: { 'content-type': 'application/sdp', ...headers } });
  const watch = async (body: string, question?: Question): Promise<Created> => {
    const session = created(await post(body, question), endpoint());
    open.push(session);
    return session;
  };
  const offer = (name: OfferName = 'chromium-156-whep', edit: (text: string) => string = (text) => text): string => edit(offerText(name));
  const mLines = ({ body }: Created): string[] => sections(body).slice(1);

  sessionRules({ endpoint, offer: offer(), open: (text = offer()) => watch(text) });

  describe('an endpoint', () => {
    test('Discoverability: to HEAD "it SHOULD respond with a \'200 OK\' status code and include a Content-Type header field with the value application/sdp"', async () => {
      const answer = await ask('HEAD', endpoint());
      expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-length')]).toEqual([200, 'application/sdp', '0']);
    });

    test('Discoverability: "The HEAD response MUST include the same headers that would be returned in response to a GET request, including the Content-Type header, but MUST NOT include a message body"', async () => {
      const [head, get] = await Promise.all([ask('HEAD', endpoint()), ask('GET', endpoint())]);
      const fields = ({ headers }: typeof head): (readonly [string, string])[] => [...headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name));
      expect(fields(head)).toEqual(fields(get));
      expect([head.body, get.body]).toEqual(['', '']);
    });

    test('Session Management: "the WHEP endpoint SHALL return a \'409 Conflict\' response [...] with a \'Retry-After\' header indicating the number of seconds before sending a new request"', async () => {
      const answer = await ask('POST', endpointOf(target().offAir), { body: offer(), headers: { 'content-type': 'application/sdp' } });
      expect([answer.status, codeOf(answer)]).toEqual([409, 'offline']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    });

    test('RFC 9110, 15.5.5: a stream that does not exist is not found', async () => {
      const answer = await ask('POST', endpointOf('nobody-knows-this'), { body: offer(), headers: { 'content-type': 'application/sdp' } });
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([404, '*']);
    });

    test('Bearer Token Authentication: "bearer token authentication [...] MUST be supported": who sends a token is served', async () => {
      await watch(offer(), { headers: { authorization: 'Bearer a-token_of.the+player/==' } });
      const malformed = await post(offer(), { headers: { authorization: 'Basic dXNlcjpwYXNz' } });
      expect([malformed.status, malformed.headers.get('www-authenticate')?.startsWith('Bearer ')]).toEqual([401, true]);
    });
  });

  describe('an offer', () => {
    test('Error Conditions: "or the SDP is malformed, the WHEP endpoint MUST reject the HTTP POST request with an appropriate 4xx error response"', async () => {
      const answer = await post('this is no offer');
      expect([answer.status, codeOf(answer)]).toEqual([400, 'sdp/malformed']);
    });

    test.each(['chromium-156-whep', 'firefox-140-whep', 'safari-18-whep'] as const)('of %s is answered with picture and sound', async (name) => {
      const lines = mLines(await watch(offer(name)));
      expect(lines.map((line) => /^m=\w+ (\d+)/.exec(line)?.[1])).toEqual(['9', '9']);
      expect(lines.join('')).toMatch(/a=rtpmap:\d+ H264\/90000/);
      expect(lines.join('')).toMatch(/a=rtpmap:\d+ opus\/48000\/2/);
    });

    test('Media Direction Attributes: "When a WHEP endpoint sends an SDP answer (accepting client offer), it MUST use \'sendonly\' attribute in the SDP answer", to recvonly and to sendrecv', async () => {
      for (const text of [offer(), offer('chromium-156-whep', (sdp) => sdp.replaceAll('a=recvonly', 'a=sendrecv'))]) {
        const lines = mLines(await watch(text));
        expect(lines.map((line) => attributes(line, 'sendonly').length)).toEqual([1, 1]);
        expect(lines.join('')).not.toMatch(/a=(sendrecv|recvonly|inactive)/);
      }
    });

    test('Media Direction Attributes: "The \'inactive\' and \'sendonly\' attributes MUST NOT be used"', async () => {
      for (const direction of ['inactive', 'sendonly']) {
        const answer = await post(offer('chromium-156-whep', (sdp) => sdp.replaceAll('a=recvonly', `a=${direction}`)));
        expect([direction, answer.status]).toEqual([direction, 422]);
        codeOf(answer);
      }
    });

    test('SDP Bundle: "the WHEP player and media server SHALL use RTP/RTCP multiplexing for all bundled media", "WHEP endpoints MUST include the \'rtcp-mux-only\' attribute in each bundled \'m=\' sections"', async () => {
      const session = await watch(offer());
      expect(attributes(session.body, 'group')).toEqual(['BUNDLE 0 1']);
      for (const line of mLines(session)) {
        expect([attributes(line, 'rtcp-mux').length, attributes(line, 'rtcp-mux-only').length]).toEqual([1, 1]);
      }
    });

    test('Single MediaStream: "all \'m=\' sections MUST contain an \'msid\' attribute with the same value"', async () => {
      const streams = mLines(await watch(offer())).map((line) => attributes(line, 'msid').map((msid) => msid.split(' ')[0]));
      expect(streams.flat()).toHaveLength(2);
      expect(new Set(streams.flat()).size).toBe(1);
    });

    test('Single MediaStream: "it MUST NOT have two or more than MediaStreamTracks for the same media (audio or video)"', async () => {
      const [session = '', video = '', audio = ''] = sections(offer());
      const lines = mLines(await watch(session.replace('BUNDLE 0 1', 'BUNDLE 0 1 2') + video + audio + video.replace('a=mid:0', 'a=mid:2')));
      expect(lines.map((line) => [/^m=(\w+) (\d+)/.exec(line)?.slice(1), attributes(line, 'msid').length])).toEqual([[['video', '9'], 1], [['audio', '9'], 1], [['video', '0'], 0]]);
    });

    test('RFC 8842, 5.3: an offer of "active" or "actpass" is answered with "passive", one of "passive" with "active"', async () => {
      for (const [setup, answered] of [['active', 'passive'], ['actpass', 'passive'], ['passive', 'active']] as const) {
        const session = await watch(offer('chromium-156-whep', (sdp) => sdp.replaceAll('setup:actpass', `setup:${setup}`)));
        expect(mLines(session).flatMap((line) => attributes(line, 'setup'))).toEqual([answered, answered]);
      }
    });

    test('RFC 3264, 6: every format of the answer is one of the offer, with its parameters', async () => {
      const text = offer();
      const session = await watch(text);
      for (const name of ['rtpmap', 'rtcp-fb']) {
        expect(attributes(text, name)).toEqual(expect.arrayContaining(attributes(session.body, name)));
      }
      expect(attributes(session.body, 'fmtp').filter((fmtp) => fmtp.includes('packetization-mode=0'))).toEqual([]);
    });

    test('ICE Support: "it MAY support only ICE lite", and says so', async () => {
      expect(attributes((await watch(offer())).body, 'ice-lite')).toEqual(['']);
    });

    test('RFC 5576, 4.1: every source that is sent has a CNAME, and retransmissions are told by RFC 5576, 4.2', async () => {
      const [video = ''] = mLines(await watch(offer()));
      const [ssrc, rtx] = attributes(video, 'ssrc-group')[0]?.replace('FID ', '').split(' ') ?? [];
      for (const source of [ssrc, rtx]) {
        expect(attributes(video, 'ssrc').filter((line) => line.startsWith(`${source} cname:`))).toHaveLength(1);
      }
    });

    test('RFC 9110, 15.5.21: codecs in which the stream is not sent are 422, not 406, which begins a counter-offer', async () => {
      const answer = await post(offer('chromium-156-whep', (sdp) => sdp.replace(/ (VP8|VP9|H264|AV1)\/90000/g, ' theora/90000').replace('opus/48000/2', 'speex/16000')));
      expect(answer.status).toBe(422);
      codeOf(answer);
    });
  });

  describe('extensions', () => {
    test('Protocol Extensions: "The WHEP Endpoint MUST return one \'Link\' header field for each extension that it supports, with the extension \'rel\' attribute value containing the extension URN"', async () => {
      const links = ((await watch(offer())).headers.get('link') ?? '').split(/,\s*(?=<)/);
      const relations = links.map((link) => /rel="(urn:ietf:params:whep:ext:[^"]+)"/.exec(link)?.[1]);
      expect(relations).toContain('urn:ietf:params:whep:ext:core:server-sent-events');
      expect(relations).toContain('urn:ietf:params:whep:ext:core:layer');
      expect(new Set(relations).size).toBe(links.length);
    });

    test('Protocol Extensions: "and the URL for the HTTP resource that will be available for receiving requests related to that extension"', async () => {
      const { headers } = await watch(offer());
      for (const [, path = ''] of (headers.get('link') ?? '').matchAll(/<([^>]+)>/g)) {
        expect([path, (await ask('OPTIONS', new URL(path, endpoint()).href)).status]).toEqual([path, 204]);
      }
    });
  });
}
