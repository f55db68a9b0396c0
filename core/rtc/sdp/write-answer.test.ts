import { describe, expect, test } from 'vitest';

import { EXTENSIONS, takeExtensions } from './header-extensions.ts';
import { limitFeedback, receivableFormats } from './match.ts';
import { parseOffer } from './parse-offer.ts';
import type { AnsweredMedia, SessionAnswer } from './session-answer.ts';
import type { OfferedMedia, SessionOffer } from './session-offer.ts';
import { OFFER_NAMES, offerText } from './testing/offers.ts';
import { writeAnswer } from './write-answer.ts';

const transport = {
  ice: { ufrag: 'srvUfrag', pwd: 'srvPasswordOf24Character' },
  fingerprint: { algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') },
  candidates: [
    { foundation: '1', protocol: 'udp', priority: 2_130_706_431, address: '192.0.2.1', port: 8189 },
    { foundation: '2', protocol: 'tcp', priority: 1_671_430_143, address: '192.0.2.1', port: 8189 },
  ],
} as const;

function accepted(offered: OfferedMedia, payloadTypes: readonly number[]): Extract<AnsweredMedia, { accepted: true }> {
  return {
    offered,
    accepted: true,
    direction: 'sendonly',
    codecs: offered.codecs.filter(({ payloadType }) => payloadTypes.includes(payloadType)).map((codec) => limitFeedback(codec, ['nack', 'nack pli', 'transport-cc'])),
    extensions: takeExtensions(offered, [EXTENSIONS.mid, EXTENSIONS.transportCc]),
    sender: { ssrc: 1000, rtxSsrc: 1001, cname: 'millrace', stream: 'main', track: offered.kind },
  };
}

function answerTo(offer: SessionOffer, media: readonly AnsweredMedia[]): SessionAnswer {
  return { offer, media, ...transport };
}

describe('an answer to a viewer', () => {
  test('bundles what is accepted, and tells everything of the transport', () => {
    const offer = parseOffer(offerText('chromium-156-whep'));
    const [video, audio] = offer.media as [OfferedMedia, OfferedMedia];
    const { rtxSsrc: _, ...sender } = accepted(audio, [111]).sender!;
    const text = writeAnswer(answerTo(offer, [accepted(video, [108]), { ...accepted(audio, [111]), sender: { ...sender, ssrc: 2000 } }]));
    expect(text.split('\r\n')).toEqual([
      'v=0',
      expect.stringMatching(/^o=- \d{1,19} 1 IN IP4 127\.0\.0\.1$/) as unknown,
      's=-',
      't=0 0',
      'a=group:BUNDLE 0 1',
      'a=extmap-allow-mixed',
      'a=ice-lite',
      'a=ice-options:trickle ice2',
      'a=msid-semantic: WMS main',
      'm=video 9 UDP/TLS/RTP/SAVPF 108 109',
      'c=IN IP4 0.0.0.0',
      'a=rtcp:9 IN IP4 0.0.0.0',
      'a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host',
      'a=candidate:2 1 tcp 1671430143 192.0.2.1 8189 typ host tcptype passive',
      'a=end-of-candidates',
      'a=ice-ufrag:srvUfrag',
      'a=ice-pwd:srvPasswordOf24Character',
      `a=fingerprint:sha-256 ${transport.fingerprint.value}`,
      'a=setup:passive',
      'a=mid:0',
      `a=extmap:9 ${EXTENSIONS.mid}`,
      `a=extmap:4 ${EXTENSIONS.transportCc}`,
      'a=sendonly',
      'a=msid:main video',
      'a=rtcp-mux',
      'a=rtcp-mux-only',
      'a=rtcp-rsize',
      'a=rtpmap:108 H264/90000',
      'a=rtcp-fb:108 transport-cc',
      'a=rtcp-fb:108 nack',
      'a=rtcp-fb:108 nack pli',
      'a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
      'a=rtpmap:109 rtx/90000',
      'a=fmtp:109 apt=108',
      'a=ssrc-group:FID 1000 1001',
      'a=ssrc:1000 cname:millrace',
      'a=ssrc:1000 msid:main video',
      'a=ssrc:1001 cname:millrace',
      'a=ssrc:1001 msid:main video',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'c=IN IP4 0.0.0.0',
      'a=rtcp:9 IN IP4 0.0.0.0',
      'a=ice-ufrag:srvUfrag',
      'a=ice-pwd:srvPasswordOf24Character',
      `a=fingerprint:sha-256 ${transport.fingerprint.value}`,
      'a=setup:passive',
      'a=mid:1',
      `a=extmap:9 ${EXTENSIONS.mid}`,
      `a=extmap:4 ${EXTENSIONS.transportCc}`,
      'a=sendonly',
      'a=msid:main audio',
      'a=rtcp-mux',
      'a=rtcp-mux-only',
      'a=rtcp-rsize',
      'a=rtpmap:111 opus/48000/2',
      'a=rtcp-fb:111 transport-cc',
      'a=fmtp:111 minptime=10;useinbandfec=1',
      'a=ssrc:2000 cname:millrace',
      'a=ssrc:2000 msid:main audio',
      '',
    ]);
  });

  test('what is not accepted has port 0 and is not bundled; candidates stand at the first that is', () => {
    const offer = parseOffer(offerText('chromium-156-whep'));
    const [video, audio] = offer.media as [OfferedMedia, OfferedMedia];
    const lines = writeAnswer(answerTo(offer, [{ offered: video, accepted: false }, accepted(audio, [111])])).split('\r\n');
    expect(lines).toContain('a=group:BUNDLE 1');
    expect(lines).toContain(`m=video 0 UDP/TLS/RTP/SAVPF ${video.formats.join(' ')}`);
    expect(lines.indexOf('a=end-of-candidates')).toBeGreaterThan(lines.indexOf('m=audio 9 UDP/TLS/RTP/SAVPF 111'));
  });

  test('a single m-line that was not offered in a group is answered without one', () => {
    const offer = parseOffer(offerText('ffmpeg-8-whip-active').replace('a=group:BUNDLE 0 1\r\n', ''));
    expect(writeAnswer(answerTo(offer, [accepted(offer.media[0]!, [106])]))).not.toContain('a=group');
  });

  test.each([
    ['actpass', 'passive'],
    ['active', 'passive'],
    ['passive', 'active'],
  ])('RFC 8842, 5.3: an offer of %s is answered with %s', (offered, answered) => {
    const offer = parseOffer(offerText('chromium-156-whep').replaceAll('setup:actpass', `setup:${offered}`));
    const lines = writeAnswer(answerTo(offer, [accepted(offer.media[0]!, [108]), accepted(offer.media[1]!, [111])])).split('\r\n');
    expect(lines.filter((line) => line.startsWith('a=setup'))).toEqual([`a=setup:${answered}`, `a=setup:${answered}`]);
  });

  test('the same answer is always the same text', () => {
    const offer = parseOffer(offerText('chromium-156-whep'));
    const answer = answerTo(offer, offer.media.map((media) => ({ offered: media, accepted: false })));
    expect(writeAnswer(answer)).toBe(writeAnswer(answer));
    expect(writeAnswer(answer)).not.toContain('BUNDLE');
  });
});

test('an answer to a publisher takes layers and may limit the bit rate', () => {
  const offer = parseOffer(offerText('chromium-156-simulcast'));
  const [video, audio, data] = offer.media as [OfferedMedia, OfferedMedia, OfferedMedia];
  const { sender: _v, ...receive } = { ...accepted(video, [96]), direction: 'recvonly' as const };
  const { sender: _a, ...sound } = { ...accepted(audio, [111]), direction: 'recvonly' as const };
  const lines = writeAnswer(answerTo(offer, [{ ...receive, rids: ['q', 'h', 'f'], maxBitrate: 2_500_400 }, sound, { offered: data, accepted: false }])).split('\r\n');
  expect(lines.filter((line) => /^(b=|a=rid|a=simulcast|a=recvonly|a=msid)/.test(line))).toEqual(['b=AS:2501', 'b=TIAS:2500400', 'a=recvonly', 'a=rid:q recv', 'a=rid:h recv', 'a=rid:f recv', 'a=simulcast:recv q;h;f', 'a=recvonly']);
  expect(lines).toContain('m=application 0 UDP/DTLS/SCTP webrtc-datachannel');
  expect(lines).toContain('a=group:BUNDLE 0 1');
});

test.each(OFFER_NAMES)('an answer to %s can be read as a description', (name) => {
  const offer = parseOffer(offerText(name));
  const media = offer.media.map((offered): AnsweredMedia => {
    const codecs = receivableFormats(offered);
    return codecs.length > 0 ? { offered, accepted: true, direction: 'recvonly', codecs, extensions: [] } : { offered, accepted: false };
  });
  const text = writeAnswer(answerTo(offer, media));
  const answer = parseOffer(text.replace('a=ice-lite\r\n', '').replaceAll('a=setup:passive', 'a=setup:active'));
  expect(answer.media.map(({ mid, rejected, mediaType }) => [mid, rejected, mediaType])).toEqual(offer.media.map(({ mid, mediaType }, index) => [mid, media[index]?.accepted === false, mediaType]));
  expect(answer.media.flatMap(({ codecs }) => codecs.map(({ payloadType, parameters, rtxPayloadType }) => [payloadType, parameters, rtxPayloadType]))).toEqual(
    media.flatMap((line) => (line.accepted ? line.codecs.map(({ payloadType, parameters, rtxPayloadType }) => [payloadType, parameters, rtxPayloadType]) : [])),
  );
  expect(answer.ice).toEqual(transport.ice);
});
