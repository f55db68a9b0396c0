import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemClock, wallTime } from '../../media/time.ts';
import { createCertificate, keptCertificate } from './certificate.ts';
import { isUsableFingerprint, matchesFingerprint } from './fingerprint.ts';

const log = pino({ level: 'silent' });
const YEAR = 365 * 24 * 3600 * 1000;

describe('the kept certificate', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-rtc-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is made once, in a folder that is made too, for its owner alone', async () => {
    const dataDir = join(folder, 'data');
    const first = await keptCertificate(dataDir, systemClock(), log);
    const second = await keptCertificate(dataDir, systemClock(), log);
    expect(second.fingerprint).toEqual(first.fingerprint);
    expect((await stat(join(dataDir, 'webrtc-certificate.pem'))).mode & 0o777).toBe(0o600);
    await expect(readdir(dataDir)).resolves.toEqual(['webrtc-certificate.pem']);
  });

  it.each([9.95 * YEAR, -YEAR])('is made anew where it ends soon or is not valid yet', async (later) => {
    const first = await keptCertificate(folder, systemClock(), log);
    const second = await keptCertificate(folder, wallTime(systemClock() + later), log);
    expect(second.fingerprint).not.toEqual(first.fingerprint);
  });

  it.each<[string, (pem: string) => Promise<string>]>([
    ['is empty', () => Promise.resolve('')],
    ['is something else', () => Promise.resolve('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')],
    ['has another key', async (pem) => pem.replace(/-----BEGIN PRIVATE KEY-----[^]*/, (await createCertificate()).keyPem)],
  ])('is made anew where the file %s', async (_what, change) => {
    const first = await keptCertificate(folder, systemClock(), log);
    const file = join(folder, 'webrtc-certificate.pem');
    await writeFile(file, await change(await readFile(file, 'utf8')));
    const second = await keptCertificate(folder, systemClock(), log);
    expect(second.fingerprint).not.toEqual(first.fingerprint);
    await expect(keptCertificate(folder, systemClock(), log)).resolves.toMatchObject({ fingerprint: second.fingerprint });
  });

  it('is made for one run where it cannot be kept', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    await expect(keptCertificate(file, systemClock(), log)).resolves.toMatchObject({ fingerprint: { algorithm: 'sha-256' } });
  });
});

describe('fingerprints, RFC 8122', () => {
  const der = Buffer.from('a certificate');
  const sha256 = '05:AF:F2:C0:4A:C4:9B:9C:1D:8F:3A:8F:6A:7E:5C:8B:2F:3D:00:00:00:00:00:00:00:00:00:00:00:00:00:00';

  it('match by any hash that still holds, in either case', async () => {
    const { createHash } = await import('node:crypto');
    for (const [algorithm, hash] of [['sha-256', 'sha256'], ['SHA-384', 'sha384'], ['sha-512', 'sha512']] as const) {
      const value = createHash(hash).update(der).digest('hex').replace(/(..)(?!$)/g, '$1:');
      expect(matchesFingerprint(der, [{ algorithm, value }])).toBe(true);
      expect(matchesFingerprint(der, [{ algorithm: 'sha-256', value: sha256 }, { algorithm, value: value.toUpperCase() }])).toBe(true);
    }
    const sha1 = createHash('sha1').update(der).digest('hex').replace(/(..)(?!$)/g, '$1:');
    expect(matchesFingerprint(der, [{ algorithm: 'sha-1', value: sha1 }])).toBe(false);
    expect(matchesFingerprint(der, [])).toBe(false);
    expect(matchesFingerprint(der, [{ algorithm: 'sha-256', value: sha256 }])).toBe(false);
  });

  it.each([
    ['sha-256', sha256, true],
    ['sha-256', sha256.slice(3), false],
    ['sha-256', sha256.replaceAll(':', ''), false],
    ['sha-256', sha256.replace('05', 'XX'), false],
    ['md5', sha256, false],
    ['constructor', sha256, false],
  ])('%s %s can be used: %s', (algorithm, value, usable) => {
    expect(isUsableFingerprint({ algorithm, value })).toBe(usable);
  });
});
