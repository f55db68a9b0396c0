import { BlockList, isIP } from 'node:net';

/** Which proxies' words are believed: none, the one that connects, or those of a list of addresses and subnets. */
export type TrustProxy = boolean | string;

/** Tells a request's real client address from the connection's and the headers that proxies add. */
export type AddressReader = (remote: string | undefined, forwardedFor: string | string[] | undefined) => string;

/**
 * Reads `X-Forwarded-For` as far as `trustProxy` allows: `true` believes the last entry, which the one proxy in front has
 * added; a list is walked from the right past the proxies it names.
 *
 * @throws {RangeError} where the list holds something that is neither address nor subnet.
 */
export function addressReader(trustProxy: TrustProxy): AddressReader {
  if (trustProxy === false) {
    return (remote) => plainAddress(remote);
  }
  const isProxy = trustProxy === true ? undefined : proxyList(trustProxy);
  return (remote, forwardedFor) => {
    const hops = (Array.isArray(forwardedFor) ? forwardedFor.join(',') : (forwardedFor ?? '')).split(',').map(plainAddress);
    let address = plainAddress(remote);
    for (let hop = hops.pop(); hop !== undefined && isIP(hop) !== 0; hop = hops.pop()) {
      if (isProxy === undefined) {
        return hop;
      }
      if (!isProxy(address)) {
        break;
      }
      address = hop;
    }
    return address;
  };
}

/** An address without port, zone or brackets; IPv4 inside IPv6 as IPv4. */
export function plainAddress(address: string | undefined): string {
  const text = (address ?? '').trim().replace(/^::ffff:(?=\d+\.)/, '');
  return text.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1').replace(/%.*$/, '');
}

function proxyList(text: string): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of text.split(',').map((part) => part.trim()).filter(Boolean)) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address);
    if (family === 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) {
      throw new RangeError(`trustProxy: ${JSON.stringify(entry)} is neither an address nor a subnet`);
    }
    const type = family === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix), type);
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
