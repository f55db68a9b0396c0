import { MillraceError } from '../../runtime/errors.ts';
import { CONTENT_TYPE, writeRecord } from './record.ts';

/** Records of one flight that share a datagram; IPv6's smallest MTU less its headers. */
const MAX_DATAGRAM_BYTES = 1200;
/** Alert level and descriptions, RFC 5246, 7.2. */
const FATAL = 2;
const HANDSHAKE_FAILURE = 40;
const BAD_CERTIFICATE = 42;
/** Above the numbers of all flights, so that no replay window takes the alert for an old record. */
const ALERT_SEQUENCE = 2 ** 32;

/** A flight is repeated for a peer that asks when it is this old: what comes sooner is a packet that was doubled on the way. */
export const REPEAT_MILLIS = 100;

/** Puts the records of a flight into as few datagrams as hold them. */
export function datagramsOf(records: readonly Buffer[]): readonly Buffer[] {
  const datagrams: Buffer[][] = [];
  let length = Infinity;
  for (const record of records) {
    if (length + record.length > MAX_DATAGRAM_BYTES) {
      datagrams.push([]);
      length = 0;
    }
    datagrams.at(-1)!.push(record);
    length += record.length;
  }
  return datagrams.map((datagram) => Buffer.concat(datagram));
}

/** The alert that tells the peer why the handshake has failed. Not protected: there are no keys yet that both sides trust. */
export function failureAlert(error: unknown): Buffer {
  const isOfCertificate = error instanceof MillraceError && error.code === 'rtc/dtls-certificate';
  return writeRecord(CONTENT_TYPE.alert, 0, ALERT_SEQUENCE, Uint8Array.of(FATAL, isOfCertificate ? BAD_CERTIFICATE : HANDSHAKE_FAILURE));
}
