import { describe, expect, test } from 'vitest';

import { parseSdpFragment, writeSdpFragment } from './fragment.ts';

const trickle = [
  'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=mid:0',
  'a=ice-ufrag:EsAw',
  'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
  'a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw network-id 2',
  'a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0 ufrag EsAw network-id 1',
  'a=end-of-candidates',
  '',
].join('\r\n');

describe('parseSdpFragment', () => {
  test('reads the example of RFC 9725, 4.3.2', () => {
    const fragment = parseSdpFragment(trickle);
    expect(fragment.ice).toEqual({ ufrag: 'EsAw', pwd: 'P2uYro0UCOQ4zxjKXaWCBui1' });
    expect(fragment.candidates.map(({ protocol, address }) => `${protocol} ${address}`)).toEqual(['udp 198.51.100.2', 'tcp 192.0.2.1']);
    expect(fragment.endOfCandidates).toBe(true);
  });

  test('discards candidates of other transports and with names it cannot resolve nobody minds', () => {
    const fragment = parseSdpFragment('a=candidate:1 1 sctp 1 192.0.2.1 9 typ host\r\na=candidate:2 1 udp 1 a.local 9 typ host\r\n');
    expect(fragment.candidates.map(({ address }) => address)).toEqual(['a.local']);
    expect(parseSdpFragment('a=candidate:1 1 sctp 1 192.0.2.1 9 typ host').candidates).toEqual([]);
  });

  test('keeps 64 candidates', () => {
    expect(parseSdpFragment('a=candidate:2 1 udp 1 192.0.2.1 9 typ host\n'.repeat(100)).candidates).toHaveLength(64);
  });

  test.each([
    ['nothing', '', /neither/],
    ['no ICE in it', 'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n', /neither/],
    ['a fragment without its password', 'a=ice-ufrag:abcd\r\n', /both/],
    ['credentials that are none', 'a=ice-ufrag:ab\r\n', /ice-ufrag/],
    ['half a candidate', 'a=candidate:1 1 udp\r\n', /a=candidate/],
    ['JSON', '{"candidate":""}', /Line 1/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseSdpFragment(text)).toThrow(expect.objectContaining({ code: 'sdp/malformed', message: expect.stringMatching(message) as unknown }));
  });
});

test('writeSdpFragment writes what RFC 9725, 4.3.3 shows', () => {
  const candidates = [
    { foundation: '1', protocol: 'udp', priority: 2_130_706_431, address: '198.51.100.1', port: 8189 },
    { foundation: '2', protocol: 'tcp', priority: 1_671_430_143, address: '2001:db8::1', port: 8189 },
  ] as const;
  const text = writeSdpFragment({ ice: { ufrag: '289b31b754eaa438', pwd: '0b66f472495ef0ccac7bda653ab6be49' }, candidates }, { kind: 'audio', mid: '0' });
  expect(text.split('\r\n')).toEqual([
    'a=ice-lite',
    'a=ice-options:trickle ice2',
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    'a=mid:0',
    'a=ice-ufrag:289b31b754eaa438',
    'a=ice-pwd:0b66f472495ef0ccac7bda653ab6be49',
    'a=candidate:1 1 udp 2130706431 198.51.100.1 8189 typ host',
    'a=candidate:2 1 tcp 1671430143 2001:db8::1 8189 typ host tcptype passive',
    'a=end-of-candidates',
    '',
  ]);
  expect(parseSdpFragment(text)).toMatchObject({ ice: { ufrag: '289b31b754eaa438' }, endOfCandidates: true });
});
