import { startNatsServer, type TestNatsServer } from '#core/bus/nats/testing/nats-server.ts';
import type { SwitchedHost, TestSwitch } from '#test/support/network/switch.ts';
import { startServer, type ServerOptions, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

/** What one process of a {@link Cluster} is. */
export type ClusterNode = { readonly role: NonNullable<ServerOptions['role']>; readonly config?: Readonly<Record<string, unknown>> };

/** Options of {@link startCluster}. */
export type ClusterOptions = {
  /** Processes by name. */
  readonly nodes: Readonly<Record<string, ClusterNode>>;
  /** Configuration of all of them. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Gives each process a machine of its own, whose cable can be pulled. Default: all on loopback. */
  readonly network?: TestSwitch;
  /** Machines for some of the processes, by name. */
  readonly machines?: Readonly<Record<string, SwitchedHost>>;
  /** More environment variables of all of them. */
  readonly env?: Readonly<Record<string, string>>;
  /** A server of the test's. Default: one is started. */
  readonly nats?: TestNatsServer;
};

/** Processes of Millrace joined by a real NATS server. */
export type Cluster = {
  readonly nats: TestNatsServer;
  readonly names: readonly string[];
  /** @throws {RangeError} for a name that is not there. */
  node(name: string): TestServer;
  /** The machine of a process, where it has one. */
  host(name: string): SwitchedHost;
  [Symbol.asyncDispose](): Promise<void>;
};

/** The token of every cluster's API. */
export const API_TOKEN = 'a-token-for-tests-alone';

/** The processes that the issue of many machines names: one ingest, two transcoders, two edges, control. */
export const STANDARD_NODES: Readonly<Record<string, ClusterNode>> = {
  'control-1': { role: 'control' },
  'ingest-1': { role: 'ingest' },
  'transcode-1': { role: 'transcode' },
  'transcode-2': { role: 'transcode' },
  'edge-1': { role: 'edge' },
  'edge-2': { role: 'edge' },
};

/** Starts NATS and the processes, and waits until each has heard of all. */
export async function startCluster({ nodes, config = {}, env = {}, network, machines = {}, nats: given }: ClusterOptions): Promise<Cluster> {
  const nats = given ?? (await startNatsServer(network === undefined ? {} : { host: network.address }));
  const servers = new Map<string, TestServer>();
  const hosts = new Map<string, SwitchedHost>(Object.entries(machines));
  const dispose = async (): Promise<void> => {
    await Promise.all([...servers.values()].map((server) => server[Symbol.asyncDispose]()));
    if (given === undefined) {
      await nats.stop();
    }
  };
  try {
    for (const name of Object.keys(nodes)) {
      const host = hosts.has(name) ? undefined : await network?.attach();
      if (host !== undefined) {
        hosts.set(name, host);
      }
    }
    await Promise.all(
      Object.entries(nodes).map(async ([name, { role, config: own = {} }]) => {
        const host = hosts.get(name);
        servers.set(name, await startServer({ role, env, ...(host === undefined ? {} : { on: host }), config: { natsUrl: nats.url, nodeName: name, apiToken: API_TOKEN, drainSeconds: 5, ...config, ...own } }));
      }),
    );
    const [first] = [...servers.values()];
    await until('every process to be known', async () => first !== undefined && (await knownNodes(first)).length === servers.size);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    nats,
    names: [...servers.keys()],
    node: (name) => of(servers, name),
    host: (name) => of(hosts, name),
    [Symbol.asyncDispose]: dispose,
  };
}

/** Names of the processes that one of them knows. */
export async function knownNodes({ url }: Pick<TestServer, 'url'>): Promise<readonly string[]> {
  const { nodes } = (await (await fetch(`${url}/api/v1/nodes`, { headers: { Authorization: `Bearer ${API_TOKEN}` }, signal: AbortSignal.timeout(2000) })).json()) as { nodes: readonly { node: string }[] };
  return nodes.map(({ node }) => node);
}

function of<T>(named: ReadonlyMap<string, T>, name: string): T {
  const one = named.get(name);
  if (one === undefined) {
    throw new RangeError(`there is no process ${name}`);
  }
  return one;
}
