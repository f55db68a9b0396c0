import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';

/** Everything that a measurement depends on. */
export type ProbeKey = { readonly ffmpegVersion: string; readonly encoder: string; readonly preset: string; readonly threads: number };

const FILE = 'transcode-capacity.json';
const schema = z.object({ key: z.string(), megapixelsPerSecond: z.number().positive() });

/** What an earlier start measured on this machine with this ffmpeg; undefined where none did, or anything differs. */
export async function readCapacity(dataDir: string, key: ProbeKey): Promise<number | undefined> {
  try {
    const cached = schema.parse(JSON.parse(await readFile(join(dataDir, FILE), 'utf8')));
    return cached.key === keyText(key) ? cached.megapixelsPerSecond : undefined;
  } catch {
    // Missing or broken: it is measured again.
    return undefined;
  }
}

/** Keeps a measurement for the next start. */
export async function writeCapacity(dataDir: string, key: ProbeKey, megapixelsPerSecond: number): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, FILE);
  await writeFile(`${path}.new`, `${JSON.stringify({ key: keyText(key), megapixelsPerSecond })}\n`);
  await rename(`${path}.new`, path);
}

/** Keeps the higher of a new measurement and the one kept, and gives it. */
export async function keepHigher(dataDir: string, key: ProbeKey, megapixelsPerSecond: number): Promise<number> {
  const higher = Math.max(megapixelsPerSecond, (await readCapacity(dataDir, key)) ?? 0);
  await writeCapacity(dataDir, key, higher);
  return higher;
}

function keyText(key: ProbeKey): string {
  const processors = cpus();
  return [key.ffmpegVersion, processors[0]?.model ?? 'unknown', processors.length, key.encoder, key.preset, key.threads].join(' | ');
}
