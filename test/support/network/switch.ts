import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One machine on a {@link TestSwitch}: a network namespace with an address. */
export type SwitchedHost = {
  readonly address: string;
  /** What to put before a command so that it runs there. */
  readonly command: readonly string[];
  /** Pulls its cable: what is sent is lost, nobody is told. */
  cut(): Promise<void>;
  /** Plugs it in again. */
  restore(): Promise<void>;
};

/** A network of machines that this one is a part of. */
export type TestSwitch = {
  /** This machine's address in it. */
  readonly address: string;
  attach(): Promise<SwitchedHost>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Why this machine cannot make such networks; undefined where it can. */
export async function whyNoSwitch(): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    return 'network namespaces are Linux';
  }
  const probe = `mr-probe-${process.pid}`;
  try {
    await run('ip', ['netns', 'add', probe]);
    await run('ip', ['link', 'add', `mrb${process.pid % 100_000}`, 'type', 'bridge']);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? 'unknown') : String(error);
  } finally {
    await run('ip', ['link', 'delete', `mrb${process.pid % 100_000}`]).catch(() => undefined);
    await run('ip', ['netns', 'delete', probe]).catch(() => undefined);
  }
}

let made = 0;

/** Makes a switch of its own. Needs root (CAP_NET_ADMIN): ask {@link whyNoSwitch} first. */
export async function makeSwitch(): Promise<TestSwitch> {
  made += 1;
  // Interface names have 15 characters at most.
  const id = `${process.pid % 100_000}${made}`;
  const bridge = `mrs${id}`;
  // A network of its own for each switch, so that test files may run at the same time.
  const prefix = `10.${100 + (process.pid % 100)}.${made % 250}`;
  const spaces: string[] = [];
  await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
  await run('ip', ['address', 'add', `${prefix}.1/24`, 'dev', bridge]);
  await run('ip', ['link', 'set', bridge, 'up']);
  return {
    address: `${prefix}.1`,
    attach: async () => {
      const number = spaces.length + 2;
      const [space, outside, inside] = [`mrh${id}-${number}`, `mro${id}${number}`, `mri${id}${number}`];
      const address = `${prefix}.${number}`;
      await run('ip', ['netns', 'add', space]);
      spaces.push(space);
      await run('ip', ['link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', space]);
      await run('ip', ['link', 'set', outside, 'master', bridge, 'up']);
      await run('ip', ['-n', space, 'address', 'add', `${address}/24`, 'dev', inside]);
      await run('ip', ['-n', space, 'link', 'set', 'lo', 'up']);
      await run('ip', ['-n', space, 'link', 'set', inside, 'up']);
      await run('ip', ['-n', space, 'route', 'add', 'default', 'via', `${prefix}.1`]);
      return {
        address,
        command: ['ip', 'netns', 'exec', space],
        cut: async () => void (await run('ip', ['link', 'set', outside, 'down'])),
        restore: async () => void (await run('ip', ['link', 'set', outside, 'up'])),
      };
    },
    [Symbol.asyncDispose]: async () => {
      for (const space of spaces) {
        await run('ip', ['netns', 'delete', space]).catch(() => undefined);
      }
      await run('ip', ['link', 'delete', bridge]).catch(() => undefined);
    },
  };
}
