import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/** What of the configuration decides the addresses that are told to people. */
export type AddressConfig = {
  readonly host: string;
  readonly publicUrl?: string | undefined;
  readonly publicHost?: string | undefined;
};

/** Ports as they were really opened. */
export type OpenPorts = { readonly http: number; readonly https?: number | undefined; readonly rtmp: number; readonly rtmps?: number | undefined };

/** Addresses to print and to hand out. */
export type Addresses = {
  /** Base of pages and API, without a slash at its end. */
  readonly web: string;
  /** What OBS takes as its server. */
  readonly rtmp: string;
  /** The same over TLS, where there is a certificate. */
  readonly rtmps?: string;
  /** Base of pages over TLS, where there is a certificate and `web` is not it. */
  readonly https?: string;
};

/** The addresses under which this server is best reached. */
export function addressesOf(config: AddressConfig, ports: OpenPorts, interfaces = networkInterfaces()): Addresses {
  const host = config.publicHost ?? (config.publicUrl === undefined ? ownHost(config.host, interfaces) : new URL(config.publicUrl).hostname);
  const rtmpPort = ports.rtmp === 1935 ? '' : `:${ports.rtmp}`;
  const web = webOf(config, ports, host);
  return {
    web,
    rtmp: `rtmp://${bracketed(host)}${rtmpPort}/live`,
    // 443 is what OBS takes where an rtmps address names no port.
    ...(ports.rtmps === undefined ? {} : { rtmps: `rtmps://${bracketed(host)}${ports.rtmps === 443 ? '' : `:${ports.rtmps}`}/live` }),
    ...(ports.https === undefined || web.startsWith('https:') ? {} : { https: httpsOf(host, ports.https) }),
  };
}

/** Where a program on this machine reaches what listens on `host`. */
export function loopbackOf(host: string): string {
  return bracketed(isAny(host) ? '127.0.0.1' : host);
}

function webOf(config: AddressConfig, ports: OpenPorts, host: string): string {
  if (config.publicUrl !== undefined) {
    return config.publicUrl.replace(/\/+$/, '');
  }
  return ports.https === undefined
    ? `http://${bracketed(host)}${ports.http === 80 ? '' : `:${ports.http}`}`
    : httpsOf(host, ports.https);
}

function httpsOf(host: string, port: number): string {
  return `https://${bracketed(host)}${port === 443 ? '' : `:${port}`}`;
}

function ownHost(host: string, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string {
  if (!isAny(host)) {
    return host === '127.0.0.1' || host === '::1' ? 'localhost' : host;
  }
  const external = Object.values(interfaces)
    .flat()
    .filter((each) => each !== undefined)
    .find((each) => !each.internal && each.family === 'IPv4');
  return external?.address ?? 'localhost';
}

function isAny(host: string): boolean {
  return ['', '::', '0.0.0.0', '*'].includes(host);
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
