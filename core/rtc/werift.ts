/**
 * What is taken of werift: the one file that names it, so that its types stop here.
 *
 * Its DTLS server builds flights and keys, but believes its peer: it checks neither the signature of CertificateVerify nor
 * Finished, takes messages in the order they come, and answers alerts that nobody signed. `dtls/` stands before it and
 * lets in what is proven.
 */
export { CipherContext, DtlsClient, DtlsServer, HashAlgorithm, NamedCurveAlgorithm, RtpPacket, SignatureAlgorithm, SrtcpSession, SrtpSession } from 'werift';
export type { SrtpProfile as SrtpProfileNumber, Transport as DtlsTransport } from 'werift';
