import type { NetworkInterfaceInfo } from 'node:os';

import { describe, expect, it } from 'vitest';

import { candidatesFor, interfaceAddresses } from './candidates.ts';

function addresses(...list: string[]): NetworkInterfaceInfo[] {
  return list.map((address) => ({ address, family: address.includes(':') ? 'IPv6' : 'IPv4', netmask: '', mac: '', internal: false, cidr: null }) as NetworkInterfaceInfo);
}

describe('candidates', () => {
  it('have the priorities of RFC 8445 and, over TCP, lower ones (RFC 6544)', () => {
    expect(candidatesFor(['192.0.2.1', '2001:db8::1'], 8189, 8189)).toEqual([
      { foundation: '1', protocol: 'udp', priority: 2_130_706_431, address: '192.0.2.1', port: 8189 },
      { foundation: '2', protocol: 'udp', priority: 2_130_706_175, address: '2001:db8::1', port: 8189 },
      { foundation: '3', protocol: 'tcp', priority: 1_520_435_199, address: '192.0.2.1', port: 8189 },
      { foundation: '4', protocol: 'tcp', priority: 1_520_434_943, address: '2001:db8::1', port: 8189 },
    ]);
  });

  it('are of UDP alone where there is no TCP port, and no more than peers can pair', () => {
    const many = Array.from({ length: 30 }, (_, at) => `192.0.2.${at}`);
    expect(candidatesFor(many, 1, undefined)).toHaveLength(8);
  });
});

describe('the addresses of interfaces', () => {
  it.each<[string, NodeJS.Dict<NetworkInterfaceInfo[]>, boolean, string[]]>([
    ['both families, IPv4 first', { eth0: addresses('2001:db8::1', '192.0.2.1') }, true, ['192.0.2.1', '2001:db8::1']],
    ['IPv4 alone where the port is', { eth0: addresses('2001:db8::1', '192.0.2.1') }, false, ['192.0.2.1']],
    ['no link-local ones', { eth0: addresses('fe80::1', '169.254.1.1', 'febf::2', '192.0.2.1') }, true, ['192.0.2.1']],
    ['no loopback beside others', { lo: addresses('127.0.0.1', '::1'), eth0: addresses('192.0.2.1') }, true, ['192.0.2.1']],
    ['loopback where there is nothing else', { lo: addresses('127.0.0.1', '::1'), eth0: addresses('fe80::1') }, true, ['127.0.0.1', '::1']],
    ['each once', { eth0: addresses('192.0.2.1'), eth1: addresses('192.0.2.1') }, true, ['192.0.2.1']],
  ])('are %s', (_what, interfaces, ipv6, expected) => {
    expect(interfaceAddresses(interfaces, { ipv6 })).toEqual(expected);
  });
});
