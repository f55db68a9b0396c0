import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';

import { ReachableAddresses, type ReachableAddressesOptions } from './reachable-addresses.ts';

const log = pino({ level: 'silent' });
const interfaces = (): ReturnType<NonNullable<ReachableAddressesOptions['interfaces']>> => ({
  lo: [{ address: '127.0.0.1', family: 'IPv4', netmask: '', mac: '', internal: true, cidr: null }],
  eth0: [{ address: '192.0.2.7', family: 'IPv4', netmask: '', mac: '', internal: false, cidr: null }],
});

function reachable(config: Partial<ReachableAddressesOptions['config']>, more: Partial<ReachableAddressesOptions> = {}): ReachableAddresses {
  return new ReachableAddresses({ config: { host: '::', publicHost: undefined, publicUrl: undefined, ...config }, ipv6: true, log, interfaces, resolve: () => Promise.reject(new Error('nobody is to be asked')), ...more });
}

describe('the addresses under which the server is reached', () => {
  it.each<[string, Partial<ReachableAddressesOptions['config']>, string[]]>([
    ['the interfaces\'', {}, ['192.0.2.7']],
    ['the public host\'s', { publicHost: '198.51.100.1' }, ['198.51.100.1']],
    ['the public host\'s, of IPv6', { publicHost: '2001:db8::5' }, ['2001:db8::5']],
    ['the public host\'s before the URL\'s', { publicHost: '198.51.100.1', publicUrl: 'https://203.0.113.1/' }, ['198.51.100.1']],
    ['the public URL\'s', { publicUrl: 'https://203.0.113.1:8443/tv' }, ['203.0.113.1']],
    ['the public URL\'s, of IPv6', { publicUrl: 'https://[2001:db8::5]/tv' }, ['2001:db8::5']],
    ['the interfaces\' where the URL says localhost', { publicUrl: 'http://localhost:8080' }, ['192.0.2.7']],
    ['the interfaces\' where the URL says 127.0.0.1', { publicUrl: 'http://127.0.0.1:8080' }, ['192.0.2.7']],
    ['the interfaces\' where the URL says [::1]', { publicUrl: 'http://[::1]:8080' }, ['192.0.2.7']],
    ['loopback where it is said on purpose', { publicHost: '127.0.0.1' }, ['127.0.0.1']],
    ['loopback where that is listened on', { host: '127.0.0.1' }, ['127.0.0.1']],
    ['the one address that is listened on', { host: '192.0.2.9' }, ['192.0.2.9']],
  ])('are %s', async (_what, config, expected) => {
    const addresses = reachable(config);
    await addresses.start();
    expect(addresses.current).toEqual(expected);
  });

  it('are a name\'s, looked up again, and stay where the lookup fails', async () => {
    const resolve = vi.fn<(name: string) => Promise<string[]>>();
    resolve.mockResolvedValueOnce(['2001:db8::5', '198.51.100.1']).mockResolvedValueOnce(['198.51.100.2']).mockRejectedValueOnce(new Error('SERVFAIL')).mockResolvedValueOnce([]);
    const addresses = reachable({ publicHost: 'live.example.com' }, { resolve });
    await addresses.start();
    expect(addresses.current).toEqual(['198.51.100.1', '2001:db8::5']);
    await addresses.refresh();
    expect(addresses.current).toEqual(['198.51.100.2']);
    await addresses.refresh();
    await addresses.refresh();
    expect(addresses.current).toEqual(['198.51.100.2']);
    expect(resolve.mock.calls).toEqual([['live.example.com'], ['live.example.com'], ['live.example.com'], ['live.example.com']]);
  });

  it('are the interfaces\' until a slow resolver answers, which keeps nobody waiting and is asked once at a time', async () => {
    vi.useFakeTimers();
    try {
      const answer = Promise.withResolvers<string[]>();
      const resolve = vi.fn(() => answer.promise);
      const addresses = reachable({ publicHost: 'live.example.com' }, { resolve });
      const started = addresses.start();
      await vi.advanceTimersByTimeAsync(2000);
      await started;
      expect(addresses.current).toEqual(['192.0.2.7']);
      const refreshed = addresses.refresh();
      expect(resolve).toHaveBeenCalledTimes(1);
      answer.resolve(['198.51.100.1']);
      await refreshed;
      expect(addresses.current).toEqual(['198.51.100.1']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('leave out IPv6 where the port is not open there', async () => {
    const addresses = reachable({ publicHost: 'live.example.com' }, { ipv6: false, resolve: () => Promise.resolve(['2001:db8::5', '198.51.100.1']) });
    await addresses.start();
    expect(addresses.current).toEqual(['198.51.100.1']);
  });
});
