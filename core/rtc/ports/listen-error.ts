import { MillraceError } from '../../runtime/errors.ts';

/** Why the WebRTC port cannot be opened, in words that name the option. */
export function listenError(error: NodeJS.ErrnoException, protocol: 'udp' | 'tcp', host: string, port: number): MillraceError {
  const name = `${protocol.toUpperCase()} port ${port}`;
  const option = 'webrtcPort (MILLRACE_WEBRTC_PORT)';
  const options = { cause: error, details: { protocol, host, port } };
  switch (error.code) {
    case 'EADDRINUSE':
      return new MillraceError('rtc/port-in-use', `The WebRTC ${name} is taken by another program: stop it, or set ${option} to a free port.`, options);
    case 'EACCES':
      return new MillraceError('rtc/port-denied', `The WebRTC ${name} may not be opened by this user: set ${option} to a port above 1023.`, options);
    default:
      return new MillraceError('rtc/listen-failed', `The WebRTC ${name} cannot be opened on ${host}: ${error.message}.`, options);
  }
}

/** Whether the machine has no such address family, as where IPv6 is off. */
export function isFamilyMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' || code === 'EINVAL';
}
