import { describe, expect, test } from 'vitest';

import { parseOffer } from './parse-offer.ts';
import { receivableFormats } from './match.ts';
import type { SessionOffer } from './session-offer.ts';
import { offerText, type OfferName } from './testing/offers.ts';

/** One line for each m-line: kind, mid, direction, and the formats that the server could receive. */
function summary({ media }: SessionOffer): string[] {
  return media.map((line) => `${line.kind} ${line.mid} ${line.direction}: ${receivableFormats(line).map(({ name, payloadType, rtxPayloadType }) => `${name}/${payloadType}${rtxPayloadType === undefined ? '' : `+${rtxPayloadType}`}`).join(' ')}`);
}

const clients: readonly (readonly [name: OfferName, lines: readonly string[], ufrag: string, setup: string])[] = [
  ['chromium-156-whep', ['video 0 recvonly: vp8/96+97 vp9/98+99 h264/102+103 h264/108+109 h264/116+117 av1/45+46', 'audio 1 recvonly: opus/111'], 'rXIe', 'actpass'],
  ['chromium-156-simulcast', ['video 0 sendonly: vp8/96+97 h264/102+103 h264/108+109 h264/116+117 av1/45+46 vp9/98+99', 'audio 1 sendonly: opus/111', 'application 2 sendrecv: '], 'KgUC', 'actpass'],
  ['firefox-140-whep', ['audio 0 recvonly: opus/109', 'video 1 recvonly: vp8/120+124 vp9/121+125 h264/126+127'], '9f1c2d3e', 'actpass'],
  ['firefox-140-simulcast', ['audio 0 sendonly: opus/109', 'video 1 sendonly: vp8/120+124 vp9/121+125 h264/126+127'], '9f1c2d3e', 'actpass'],
  ['safari-18-whep', ['video 0 recvonly: h264/96+97 h264/98+99 vp8/100+101', 'audio 1 recvonly: opus/111'], 'Yl/p', 'actpass'],
  ['obs-30-whip', ['audio 0 sendonly: opus/111', 'video 1 sendonly: h264/96'], 'oGMC', 'actpass'],
  ['obs-32-simulcast', ['audio 0 sendonly: opus/111', 'video 1 sendonly: h264/96'], '5cVn', 'actpass'],
  ['ffmpeg-8-whip', ['video 1 sendonly: h264/106'], '1a2b3c4d', 'passive'],
  ['ffmpeg-8.1-whip', ['audio 0 sendonly: opus/111', 'video 1 sendonly: h264/106+105'], '351cb628', 'passive'],
  ['ffmpeg-8-whip-active', ['video 1 sendonly: h264/106'], '1a2b3c4d', 'active'],
  ['gstreamer-1.26-whipclientsink', ['video video0 sendonly: h264/96+97', 'audio audio1 sendonly: opus/98'], 'Yx5Ppa7l8BbnXEyTSOFLGtZ0AgK4lIGC', 'actpass'],
  ['wrtc-0.10-whep', ['audio 0 recvonly: opus/111', 'video 1 recvonly: vp8/96+97 vp9/98+99 av1/39+40'], 'FWkO', 'actpass'],
  ['wrtc-0.10-whip', ['audio 0 sendrecv: opus/111', 'video 1 sendrecv: vp8/96+97 av1/39+40 vp9/98+99'], 'nZX1', 'actpass'],
];

describe('what clients send', () => {
  test.each(clients)('%s', (name, lines, ufrag, setup) => {
    const offer = parseOffer(offerText(name));
    expect(summary(offer)).toEqual(lines);
    expect(offer.ice.ufrag).toBe(ufrag);
    expect(offer.setup).toBe(setup);
    expect(offer.fingerprints).toHaveLength(1);
    expect(offer.media.some(({ rejected }) => rejected)).toBe(false);
  });

  test('a description with bare line feeds is the same', () => {
    const text = offerText('obs-30-whip');
    expect(parseOffer(text.replaceAll('\r\n', '\n'))).toEqual(parseOffer(text));
  });
});

describe('what stands in an m-line', () => {
  test('a format has its parameters, feedback and retransmission', () => {
    const codec = parseOffer(offerText('chromium-156-whep')).media[0]?.codecs.find(({ payloadType }) => payloadType === 108);
    expect(codec).toEqual({
      payloadType: 108,
      name: 'h264',
      clockRate: 90_000,
      channels: 1,
      parameters: { 'level-asymmetry-allowed': '1', 'packetization-mode': '1', 'profile-level-id': '42e01f' },
      feedback: ['goog-remb', 'transport-cc', 'ccm fir', 'nack', 'nack pli'],
      rtxPayloadType: 109,
    });
  });

  test('sources, groups and the stream are kept', () => {
    const video = parseOffer(offerText('chromium-156-whip')).media.find(({ kind }) => kind === 'video');
    expect(video?.ssrcGroups).toEqual([{ semantics: 'FID', ssrcs: [3_390_721_819, 2_557_960_658] }]);
    expect(video?.ssrcs.map(({ ssrc, cname }) => [ssrc, cname])).toEqual([[3_390_721_819, '0VV8ymmoFYH9Wl+h'], [2_557_960_658, '0VV8ymmoFYH9Wl+h']]);
    expect(video?.msid).toEqual({ stream: 'd1a5d7df-efd0-4368-9b2e-04244da4a2b2', track: 'b7c5944d-aefb-4d9b-bac1-5a399f96bd67' });
  });

  test('layers of simulcast keep their order, and which are paused', () => {
    const chromium = parseOffer(offerText('chromium-156-simulcast')).media[0];
    expect(chromium?.simulcast).toEqual({ send: ['q', 'h', 'f'], paused: [] });
    expect(chromium?.rids.map(({ id, direction }) => `${id} ${direction}`)).toEqual(['q send', 'h send', 'f send']);
    const firefox = parseOffer(offerText('firefox-140-simulcast')).media[1];
    expect(firefox?.simulcast).toEqual({ send: ['q', 'h', 'f'], paused: ['h'] });
    expect(firefox?.rids[1]).toEqual({ id: 'h', direction: 'send', restrictions: { 'max-width': '640', 'max-height': '360' } });
    expect(parseOffer(offerText('obs-32-simulcast')).media[1]?.simulcast).toEqual({ send: ['0', '1', '2'], paused: [] });
  });

  test('candidates are read, those of other names and families too', () => {
    expect(parseOffer(offerText('gstreamer-1.26-whipclientsink')).media[0]?.candidates.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`)).toEqual(['udp 192.0.2.7 43311', 'tcp 192.0.2.7 9', 'tcp 192.0.2.7 37261']);
    expect(parseOffer(offerText('obs-30-whip')).media[0]?.candidates[1]?.address).toBe('2001:db8::10');
    expect(parseOffer(offerText('chromium-156-whep')).media[0]?.candidates[0]?.address).toMatch(/\.local$/);
  });

  test('header extensions keep their direction', () => {
    expect(parseOffer(offerText('firefox-140-whep')).media[0]?.extensions[1]).toEqual({ id: 2, uri: 'urn:ietf:params:rtp-hdrext:csrc-audio-level', direction: 'recvonly' });
  });

  test('trickling is announced with a space or, by libdatachannel, a comma', () => {
    expect(parseOffer(offerText('obs-30-whip')).trickle).toBe(true);
    expect(parseOffer(offerText('ffmpeg-8-whip-active')).trickle).toBe(false);
  });

  test('feedback for all formats counts for each', () => {
    const offer = parseOffer(edited((text) => text.replace('a=rtcp-fb:96 nack\r\n', 'a=rtcp-fb:* ccm fir\r\n')));
    expect(offer.media[1]?.codecs[0]?.feedback).toEqual(['nack pli', 'goog-remb', 'ccm fir']);
  });

  test('a parameter called __proto__ is a parameter', () => {
    const offer = parseOffer(edited((text) => text.replace('profile-level-id=42e01f', '__proto__=1;profile-level-id=42e01f')));
    expect(Object.keys(offer.media[1]?.codecs[0]?.parameters ?? {})).toContain('__proto__');
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });
});

function edited(edit: (text: string) => string): string {
  const text = offerText('obs-30-whip');
  const changed = edit(text);
  expect(changed).not.toBe(text);
  return changed;
}

const refused: readonly (readonly [what: string, edit: (text: string) => string, code: string, message: RegExp])[] = [
  ['nothing at all', () => '', 'sdp/malformed', /empty/],
  ['another version', (text) => text.replace('v=0', 'v=1'), 'sdp/malformed', /v=0/],
  ['HTML', () => '<html></html>', 'sdp/malformed', /Line 1 /],
  ['a line that is none', (text) => text.replace('s=-', 'hello'), 'sdp/malformed', /Line 3 /],
  ['a carriage return within a line', (text) => text.replace('a=mid:0', 'a=mid:0\ra=evil'), 'sdp/malformed', /Line \d+ /],
  ['no m-line', (text) => text.replace(/m=[\s\S]*/, ''), 'sdp/malformed', /no m-line/],
  ['an m-line without formats', (text) => text.replace('SAVPF 111', 'SAVPF'), 'sdp/malformed', /m-line/],
  ['a port that is none', (text) => text.replace('audio 56117', 'audio 99999'), 'sdp/malformed', /m-line/],
  ['a payload type that is none', (text) => text.replace('SAVPF 111', 'SAVPF 300'), 'sdp/malformed', /payload type/],
  ['a clock rate of nothing', (text) => text.replace('opus/48000', 'opus/0'), 'sdp/malformed', /rtpmap/],
  ['two m-lines of one mid', (text) => text.replace('a=mid:1', 'a=mid:0'), 'sdp/malformed', /same a=mid/],
  ['a mid with a space', (text) => text.replace('a=mid:1', 'a=mid:1 2'), 'sdp/malformed', /a=mid/],
  ['a fragment that is too short', (text) => text.replace('oGMC', 'oGM'), 'sdp/malformed', /ice-ufrag/],
  ['a password that is too short', (text) => text.replace('lr1+kRnzhqdgyTUTAF6k4v', 'lr1+kRnzhqdgyTUTAF6k4'), 'sdp/malformed', /ice-pwd/],
  ['a password of other characters', (text) => text.replace('lr1+', 'lr1-'), 'sdp/malformed', /ice-pwd/],
  ['no credentials', (text) => text.replace(/a=ice-ufrag.*\r\n/, ''), 'sdp/malformed', /ice-ufrag/],
  ['no fingerprint', (text) => text.replace(/a=fingerprint.*\r\n/, ''), 'sdp/unsupported', /fingerprint/],
  ['a fingerprint of SHA-1 alone', (text) => text.replace(/sha-256 .*\r\n/, `sha-1 ${Array.from({ length: 20 }, () => 'AB').join(':')}\r\n`), 'sdp/unsupported', /fingerprint/],
  ['half a fingerprint', (text) => text.replace(/(sha-256 .{40}).*/, '$1'), 'sdp/malformed', /fingerprint/],
  ['a connection on hold', (text) => text.replace('setup:actpass', 'setup:holdconn'), 'sdp/unsupported', /setup:holdconn/],
  ['an ICE-lite client', (text) => text.replace('a=setup', 'a=ice-lite\r\na=setup'), 'sdp/unsupported', /ice-lite/],
  ['no bundle', (text) => text.replace('a=group:BUNDLE 0 1\r\n', ''), 'sdp/unsupported', /BUNDLE/],
  ['an m-line outside the bundle', (text) => text.replace('BUNDLE 0 1', 'BUNDLE 0'), 'sdp/unsupported', /mid 1/],
  ['RTCP beside RTP', (text) => text.replaceAll('a=rtcp-mux\r\n', ''), 'sdp/unsupported', /rtcp-mux/],
  ['every m-line switched off', (text) => text.replaceAll(' 56117 UDP', ' 0 UDP'), 'sdp/unsupported', /port 0/],
  ['a rid that is none', (text) => `${text}a=rid:a,b send\r\n`, 'sdp/malformed', /a=rid/],
  ['one rid twice', (text) => `${text}a=rid:a send\r\na=rid:a send\r\n`, 'sdp/malformed', /same id/],
  ['one id for two extensions', (text) => `${text}a=extmap:1 urn:a\r\na=extmap:1 urn:b\r\n`, 'sdp/malformed', /extmap:1 /],
  ['an extension with id 0', (text) => `${text}a=extmap:0 urn:a\r\n`, 'sdp/malformed', /extmap/],
  ['an SSRC of 33 bits', (text) => `${text}a=ssrc:4294967296 cname:a\r\n`, 'sdp/malformed', /a=ssrc/],
];

describe('what is refused', () => {
  test.each(refused)('%s', (_, edit, code, message) => {
    let thrown: unknown;
    try {
      parseOffer(edited(edit));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: 'MillraceError', code, message: expect.stringMatching(message) as unknown });
  });
});

describe('what is tolerated', () => {
  const tolerated: readonly (readonly [what: string, edit: (text: string) => string])[] = [
    ['a bundle that names m-lines which are not there', (text) => text.replace('BUNDLE 0 1', 'BUNDLE 0 1 7')],
    ['attributes that nobody knows', (text) => text.replace('a=mid:0', 'a=x-new:1\r\na=mid:0')],
    ['candidates that cannot be read', (text) => text.replace('a=candidate:1 1 UDP', 'a=candidate:1 1 SCTP').replace('a=candidate:2', 'a=candidate:nonsense\r\na=candidate:2')],
    ['a format that no rtpmap explains', (text) => text.replace('SAVPF 96', 'SAVPF 96 35')],
    ['no a=setup, which means active', (text) => text.replace('a=setup:actpass\r\n', '')],
    ['an m-line of something else that is switched off', (text) => `${text}m=text 0 RTP/AVP 98\r\na=mid:9\r\n`],
    ['empty lines', (text) => text.replace('m=video', '\r\nm=video')],
  ];

  test.each(tolerated)('%s', (_, edit) => {
    expect(summary(parseOffer(edited(edit))).slice(0, 2)).toEqual(['audio 0 sendonly: opus/111', 'video 1 sendonly: h264/96']);
  });
});

describe('what is bounded', () => {
  const bombs: readonly (readonly [what: string, text: () => string])[] = [
    ['64 KiB of text', () => offerText('obs-30-whip') + 'a=x\r\n'.repeat(13_000)],
    ['lines of 4 KiB', () => edited((text) => text.replace('s=-', `s=${'-'.repeat(4_100)}`))],
    ['64 m-lines', () => offerText('obs-30-whip') + 'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n'.repeat(63)],
    ['128 formats', () => edited((text) => text.replace('SAVPF 96', `SAVPF 96${' 5'.repeat(128)}`))],
    ['64 extensions', () => offerText('obs-30-whip') + 'a=extmap:1 urn:a\r\n'.repeat(65)],
    ['16 rids', () => offerText('obs-30-whip') + Array.from({ length: 17 }, (_, index) => `a=rid:r${index} send\r\n`).join('')],
    ['64 sources', () => offerText('obs-30-whip') + Array.from({ length: 66 }, (_, index) => `a=ssrc:${index} cname:a\r\n`).join('')],
    ['32 kinds of feedback', () => offerText('obs-30-whip') + 'a=rtcp-fb:96 x\r\n'.repeat(33)],
    ['16 groups', () => edited((text) => text.replace('s=-', `s=-\r\n${'a=group:BUNDLE a b\r\n'.repeat(20)}a=x`))],
  ];

  test.each(bombs)('%s', (_, text) => {
    expect(() => parseOffer(text())).toThrow(expect.objectContaining({ code: 'sdp/too-large' }));
  });

  test('64 candidates are kept, more are passed over', () => {
    const offer = parseOffer(offerText('obs-30-whip') + 'a=candidate:1 1 UDP 2122317823 192.0.2.10 56117 typ host\r\n'.repeat(100));
    expect(offer.media[1]?.candidates).toHaveLength(64);
  });
});
