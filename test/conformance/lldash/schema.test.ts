import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { startPublisher } from '#test/support/publisher.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

/**
 * Path of DASH-MPD.xsd (github.com/MPEGGroup/DASHSchema, fifth edition), whose licence does not let it be part of this repository; `xlink.xsd` has to lie where
 * it says. Without it these tests are skipped: the rules beside them are tried always.
 */
const schema = process.env['MILLRACE_DASH_XSD'];

const KEY = 'cam1_conformance-0123456789';

/** What xmllint says of a manifest; empty where it is valid. */
async function verdict(manifest: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-mpd-'));
  try {
    const file = join(folder, 'manifest.mpd');
    await writeFile(file, manifest);
    const { status, stderr, error } = spawnSync('xmllint', ['--noout', '--nonet', '--schema', schema ?? '', file], { encoding: 'utf8' });
    return status === 0 ? '' : `${error?.message ?? ''}${stderr}`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe.skipIf(schema === undefined)('the schema of ISO/IEC 23009-1', () => {
  test('holds for what is running, for messages, for a second period and for the end', async () => {
    await using server = await startServer({ config: { streams: [{ key: KEY, ladder: [{ height: 180, bitrate: '250k' }] }] } });
    const url = `${server.url}/live/cam1/manifest.mpd`;
    const read = async (address = url): Promise<string> => (await fetch(address)).text();
    await using first = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    await until('the stream to be on air', async () => (await fetch(url)).ok, { deadline: 30_000 });
    expect(await verdict(await read())).toBe('');
    await fetch(`${server.url}/api/v1/streams/cam1/metadata`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` }, body: '{"type":"poll","data":{"a":"<&>"}}' });
    const withMessage = await until('the message', async () => {
      const text = await read();
      return text.includes('<Event ') ? text : undefined;
    });
    expect(await verdict(withMessage)).toBe('');
    await first.kill();
    await using second = startPublisher({ url: server.publishUrl(KEY), gop: 60 });
    const twoPeriods = await until('a second period', async () => {
      const text = await read();
      return text.split('<Period').length > 2 ? text : undefined;
    }, { deadline: 30_000 });
    expect(await verdict(twoPeriods)).toBe('');
    const location = /<Location>([^<]*)</.exec(twoPeriods)?.[1]?.replaceAll('&amp;', '&') ?? '';
    await second.stop();
    const over = await until('the end', async () => {
      const text = await read(new URL(location, url).href);
      return text.includes('type="static"') ? text : undefined;
    }, { deadline: 60_000, every: 500 });
    expect(await verdict(over)).toBe('');
    expect(await verdict(over.replace('<Period', '<Perriod'))).toContain('Perriod');
  }, 180_000);
});
