import type { NodeId, NodeRole } from '#core/bus/node.ts';

import type { Addresses } from './addresses.ts';

/** What the block at the end of a start tells. */
export type BannerFacts = {
  readonly version: string;
  readonly addresses: Addresses;
  /** The demo's key: the one key that is ever printed. */
  readonly demoKey?: string | undefined;
  /** Streams whose keys are configured. */
  readonly streams: readonly string[];
  /** File of the API token. */
  readonly tokenPath: string;
};

/** The one block that says what to paste into OBS and where to look. */
export function renderBanner(facts: BannerFacts): string {
  const { addresses, demoKey, streams } = facts;
  const stream = streams[0] ?? (demoKey === undefined ? undefined : 'demo');
  const key =
    streams.length > 0
      ? `the key configured for ${streams.slice(0, 3).join(', ')}${streams.length > 3 ? ` and ${streams.length - 3} more` : ''}`
      : (demoKey ?? 'none yet: set one by MILLRACE_STREAM_KEYS=<stream>_<at least 16 characters>');
  const watch = (web: string): string => `${web}/${stream === undefined ? '' : `watch/${stream}`}`;
  const rows: readonly (readonly [string, string])[] = [
    ['OBS', 'Settings > Stream > Service: Custom'],
    ['Server', addresses.rtmp],
    ...(addresses.rtmps === undefined ? [] : [['Server, TLS', addresses.rtmps] as const]),
    ['Stream key', key],
    ['Watch', watch(addresses.web)],
    ...(addresses.https === undefined ? [] : [['Watch, TLS', watch(addresses.https)] as const]),
    ['API', `${addresses.web}/api/v1/streams`],
    ['API token', `in ${facts.tokenPath}`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(12)}${value}`);
  return `\n  Millrace ${facts.version} is ready\n\n${lines.join('\n')}\n\n`;
}

/** What a process of one role tells at the end of its start. */
export type RoleBannerFacts = { readonly version: string; readonly roles: readonly NodeRole[]; readonly node: NodeId; readonly addresses: Addresses };

/** The block of a process that is one of several: who it is, and where it is reached. */
export function renderRoleBanner({ version, roles, node, addresses }: RoleBannerFacts): string {
  const rows: readonly (readonly [string, string])[] = [
    ['Node', node],
    ...(roles.includes('ingest') ? [['Server', addresses.rtmp] as const] : []),
    ...(roles.includes('edge') ? [['Watch', `${addresses.web}/`] as const] : []),
    [roles.includes('transcode') ? 'Health' : 'API', roles.includes('transcode') ? `${addresses.web}/readyz` : `${addresses.web}/api/v1/streams`],
  ];
  return `\n  Millrace ${version} (${roles.join(', ')}) is ready\n\n${rows.map(([name, value]) => `  ${name.padEnd(12)}${value}`).join('\n')}\n\n`;
}
