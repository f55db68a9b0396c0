/**
 * What is taken of werift: the one file that names it, so that its types stop here.
 *
 * The server uses it to make its certificate. DTLS and SRTP are ours: werift's DTLS believes its peer (it checks neither the signatures
 * over keys nor Finished, takes messages in the order they come, answers alerts that nobody signed), costs five times as much, and
 * its SRTP more than ten times. In tests it is the independent other side.
 */
export { CipherContext, DtlsClient, DtlsServer, HashAlgorithm, NamedCurveAlgorithm, RtpPacket, SignatureAlgorithm, SrtcpSession, SrtpSession } from 'werift';
export type { SrtpProfile as SrtpProfileNumber, Transport as DtlsTransport } from 'werift';
