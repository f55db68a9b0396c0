import { connectPeer, testCertificate, testCredentials, type TestPeer } from '#core/rtc/testing/peer.ts';
import type { Candidate } from '#core/rtc/transport.ts';
import { attributes, type Created } from './ask.ts';

/** A client that really came. */
export type Client = { readonly session: Created; readonly peer: TestPeer };

/** Makes a session with an offer in the name of a client of its own, and has that client come: checks, handshake, keys. */
export async function connect(offer: string, open: (offer: string) => Promise<Created>): Promise<Client> {
  const local = testCredentials();
  const certificate = await testCertificate();
  const session = await open(
    offer
      .replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${local.ufrag}`)
      .replace(/a=ice-pwd:.*/g, `a=ice-pwd:${local.pwd}`)
      .replace(/a=fingerprint:.*/g, `a=fingerprint:${certificate.fingerprint.algorithm} ${certificate.fingerprint.value}`),
  );
  return { session, peer: await connectPeer({ local, certificate, ...serverOf(session.body) }) };
}

/** What an answer says of the server's end. */
function serverOf(answer: string) {
  const first = (name: string): string => attributes(answer, name)[0] ?? '';
  const [algorithm = '', value = ''] = first('fingerprint').split(' ');
  const candidates = attributes(answer, 'candidate').map((candidate) => {
    const [, , protocol, , address = '', port] = candidate.split(' ');
    return { protocol: protocol as Candidate['protocol'], address, port: Number(port) };
  });
  return { remote: { ufrag: first('ice-ufrag'), pwd: first('ice-pwd') }, candidates, fingerprint: { algorithm, value } };
}
