import type { Logger } from '../../runtime/log.ts';
import type { DatagramEgress } from '../egress/egress.ts';
import { fastEngines } from '../srtp/fast-engines.ts';

import type { FastPath } from './fast-path.ts';
import { messages } from './messages.ts';

/** Which code does the work, and why where it is not the native one. */
export type PathReport = {
  readonly encryption: 'native' | 'portable';
  readonly sending: 'native' | 'portable';
  readonly reason?: string;
};

/** Tells which path a transport with this egress uses. */
export function pathReport(fastPath: FastPath, egress: Pick<DatagramEgress, 'fast'>): PathReport {
  if (fastPath === 'off') {
    return { encryption: 'portable', sending: 'portable', reason: 'rtcFastPath is off' };
  }
  const { engines, reason } = fastEngines();
  const sending = egress.fast ? '' : messages().reason || 'the socket does not tell its descriptor';
  const reasons = [...new Set([reason, sending])].filter((text) => text !== '');
  return {
    encryption: engines === undefined ? 'portable' : 'native',
    sending: egress.fast ? 'native' : 'portable',
    ...(reasons.length > 0 && { reason: reasons.join('; ') }),
  };
}

let logged = false;

/** Writes {@link pathReport} to the log, once per thread. */
export function logPath(log: Pick<Logger, 'info'>, fastPath: FastPath, egress: Pick<DatagramEgress, 'fast'>): void {
  if (!logged) {
    logged = true;
    const report = pathReport(fastPath, egress);
    log.info(report, report.reason === undefined ? 'WebRTC media take the fast path' : 'WebRTC media take the portable path');
  }
}
