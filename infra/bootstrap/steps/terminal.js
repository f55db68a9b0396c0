import { spawn } from 'node:child_process';

/** One short line of what the set-up does. */
export function say(line) {
  process.stderr.write(`  ${line}\n`);
}

/** A fault that ends the set-up: what is wrong, and the exact line to type. */
export class SetupError extends Error {
  constructor(what, type) {
    super(type === undefined ? what : `${what}\n  Type this, then try again:\n\n    ${type}\n`);
    this.name = 'SetupError';
  }
}

/** Ends the process with the fault in plain words; a stack only where it is our own mistake. */
export function fail(error) {
  tell(error);
  process.exit(1);
}

/** Says a fault in plain words. */
export function tell(error) {
  process.stderr.write(error instanceof SetupError ? `\n  ${error.message}\n` : `\n${error?.stack ?? error}\n`);
}

/**
 * Runs a program that takes a while, telling the seconds that pass. Its output is shown only where it fails.
 *
 * @returns {Promise<{ code: number, output: string }>}
 */
export async function runWithProgress(title, command, args, options = {}) {
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const live = process.stderr.isTTY === true;
  const show = () => (live ? process.stderr.write(`\r  ${title} ... ${seconds()} `) : say(`${title} ... ${seconds()}`));
  if (live) {
    show();
  } else {
    say(`${title} ...`);
  }
  const timer = setInterval(show, live ? 1000 : 10_000);
  const result = await run(command, args, options);
  clearInterval(timer);
  const outcome = `${title}: ${result.code === 0 ? 'done' : 'FAILED'} in ${seconds()}`;
  process.stderr.write(live ? `\r  ${outcome}          \n` : `  ${outcome}\n`);
  return result;
}

/**
 * Runs a program to its end and collects what it says.
 *
 * @returns {Promise<{ code: number, output: string }>} `code` is 127 where the program does not exist.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-200_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', (error) => resolve({ code: error.code === 'ENOENT' ? 127 : 126, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** The last lines of a program's output: enough to see why it failed. */
export function tail(output, lines = 20) {
  return output
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join('\n');
}
