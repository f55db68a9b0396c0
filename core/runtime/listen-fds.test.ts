import { describe, expect, test } from 'vitest';

import { takeGivenSockets } from './listen-fds.ts';

const taken = (env: NodeJS.ProcessEnv): unknown => {
  try {
    return takeGivenSockets(env, 42);
  } catch (error) {
    return (error as Error).message;
  }
};
const refused = (what: string): string =>
  `The sockets handed over at the start cannot be used: ${what}. One socket each may be named http, https, rtmp, rtmps (FileDescriptorName= in a systemd socket unit).`;

describe('takeGivenSockets, sd_listen_fds(3)', () => {
  test.each<[why: string, env: Record<string, string>, expected: unknown]>([
    ['nothing was handed over', {}, {}],
    ['one socket', { LISTEN_PID: '42', LISTEN_FDS: '1', LISTEN_FDNAMES: 'rtmp' }, { rtmp: 3 }],
    ['all of them, in any order', { LISTEN_PID: '42', LISTEN_FDS: '4', LISTEN_FDNAMES: 'rtmps:http:rtmp:https' }, { rtmps: 3, http: 4, rtmp: 5, https: 6 }],
    ['none of them', { LISTEN_PID: '42', LISTEN_FDS: '0' }, {}],
    ['the newer variable too', { LISTEN_PID: '42', LISTEN_PIDFDID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: 'http' }, { http: 3 }],
    ['those of another process, whatever they say', { LISTEN_PID: '41', LISTEN_FDS: 'x', LISTEN_FDNAMES: 'y' }, {}],
    ['sockets without an owner', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'http' }, {}],
    ['an owner that is no process', { LISTEN_PID: 'me', LISTEN_FDS: '1', LISTEN_FDNAMES: 'http' }, refused('LISTEN_PID is "me", which is no process id')],
    ['no count', { LISTEN_PID: '42', LISTEN_FDNAMES: 'http' }, refused('LISTEN_FDS is "", which is no number of sockets')],
    ['a negative count', { LISTEN_PID: '42', LISTEN_FDS: '-1', LISTEN_FDNAMES: 'http' }, refused('LISTEN_FDS is "-1", which is no number of sockets')],
    ['a count with a blank', { LISTEN_PID: '42', LISTEN_FDS: ' 1', LISTEN_FDNAMES: 'http' }, refused('LISTEN_FDS is " 1", which is no number of sockets')],
    ['no names', { LISTEN_PID: '42', LISTEN_FDS: '1' }, refused('LISTEN_FDS counts 1, LISTEN_FDNAMES names 0')],
    ['fewer names than sockets', { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'http' }, refused('LISTEN_FDS counts 2, LISTEN_FDNAMES names 1')],
    ['more names than sockets', { LISTEN_PID: '42', LISTEN_FDS: '1', LISTEN_FDNAMES: 'http:rtmp' }, refused('LISTEN_FDS counts 1, LISTEN_FDNAMES names 2')],
    ['a name that is none of ours', { LISTEN_PID: '42', LISTEN_FDS: '1', LISTEN_FDNAMES: 'millrace.socket' }, refused('LISTEN_FDNAMES names "millrace.socket"')],
    ['a name out of an object', { LISTEN_PID: '42', LISTEN_FDS: '1', LISTEN_FDNAMES: 'constructor' }, refused('LISTEN_FDNAMES names "constructor"')],
    ['a name twice', { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:http' }, refused('LISTEN_FDNAMES names "http" twice')],
  ])('%s', (_why, env, expected) => {
    const rest = { PATH: '/bin' };
    const given = { ...env, ...rest };
    expect(taken(given)).toEqual(expected);
    // Whatever came of it, a child must not take them for its own.
    expect(given).toEqual(rest);
  });
});
