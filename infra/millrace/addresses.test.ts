import type { NetworkInterfaceInfo } from 'node:os';

import { describe, expect, test } from 'vitest';

import { addressesOf, loopbackOf } from './addresses.ts';

const at = (address: string, family: 'IPv4' | 'IPv6', internal: boolean): NetworkInterfaceInfo =>
  ({ address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 }) as NetworkInterfaceInfo;
const interfaces = { lo: [at('127.0.0.1', 'IPv4', true)], eth0: [at('fe80::1', 'IPv6', false), at('192.168.1.5', 'IPv4', false)] };
const ports = { http: 8080, rtmp: 1935 };

describe('the addresses to print', () => {
  test.each([
    [{ host: '::' }, ports, 'http://192.168.1.5:8080', 'rtmp://192.168.1.5/live'],
    [{ host: '127.0.0.1' }, { http: 80, rtmp: 1936 }, 'http://localhost', 'rtmp://localhost:1936/live'],
    [{ host: '2001:db8::1' }, ports, 'http://[2001:db8::1]:8080', 'rtmp://[2001:db8::1]/live'],
    [{ host: '::', publicHost: 'live.example.com' }, ports, 'http://live.example.com:8080', 'rtmp://live.example.com/live'],
    [{ host: '::', publicUrl: 'https://live.example.com/tv/' }, ports, 'https://live.example.com/tv', 'rtmp://live.example.com/live'],
    [{ host: '::', publicUrl: 'https://a.example.com', publicHost: 'b.example.com' }, ports, 'https://a.example.com', 'rtmp://b.example.com/live'],
    [{ host: '::', publicHost: 'a.example.com' }, { ...ports, https: 8443 }, 'https://a.example.com:8443', 'rtmp://a.example.com/live'],
  ])('%o with ports %o', (config, open, web, rtmp) => {
    expect(addressesOf(config, open, interfaces)).toEqual({ web, rtmp });
  });

  test.each([
    [{ host: '::' }, { web: 'https://192.168.1.5:8443', rtmps: 'rtmps://192.168.1.5:1936/live' }],
    [{ host: '::', publicUrl: 'https://tv.example.com' }, { web: 'https://tv.example.com', rtmps: 'rtmps://tv.example.com:1936/live' }],
    [{ host: '::', publicUrl: 'http://tv.example.com' }, { web: 'http://tv.example.com', rtmps: 'rtmps://tv.example.com:1936/live', https: 'https://tv.example.com:8443' }],
  ])('with a certificate, %o', (config, expected) => {
    const { rtmp, ...rest } = addressesOf(config, { ...ports, https: 8443, rtmps: 1936 }, interfaces);
    expect(rest).toEqual(expected);
    expect(rtmp).toMatch(/^rtmp:/);
  });

  test('leave the port of RTMPS out where it is the usual one', () => {
    expect(addressesOf({ host: '10.0.0.7' }, { ...ports, rtmps: 443 }).rtmps).toBe('rtmps://10.0.0.7/live');
  });

  test('are of this machine where it has no network', () => {
    expect(addressesOf({ host: '::' }, ports, { lo: interfaces.lo }).rtmp).toBe('rtmp://localhost/live');
  });
});

test.each([
  ['::', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['::1', '[::1]'],
  ['10.0.0.7', '10.0.0.7'],
])('what listens on %s is reached at %s', (host, reached) => {
  expect(loopbackOf(host)).toBe(reached);
});
