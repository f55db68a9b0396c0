import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import type { SocketName } from '#core/runtime/listen-fds.ts';

import { until } from './until.ts';

/** Options of {@link holdSockets}. */
export type HolderOptions = {
  /** Ports on 127.0.0.1 to listen on, by the names of their sockets. */
  readonly ports: Readonly<Partial<Record<SocketName, number>>>;
  /** The program that is given the sockets, with its arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
};

/** Listening sockets that outlive the program which serves them, with that program. */
export type SocketHolder = {
  /** The holder itself; what the program writes comes out here. */
  readonly process: ChildProcess;
  /** Process id of the program that runs now, or ran last; undefined before the first start. */
  pid(): number | undefined;
  /** A signal (default SIGKILL) for the program, which must have been started; settles when the holder has started it again. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGTERM for the program, which is not started again; its exit code. */
  stop(): Promise<number | null>;
  /** Ends both at once. */
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * What systemd does with `Restart=always` and a socket unit, sd_listen_fds(3). In Perl, which every Debian has: Node cannot
 * listen without accepting. Descriptor 3 reports each start; it is in the way of the sockets, so they always move, and
 * what dup2 has moved stays open over exec.
 */
const script = `
use strict; use warnings; use Errno; use POSIX (); use Socket;
my ($names, $ports, @command) = @ARGV;
my @sockets = map {
  socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
  setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1) or die "setsockopt: $!";
  bind($socket, sockaddr_in($_, INADDR_LOOPBACK)) or die "port $_: $!";
  listen($socket, 4096) or die "listen: $!";
  $socket;
} split /:/, $ports;
my ($pid, $stopping, $status);
$SIG{TERM} = sub { $stopping = 1; kill 'TERM', $pid if $pid };
$SIG{INT} = sub { $stopping = 1; kill 'KILL', $pid if $pid };
until ($stopping) {
  defined($pid = fork) or die "fork: $!";
  if ($pid == 0) {
    $SIG{TERM} = $SIG{INT} = 'DEFAULT';
    POSIX::dup2(fileno $sockets[$_], 3 + $_) for 0 .. $#sockets;
    @ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, scalar @sockets, $names);
    exec { $command[0] } @command or POSIX::_exit(127);
  }
  POSIX::write(3, "$pid\\n", length "$pid\\n");
  1 while waitpid($pid, 0) == -1 && $!{EINTR};
  $status = $?;
  select undef, undef, undef, 0.1;
}
exit($status & 127 ? 1 : $status >> 8);
`;

/** Opens sockets, starts a program that serves them, and starts it again whenever it ends. */
export function holdSockets({ ports, command, env }: HolderOptions): SocketHolder {
  const names = Object.keys(ports).join(':');
  const child = spawn('perl', ['-e', script, '--', names, Object.values(ports).join(':'), ...command], { env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const started: number[] = [];
  createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => started.push(Number(line)));
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const ended = async (): Promise<void> => {
    if (!isOver()) {
      await once(child, 'exit');
    }
  };
  return {
    process: child,
    pid: () => started.at(-1),
    kill: async (signal = 'SIGKILL') => {
      const before = started.length;
      process.kill(started.at(-1)!, signal);
      await until('another start', () => started.length > before || isOver());
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended();
      return child.exitCode;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGINT');
      await ended();
    },
  };
}
