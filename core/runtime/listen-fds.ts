import { MillraceError } from './errors.ts';

/** Names of the sockets that may be handed over, as in `FileDescriptorName=` of systemd.socket(5). */
export const SOCKET_NAMES = ['http', 'https', 'rtmp', 'rtmps'] as const;

/** One of {@link SOCKET_NAMES}. */
export type SocketName = (typeof SOCKET_NAMES)[number];

/** Listening sockets that whoever started this process has opened for it: file descriptors by name. */
export type GivenSockets = Readonly<Partial<Record<SocketName, number>>>;

/** `SD_LISTEN_FDS_START` of sd_listen_fds(3). */
const FIRST_FD = 3;

const VARIABLES = ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES'];

/**
 * Takes the sockets of socket activation, sd_listen_fds_with_names(3), out of the environment: its variables are gone
 * afterwards, so that no child believes them. (Node marks what it inherits close-on-exec, so no child has the sockets.)
 *
 * @returns none where nothing was handed over, or to another process: "if the variables are set for another PID, 0 is returned".
 * @throws {MillraceError} `config/listen-fds` where the variables contradict themselves or name what is no socket of ours.
 */
export function takeGivenSockets(env: NodeJS.ProcessEnv, pid: number): GivenSockets {
  const { LISTEN_PID: owner, LISTEN_FDS: count = '', LISTEN_FDNAMES: names } = env;
  for (const name of VARIABLES) {
    delete env[name];
  }
  if (owner === undefined || owner === '') {
    return {};
  }
  if (!isCount(owner)) {
    throw refusal(`LISTEN_PID is "${owner}", which is no process id`);
  }
  if (Number(owner) !== pid) {
    return {};
  }
  if (!isCount(count)) {
    throw refusal(`LISTEN_FDS is "${count}", which is no number of sockets`);
  }
  return byName(Number(count), names);
}

function byName(count: number, list: string | undefined): GivenSockets {
  if (count === 0) {
    return {};
  }
  const names = list?.split(':') ?? [];
  if (names.length !== count) {
    throw refusal(`LISTEN_FDS counts ${count}, LISTEN_FDNAMES names ${names.length}`);
  }
  const sockets: Partial<Record<SocketName, number>> = {};
  names.forEach((name, index) => {
    if (!isSocketName(name)) {
      throw refusal(`LISTEN_FDNAMES names "${name}"`);
    }
    if (sockets[name] !== undefined) {
      throw refusal(`LISTEN_FDNAMES names "${name}" twice`);
    }
    sockets[name] = FIRST_FD + index;
  });
  return sockets;
}

/** Digits alone: no sign, no blank, no fraction. */
function isCount(text: string): boolean {
  return /^\d{1,9}$/.test(text);
}

function isSocketName(name: string): name is SocketName {
  return (SOCKET_NAMES as readonly string[]).includes(name);
}

function refusal(what: string): MillraceError {
  return new MillraceError(
    'config/listen-fds',
    `The sockets handed over at the start cannot be used: ${what}. One socket each may be named ${SOCKET_NAMES.join(', ')} (FileDescriptorName= in a systemd socket unit).`,
  );
}
