import { readFileSync } from 'node:fs';

import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';

import { MillraceError, messageOf } from '../../../runtime/errors.ts';

/** How a process shows who it is, and how it knows the servers. Files are read at each start. */
export type NatsCredentials = {
  /** Servers, comma-separated: `nats://a:4222,nats://b:4222`. `tls://` asks for TLS; `user:password@` or `token@` may stand before the host. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** File with the seed of an NKEY. */
  readonly nkey?: string | undefined;
  /** Credentials file with a JWT and its seed. */
  readonly creds?: string | undefined;
  /** Files in PEM. With any of them, connections must be TLS. */
  readonly tls?: { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined } | undefined;
};

/** What of the client's options follows from {@link NatsCredentials}. */
export type ServersAndCredentials = Required<Pick<NodeConnectionOptions, 'servers'>> & Pick<NodeConnectionOptions, 'authenticator' | 'tls'>;

/**
 * Reads the files and the addresses.
 *
 * @throws {MillraceError} `nats/credentials` where a file cannot be read or holds something else; `nats/address` where an address is none; `nats/tls` likewise
 * for files of TLS.
 */
export function readCredentials(given: NatsCredentials): ServersAndCredentials {
  const addresses = given.url.split(',').map((part) => part.trim()).filter((part) => part !== '').map(parseAddress);
  const [first] = addresses;
  if (first === undefined) {
    throw new MillraceError('nats/address', 'no NATS server is named');
  }
  const tls = tlsOf(given, addresses.some(({ tls: wanted }) => wanted));
  const authenticator = authenticatorOf(given, first);
  return {
    servers: addresses.map(({ host }) => host),
    ...(tls === undefined ? {} : { tls }),
    ...(authenticator === undefined ? {} : { authenticator }),
  };
}

type Address = { readonly host: string; readonly tls: boolean; readonly user: string; readonly password: string };

function parseAddress(text: string): Address {
  const url = URL.parse(/^[a-z]+:\/\//.test(text) ? text : `nats://${text}`);
  const [user, password] = [unescaped(url?.username), unescaped(url?.password)];
  if (url === null || user === undefined || password === undefined || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
    // What was given is not repeated: somewhere in it may be a password.
    throw new MillraceError('nats/address', 'an address of a NATS server looks like nats://host:4222 or tls://host:4222; what is special in a user or password before the host is percent-encoded (%40 is @, %2C a comma)');
  }
  return { host: `${url.hostname}:${url.port === '' ? 4222 : url.port}`, tls: url.protocol === 'tls:', user, password };
}

function unescaped(text = ''): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function authenticatorOf(given: NatsCredentials, address: Address): Authenticator | undefined {
  if (given.creds !== undefined) {
    const bytes = fileOf(given.creds, 'nats/credentials', 'the credentials of NATS');
    return checked(given.creds, credsAuthenticator(bytes), 'holds no JWT and seed as nsc writes them');
  }
  if (given.nkey !== undefined) {
    const seed = new TextEncoder().encode(fileOf(given.nkey, 'nats/credentials', 'the NKEY of NATS').toString('utf8').trim());
    return checked(given.nkey, nkeyAuthenticator(seed), 'holds no seed of an NKEY (one line that begins with SU)');
  }
  if (given.token !== undefined) {
    return tokenAuthenticator(given.token);
  }
  if (given.user !== undefined) {
    return usernamePasswordAuthenticator(given.user, given.password);
  }
  if (address.user !== '') {
    return address.password === '' ? tokenAuthenticator(address.user) : usernamePasswordAuthenticator(address.user, address.password);
  }
  return undefined;
}

/** The client would only fail in its reader, later, and without a word of which file. */
function checked(file: string, authenticator: Authenticator, problem: string): Authenticator {
  try {
    authenticator('nonce');
  } catch (error) {
    throw new MillraceError('nats/credentials', `${file} ${problem}`, { cause: error });
  }
  return authenticator;
}

function tlsOf({ tls }: NatsCredentials, wanted: boolean): NodeConnectionOptions['tls'] | undefined {
  const { ca, cert, key } = tls ?? {};
  if (!wanted && ca === undefined && cert === undefined && key === undefined) {
    return undefined;
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new MillraceError('nats/tls', 'a certificate for NATS needs its key, and a key its certificate');
  }
  const read = (file: string): string => fileOf(file, 'nats/tls', 'a file for TLS to NATS').toString('utf8');
  return {
    ...(ca === undefined ? {} : { ca: read(ca) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
  };
}

function fileOf(path: string, code: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new MillraceError(code, `${what} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
