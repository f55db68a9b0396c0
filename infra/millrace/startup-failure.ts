import type { OptionTable } from '#core/runtime/config/option.ts';
import { environmentName, flagName } from '#core/runtime/config/names.ts';
import { messageOf, MillraceError } from '#core/runtime/errors.ts';

/** Options that name a port, with what listens there. */
const ports: Readonly<Record<string, string>> = {
  httpPort: 'HTTP',
  httpsPort: 'HTTPS',
  rtmpPort: 'RTMP',
  rtmpsPort: 'RTMPS',
  srtPort: 'SRT',
  webrtcPort: 'WebRTC',
  metricsPort: 'metrics',
};

type ListenError = NodeJS.ErrnoException & { readonly port?: number; readonly address?: string };

/** What made a start fail: one sentence that says what is wrong and what to do, for the terminal. */
export function explainStartupFailure(error: unknown, config: Readonly<Record<string, unknown>> = {}): string {
  const cause = listenErrorOf(error);
  // A socket that is no port (a lock's) has port -1, and its owner has found words for it.
  if (cause !== undefined && cause.port !== -1) {
    return explainListenError(cause, config);
  }
  return messageOf(error);
}

/** Tells whether a failure is the user's to mend, as opposed to a fault of ours that deserves its stack. */
export function isExpected(error: unknown): boolean {
  return error instanceof MillraceError || listenErrorOf(error) !== undefined;
}

/** Options whose value is a port, for the tests of what is documented. */
export function portOptions(options: OptionTable): readonly string[] {
  return Object.keys(options).filter((key) => key.endsWith('Port'));
}

function explainListenError(error: ListenError, config: Readonly<Record<string, unknown>>): string {
  const key = Object.keys(ports).find((each) => error.port !== undefined && config[each] === error.port);
  const what = key === undefined ? `Port ${error.port}` : `Port ${error.port} (${ports[key]})`;
  const choose = key === undefined ? 'choose another port' : `choose another port by ${environmentName(key)} or ${flagName(key)}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${what} is in use by another program: stop that program, or ${choose}.`;
    case 'EACCES':
      return `${what} may not be opened by this user: ports below 1024 need root, so ${choose}.`;
    default:
      return `${error.address ?? String(config['host'])} is no address of this machine: set MILLRACE_HOST or --host to one that is, or to :: for all.`;
  }
}

/** The error of `listen()` under whatever a stage wrapped around it. */
function listenErrorOf(error: unknown): ListenError | undefined {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth += 1) {
    const { code, syscall } = each as ListenError;
    if (['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND'].includes(code ?? '') && ['listen', 'bind', 'getaddrinfo'].includes(syscall ?? '')) {
      return each as ListenError;
    }
  }
  return undefined;
}
