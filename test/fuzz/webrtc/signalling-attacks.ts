import { mutateSdp } from '#core/rtc/sdp/testing/mutate-sdp.ts';
import { OFFER_NAMES, offerText } from '#core/rtc/sdp/testing/offers.ts';
import type { Random } from '#test/fuzz/mutate.ts';

/** Whom {@link signallingAttack} may name. */
export type SignallingTargets = {
  readonly server: string;
  readonly stream: string;
  /** A key that is valid. */
  readonly key: string;
};

/** Lines of which there may be thousands in 64 kB: what is worked through once for each of them would take seconds. */
const BOMBS: readonly ((i: number) => string)[] = [
  () => 'm=video 9 UDP/TLS/RTP/SAVPF 96',
  (i) => `a=rtpmap:${i % 128} VP8/90000`,
  (i) => `a=fmtp:${i % 128} apt=${(i + 1) % 128};a=b;c=d`,
  (i) => `a=rtcp-fb:${i % 128} nack`,
  (i) => `a=extmap:${i % 15} urn:x`,
  (i) => `a=ssrc-group:FID ${i} ${i + 1}`,
  (i) => `a=rid:${i} send pt=${'96,'.repeat(10)}96`,
  (i) => `a=simulcast:send ${`${i};`.repeat(20)}`,
  (i) => `a=candidate:${i} 1 udp 1 10.0.0.1 ${i % 65_536} typ host`,
  () => 'a=fingerprint:sha-256 AA:BB',
  (i) => `a=group:BUNDLE ${`${i} `.repeat(30)}`,
  (i) => `a=mid:${i}`,
  () => '',
];

function offer(random: Random): string {
  const text = offerText(random.pick(OFFER_NAMES));
  if (random.chance(0.7)) {
    return mutateSdp(text, random);
  }
  const line = random.pick(BOMBS);
  const bomb = Array.from({ length: random.pick([500, 2000, 6000]) }, (_, i) => line(i)).join('\r\n');
  return random.chance(0.5) ? `${text}${bomb}\r\n` : text.replace('\r\nm=', `\r\n${bomb}\r\nm=`);
}

function id(random: Random): string {
  return Array.from({ length: 32 }, () => random.pick([...'abcXYZ019_-'])).join('');
}

/** Requests of one kind, with whether they may end with a session. */
function request(random: Random, { server, stream, key }: SignallingTargets): { readonly url: string; readonly init: RequestInit } {
  const whip = random.chance(0.5);
  const authorization = random.pick([`Bearer ${key}`, 'Bearer nobody_0123456789abcdef', 'Bearer', `Basic ${'x'.repeat(300)}`]);
  const session = `${server}/${random.pick(['whip', 'whep'])}/${random.pick([stream, 'nobody', '..%2f..'])}/${random.pick([id(random), '../x', '%00', 'a'.repeat(3000), '__proto__'])}`;
  switch (random.int(6)) {
    case 0:
      return { url: session, init: { method: 'DELETE' } };
    case 1: {
      const headers = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': random.pick(['*', '"x"', 'x', '"a", "b"']) };
      return { url: session, init: { method: 'PATCH', headers, body: mutateSdp('a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates', random) } };
    }
    case 2:
      return { url: `${session}${random.pick(['/layer', '/sse', '/events', ''])}`, init: { method: random.pick(['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT']) } };
    case 3:
      // As a form of another site may send without being asked.
      return { url: `${server}/whip`, init: { method: 'POST', headers: { 'content-type': random.pick(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']), authorization }, body: offerText('chromium-156-whip') } };
    default: {
      const headers = { 'content-type': 'application/sdp', ...(whip ? { authorization } : {}) };
      return { url: whip ? `${server}/whip` : `${server}/whep/${stream}`, init: { method: 'POST', headers, body: offer(random) } };
    }
  }
}

/** Sends one hostile request; what came of it, and the session where there is one. */
export async function signallingAttack(random: Random, targets: SignallingTargets): Promise<{ readonly status: number; readonly session: string | undefined }> {
  const { url, init } = request(random, targets);
  const response = await fetch(url, init);
  await response.arrayBuffer();
  const location = response.headers.get('location');
  return { status: response.status, session: response.status === 201 && location !== null ? new URL(location, targets.server).href : undefined };
}
