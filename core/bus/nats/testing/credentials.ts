import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { nkeys } from '@nats-io/transport-node';

const text = new TextEncoder();
const read = new TextDecoder();

/** A user of an NKEY: what the server is told, and a file with the seed. */
export function makeNkey(folder: string): { readonly publicKey: string; readonly file: string } {
  const user = nkeys.createUser();
  const file = join(folder, 'user.nk');
  writeFileSync(file, `${read.decode(user.getSeed())}\n`);
  return { publicKey: user.getPublicKey(), file };
}

/** An operator with one account that has JetStream, and one user of it: lines of the server's configuration, and the user's credentials file (ADR-14 of NATS). */
export function makeCreds(folder: string): { readonly config: string; readonly file: string } {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const user = nkeys.createUser();
  const system = nkeys.createAccount();
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1, mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const operatorJwt = signed(operator, operator, 'operator', { system_account: system.getPublicKey() });
  const accountJwt = signed(operator, account, 'account', { limits });
  const systemJwt = signed(operator, system, 'account', { limits: { ...limits, mem_storage: 0, disk_storage: 0 } });
  const userJwt = signed(account, user, 'user', { pub: {}, sub: {}, subs: -1, data: -1, payload: -1 });
  const file = join(folder, 'user.creds');
  writeFileSync(
    file,
    `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${read.decode(user.getSeed())}\n------END USER NKEY SEED------\n`,
  );
  const resolved = [
    [account, accountJwt],
    [system, systemJwt],
  ] as const;
  return {
    file,
    config: [
      `operator: ${operatorJwt}`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      `resolver_preload: {\n${resolved.map(([key, jwt]) => `${key.getPublicKey()}: ${jwt}`).join('\n')}\n}`,
    ].join('\n'),
  };
}

/** Certificates of an authority of its own: for a server at 127.0.0.1 and for a client. */
export function makeCertificates(folder: string): { readonly ca: string; readonly server: { readonly cert: string; readonly key: string }; readonly client: { readonly cert: string; readonly key: string } } {
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'ignore' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...newKey, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=test authority');
  const issue = (name: string): { readonly cert: string; readonly key: string } => {
    const files = { cert: at(`${name}.pem`), key: at(`${name}.key`) };
    writeFileSync(at(`${name}.ext`), 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n');
    openssl('req', ...newKey, '-keyout', files.key, '-out', at(`${name}.csr`), '-subj', `/CN=${name}`);
    openssl('x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at(`${name}.ext`), '-out', files.cert);
    return files;
  };
  return { ca: at('ca.pem'), server: issue('server'), client: issue('client') };
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

function signed(issuer: KeyPair, subject: KeyPair, type: string, claims: Record<string, unknown>): string {
  const iat = Math.floor(Date.now() / 1000);
  const body = { iat, iss: issuer.getPublicKey(), name: type, sub: subject.getPublicKey(), nats: { ...claims, type, version: 2 } };
  const jti = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const head = `${base64(JSON.stringify({ typ: 'JWT', alg: 'ed25519-nkey' }))}.${base64(JSON.stringify({ ...body, jti }))}`;
  return `${head}.${Buffer.from(issuer.sign(text.encode(head))).toString('base64url')}`;
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64url');
}
