import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { EmulatorRequest } from './emulator.ts';
import type { LinkConditions } from './link.ts';

const run = promisify(execFile);

/** Two network namespaces, a server's and a client's, with a link between them that can be made worse. */
export type TestNetwork = {
  readonly serverAddress: string;
  readonly clientAddress: string;
  /** What to put before a command so that it runs on the server's or the client's side. */
  command(side: 'server' | 'client'): readonly string[];
  /** Path of a script that runs Chromium on the client's side. */
  readonly chromium: string;
  /** Sets what happens to packets towards a side; what is not named is perfect again. */
  impair(towards: 'server' | 'client' | 'both', conditions: LinkConditions): void;
  /** The client leaves its network and appears in another: its address changes. */
  changeClientAddress(): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Why this machine cannot make networks for tests; undefined where it can. */
export async function whyNoNetwork(): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    return 'network namespaces are Linux';
  }
  try {
    await access('/dev/net/tun', constants.R_OK | constants.W_OK);
    const probe = `mr-probe-${process.pid}`;
    await run('ip', ['netns', 'add', probe]);
    await run('ip', ['netns', 'delete', probe]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? 'unknown') : String(error);
  }
}

let made = 0;

/**
 * Makes a network of its own. Needs root (CAP_NET_ADMIN): ask {@link whyNoNetwork} first.
 *
 * @param options.serverSide `here`: this machine itself is the server's side, so that what listens on all its addresses is reached from the other. Default: a namespace of its own.
 * @param options.congestionControl how the server's side sends TCP to the client's: `bbr`, `cubic`, as `net.ipv4.tcp_congestion_control` names them. Default: the machine's.
 */
export async function makeNetwork(
  seed = 1,
  { serverSide = 'apart', congestionControl }: { readonly serverSide?: 'apart' | 'here'; readonly congestionControl?: string } = {},
): Promise<TestNetwork> {
  made += 1;
  const id = `${process.pid % 100_000}-${made}`;
  const spaces = { server: `mrs-${id}`, client: `mrc-${id}` };
  const devices = { server: `ts${id}`, client: `tc${id}` };
  // What is on this machine itself must not share its addresses with another test's.
  const prefix = serverSide === 'apart' ? '10.99.0' : `10.${60 + (process.pid % 39)}.${made % 250}`;
  const serverAddress = `${prefix}.1`;
  let clientAddress = `${prefix}.2`;
  const home = await mkdtemp(join(tmpdir(), 'millrace-network-'));
  const emulator = fork(fileURLToPath(new URL('emulator.ts', import.meta.url)), [devices.server, devices.client, `${seed}`], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const network: TestNetwork = {
    serverAddress,
    get clientAddress() {
      return clientAddress;
    },
    command: (side) => (side === 'server' && serverSide === 'here' ? [] : ['ip', 'netns', 'exec', spaces[side]]),
    chromium: join(home, 'chromium'),
    impair: (towards, conditions) => {
      for (const side of towards === 'both' ? (['server', 'client'] as const) : [towards]) {
        emulator.send({ towards: side, conditions } satisfies EmulatorRequest);
      }
    },
    changeClientAddress: async () => {
      const former = clientAddress;
      clientAddress = former.endsWith('.2') ? `${prefix}.3` : `${prefix}.2`;
      await run('ip', ['-n', spaces.client, 'address', 'delete', `${former}/24`, 'dev', devices.client]);
      await run('ip', ['-n', spaces.client, 'address', 'add', `${clientAddress}/24`, 'dev', devices.client]);
      // The route went with the address.
      await run('ip', ['-n', spaces.client, 'route', 'replace', 'default', 'dev', devices.client]);
      return clientAddress;
    },
    [Symbol.asyncDispose]: async () => {
      await kill(emulator);
      for (const space of Object.values(spaces)) {
        await run('ip', ['netns', 'delete', space]).catch(() => undefined);
      }
      await rm(home, { recursive: true, force: true });
    },
  };
  try {
    await once(emulator, 'message');
    for (const side of ['server', 'client'] as const) {
      if (side === 'server' && serverSide === 'here') {
        await run('ip', ['address', 'add', `${serverAddress}/24`, 'dev', devices.server]);
        await run('ip', ['link', 'set', devices.server, 'up', 'mtu', '1500']);
        continue;
      }
      await run('ip', ['netns', 'add', spaces[side]]);
      await run('ip', ['link', 'set', devices[side], 'netns', spaces[side]]);
      await run('ip', ['-n', spaces[side], 'address', 'add', `${side === 'server' ? serverAddress : clientAddress}/24`, 'dev', devices[side]]);
      await run('ip', ['-n', spaces[side], 'link', 'set', 'lo', 'up']);
      await run('ip', ['-n', spaces[side], 'link', 'set', devices[side], 'up', 'mtu', '1500']);
      await run('ip', ['-n', spaces[side], 'route', 'replace', 'default', 'dev', devices[side]]);
    }
    if (congestionControl !== undefined) {
      const route = ['route', 'replace', `${prefix}.0/30`, 'dev', devices.server, 'src', serverAddress, 'congctl', congestionControl];
      await run('ip', serverSide === 'here' ? route : ['-n', spaces.server, ...route]);
    }
    await writeFile(network.chromium, `#!/bin/sh\nexec ip netns exec ${spaces.client} /usr/bin/chromium "$@"\n`);
    await chmod(network.chromium, 0o755);
    return network;
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
