import { flushCompileCache } from 'node:module';

import { configuredKeys } from '#control/main.ts';
import { millis, type Millis } from '#core/media/time.ts';
import { checkCommon } from '#core/runtime/config/common.ts';
import { renderHelp } from '#core/runtime/config/describe.ts';
import { readFlags, type CommandLine } from '#core/runtime/config/flags.ts';
import { loadConfig } from '#core/runtime/config/load.ts';
import { nearest } from '#core/runtime/config/names.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import { takeGivenSockets } from '#core/runtime/listen-fds.ts';
import { superviseProcess } from '#core/runtime/lifecycle.ts';
import { createLog } from '#core/runtime/log.ts';

import { ALL_ROLES, startNode } from './node.ts';
import { allOptions, optionGroups } from './options.ts';
import { explainStartupFailure, isExpected } from './startup-failure.ts';

import { readVersion } from './version.ts';

/** Commands, with what they do. */
const commands = {
  up: 'Runs every stage in one process. The default.',
  ingest: 'Takes broadcasters in. One process of several, joined by NATS (--nats-url).',
  transcode: 'Encodes ladders, likewise.',
  edge: 'Serves viewers, likewise.',
  control: 'Decides who may publish, and tells players which edge to go to, likewise.',
} as const;

/**
 * Runs the command of a command line. The process lives on where a server was started, and has its exit code set otherwise.
 * The variables of socket activation are taken out of `env`.
 */
export async function runCommandLine(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const commandLine = readFlags(argv, allOptions);
  // A reader that goes away, as `| head` does, is no fault of the server.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  if (commandLine.help) {
    process.stdout.write(help());
  } else if (commandLine.version) {
    process.stdout.write(`${readVersion()}\n`);
  } else {
    await runCommand(commandLine, env);
  }
}

async function runCommand(commandLine: CommandLine, env: NodeJS.ProcessEnv): Promise<void> {
  const shown: Record<string, unknown> = {};
  let flushLog = (): void => {};
  try {
    const command = commandOf(commandLine);
    const { values, file } = loadConfig({ options: allOptions, commandLine, env, check: (config) => [...checkCommon(config), ...configuredKeys(config).problems] });
    Object.assign(shown, values);
    const sockets = takeGivenSockets(env, process.pid);
    const format = values.logFormat === 'auto' ? {} : { format: values.logFormat };
    const { log, flush } = createLog({ level: values.logLevel, ...format });
    flushLog = flush;
    const node = startNode({ config: values, roles: command === 'up' ? ALL_ROLES : [command], log, version: readVersion(), sockets, ...(file === undefined ? {} : { configFile: file }) });
    // From here on: a signal during the start stops what has been started.
    superviseProcess({ log, flush, stop: () => node.leave(), closed: node.closed, patience: patienceOf(values) });
    process.stdout.write(await node.ready);
    // What the next start need not compile again. Written now: who is killed writes nothing.
    flushCompileCache();
  } catch (error) {
    // A signal stopped the start halfway: whoever supervises the process ends it.
    if (!(error instanceof MillraceError && error.code === 'startup/stopped')) {
      flushLog();
      reportStartupFailure(error, shown);
    }
  }
}

/** How long a stop may take: what others need to take over, where there are others, and 10 s to close. */
function patienceOf({ natsUrl, drainSeconds }: { readonly natsUrl?: string | undefined; readonly drainSeconds: number }): Millis {
  return millis(10_000 + (natsUrl === undefined ? 0 : drainSeconds * 1000));
}

/** One clear sentence for what the user can mend; the stack for what is a fault of ours. */
function reportStartupFailure(error: unknown, config: Readonly<Record<string, unknown>>): void {
  const sentence = explainStartupFailure(error, config);
  process.stderr.write(`millrace: ${sentence}\n`);
  if (!isExpected(error) && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  process.exit(1);
}

function commandOf({ words }: CommandLine): keyof typeof commands {
  const [word = 'up', ...more] = words;
  if (!Object.hasOwn(commands, word)) {
    const near = nearest(word, Object.keys(commands));
    throw new MillraceError('startup/unknown-command', `There is no command \`${word}\`${near === undefined ? '' : `; did you mean \`${near}\``}. \`millrace --help\` lists them.`);
  }
  if (more.length > 0) {
    throw new MillraceError('startup/unknown-command', `\`${more.join(' ')}\` is one word too many: options begin with --. \`millrace --help\` lists them.`);
  }
  return word as keyof typeof commands;
}

function help(): string {
  const list = Object.entries(commands).map(([name, about]) => `  ${name.padEnd(12)}${about}`);
  return [
    'Usage: millrace [command] [--option value ...]',
    '',
    'Commands',
    ...list,
    '',
    'Every option can stand in the configuration file by its name in camelCase (--rtmp-port is rtmpPort), in the',
    'environment (MILLRACE_RTMP_PORT) and on the command line; the later wins over the earlier.',
    '',
    '  --config FILE  (default ./millrace.yaml where it exists; also MILLRACE_CONFIG)',
    '  --help, --version',
    '',
    renderHelp(optionGroups),
    '',
  ].join('\n');
}
