import { describe, expect, it } from 'vitest';
import { readMetadata } from './layer-channel.ts';
import { apart, withStereo } from './offer.ts';
import { restartFragment, withFragment } from './sdp-fragment.ts';
import { parseLinks, resourceUrl } from './whep-links.ts';

const lines = (...all: readonly string[]): string => [...all, ''].join('\r\n');

describe('Opus in stereo (RFC 7587, 7.1)', () => {
  const cases = [
    { what: 'is added to its parameters', is: ['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1'], becomes: ['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1;stereo=1'] },
    { what: 'gets parameters where there were none', is: ['a=rtpmap:96 opus/48000/2', 'a=rtcp-fb:96 nack'], becomes: ['a=rtpmap:96 opus/48000/2', 'a=fmtp:96 stereo=1', 'a=rtcp-fb:96 nack'] },
    { what: 'is left as it was asked for', is: ['a=rtpmap:111 OPUS/48000/2', 'a=fmtp:111 stereo=0;minptime=10'], becomes: ['a=rtpmap:111 OPUS/48000/2', 'a=fmtp:111 stereo=0;minptime=10'] },
    { what: 'is not taken for another codec\'s', is: ['a=rtpmap:1 opus/48000/2', 'a=rtpmap:11 red/48000/2', 'a=fmtp:11 1/1'], becomes: ['a=rtpmap:1 opus/48000/2', 'a=fmtp:1 stereo=1', 'a=rtpmap:11 red/48000/2', 'a=fmtp:11 1/1'] },
    { what: 'needs Opus', is: ['a=rtpmap:0 PCMU/8000'], becomes: ['a=rtpmap:0 PCMU/8000'] },
  ];
  for (const { what, is, becomes } of cases) {
    it(what, () => {
      expect(withStereo(lines(...is))).toBe(lines(...becomes));
    });
  }
});

describe('the stream of the picture (RFC 8830)', () => {
  it('is another one than that of sound', () => {
    const answer = lines('v=0', 'm=audio 9 X 111', 'a=msid:cam audio', 'm=video 9 X 96', 'a=msid:cam video', 'a=ssrc:5 cname:cam', 'a=ssrc:5 msid:cam video');
    expect(apart(answer)).toBe(lines('v=0', 'm=audio 9 X 111', 'a=msid:cam audio', 'm=video 9 X 96', 'a=msid:picture video', 'a=ssrc:5 cname:cam', 'a=ssrc:5 msid:picture video'));
  });
});

describe('an ICE restart (RFC 9725, 4.3.3)', () => {
  const offer = lines('v=0', 'a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:new', 'a=ice-pwd:secret', 'a=ice-options:trickle', 'a=mid:0', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=ice-ufrag:new', 'a=mid:1');

  it('sends user fragment and password below the first media', () => {
    expect(restartFragment(offer)).toBe(
      lines('a=ice-options:trickle', 'a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=ice-ufrag:new', 'a=ice-pwd:secret', 'a=end-of-candidates'),
    );
  });

  it('puts the server\'s new ones into its description, and leaves refused media alone', () => {
    const before = lines('v=0', 'a=ice-lite', 'm=audio 9 X 111', 'a=ice-ufrag:old', 'a=ice-pwd:oldpwd', 'a=candidate:1 1 udp 1 192.0.2.1 8189 typ host', 'a=mid:0', 'm=video 0 X 96', 'a=mid:1');
    const fragment = lines('a=ice-lite', 'm=audio 9 X 111', 'a=mid:0', 'a=ice-ufrag:fresh', 'a=ice-pwd:freshpwd', 'a=candidate:1 1 udp 1 192.0.2.2 8189 typ host', 'a=end-of-candidates');
    expect(withFragment(before, fragment)).toBe(
      lines('v=0', 'a=ice-lite', 'm=audio 9 X 111', 'a=mid:0', 'a=ice-ufrag:fresh', 'a=ice-pwd:freshpwd', 'a=candidate:1 1 udp 1 192.0.2.2 8189 typ host', 'a=end-of-candidates', 'm=video 0 X 96', 'a=mid:1'),
    );
  });
});

describe('the links of an answer', () => {
  it('name the extensions, whatever else is there', () => {
    const header =
      '<stun:stun.example.com>; rel="ice-server", </whep/s/1/layer>; rel="urn:ietf:params:whep:ext:core:layer", ' +
      '<https://other.example/sse>; rel=urn:ietf:params:whep:ext:core:server-sent-events; events="layers,viewercount"';
    expect(parseLinks(header, 'http://host:8080/whep/cam')).toEqual({ layer: 'http://host:8080/whep/s/1/layer', events: 'https://other.example/sse', tellsClock: false });
  });

  it.each([null, '', 'nonsense', '<>', '</x>; rel="next"', '<http://[>; rel="urn:ietf:params:whep:ext:core:layer"'])('may be missing: %j', (header) => {
    expect(parseLinks(header, 'http://host/whep/cam')).toEqual({ layer: undefined, events: undefined, tellsClock: false });
  });

  it.each([
    ['active,clock', true],
    ['clock', true],
    ['layers, clock,active', true],
    ['layers,clockwork', false],
    ['o-clock', false],
  ])('tell that %s are told', (events, tellsClock) => {
    expect(parseLinks(`</sse>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="${events}"`, 'http://host/').tellsClock).toBe(tellsClock);
  });
});

describe('the URL of a session', () => {
  it.each([
    ['/whep/session/x', 'http://host:8080/whep/cam', 'http://host:8080/whep/session/x'],
    ['/whep/session/x', 'https://host/live-tv/whep/cam', 'https://host/live-tv/whep/session/x'],
    ['/live-tv/whep/session/x', 'https://host/live-tv/whep/cam', 'https://host/live-tv/whep/session/x'],
    ['https://edge2.example/whep/session/x', 'https://host/live-tv/whep/cam', 'https://edge2.example/whep/session/x'],
    ['session/x', 'https://host/whep/cam', 'https://host/whep/session/x'],
  ])('%s, offered at %s, is %s', (location, offered, is) => {
    expect(resourceUrl(location, offered)).toBe(is);
  });
});

describe('the event `metadata`', () => {
  const id = '00112233445566778899aabbccddeeff';
  const told = { id, type: 'poll', data: { q: '?' }, time: 1.1, wallTime: '2026-01-01T00:00:01.100Z' };

  it('has a place on the picture, or on sound where there is none', () => {
    expect(readMetadata({ ...told, video: 100_000 })).toEqual([{ message: told, place: { kind: 'rtp', media: 'video', timestamp: 100_000 } }]);
    expect(readMetadata({ ...told, audio: 4_294_967_295 })).toEqual([{ message: told, place: { kind: 'rtp', media: 'audio', timestamp: 4_294_967_295 } }]);
  });

  it.each([['without a place', told], ['without an id', { ...told, id: undefined, video: 1 }], ['whose place is none', { ...told, video: 'soon' }], ['that is no object', 'poll']])(
    'is left out %s',
    (_name, data) => {
      expect(readMetadata(data)).toEqual([]);
    },
  );
});
