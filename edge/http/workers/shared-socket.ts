import { nativeLibrary } from '#core/rtc/native/library.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** `F_DUPFD_CLOEXEC` of fcntl(2) on Linux. */
const F_DUPFD_CLOEXEC = 1030;

/** Whether a socket that was handed to this process can be listened on by several threads. */
export function canShareSockets(): boolean {
  return nativeLibrary().library !== undefined;
}

/**
 * Another descriptor of a socket, for one thread: Node closes what it listened on when the thread ends, and the number is soon another file's.
 *
 * @throws {MillraceError} `edge/listen`.
 */
export function duplicate(fd: number): number {
  const { library, reason } = nativeLibrary();
  const copy = library?.bind('fcntl', 'int', ['int', 'int', 'int'])(fd, F_DUPFD_CLOEXEC, 0) ?? -1;
  if (copy < 0) {
    throw new MillraceError('edge/listen', `The socket that was handed over as file descriptor ${fd} cannot be shared among threads${reason === '' ? '' : `: ${reason}`}.`);
  }
  return copy;
}
