import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const programs = new URL('./programs.js', import.meta.url).href;
const terminal = new URL('./terminal.js', import.meta.url).href;
const isDebian = existsSync('/usr/bin/apt-get');
const sudo = process.getuid?.() === 0 ? '' : 'sudo ';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-programs-'));
  for (const name of ['sh', 'cat']) {
    symlinkSync(`/bin/${name}`, join(folder, name));
  }
  script('sudo', 'while [ "${1#-}" != "$1" ] || [ "${1#*=}" != "$1" ]; do shift; done; exec "$@"');
});
afterEach(() => rmSync(folder, { recursive: true }));

function script(name: string, body: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

const ffmpegOf = (version: string) => `printf '#!/bin/sh\\necho ffmpeg version ${version} Copyright\\n' > ${folder}/ffmpeg; /bin/chmod +x ${folder}/ffmpeg`;

/** Provides ffmpeg on a machine that has only what the folder holds. */
function provide(): { code: number | null; said: string; calls: string[] } {
  const code = `import { provideFfmpeg } from '${programs}'; import { fail } from '${terminal}'; try { await provideFfmpeg({}) } catch (error) { fail(error) }`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { env: { PATH: folder }, encoding: 'utf8' });
  const calls = existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [];
  return { code: status, said: stderr, calls };
}

describe.runIf(isDebian)('ffmpeg on Debian', () => {
  const note = `echo "$@" >> ${'$'}{0%/*}/calls`;

  test('that is there is left alone', () => {
    script('ffmpeg', 'echo ffmpeg version 5.1.9 Copyright');
    script('apt-get', note);
    expect(provide()).toMatchObject({ code: 0, said: '', calls: [] });
  });

  test('is installed after the lists are brought up to date', () => {
    script('apt-get', `${note}; case "$*" in *install*) ${ffmpegOf('5.1.9')};; esac`);
    const { code, said, calls } = provide();
    expect(code, said).toBe(0);
    expect(calls).toEqual([expect.stringMatching(/update/), expect.stringMatching(/install -y .*ffmpeg/)]);
    expect(said).toMatch(/ffmpeg \(apt-get install ffmpeg fonts-dejavu-core\): done in \d+ s/);
  });

  test('that cannot be installed ends with what apt said and the line to type', () => {
    script('apt-get', 'echo "E: Unable to locate package ffmpeg"; exit 100');
    const { code, said } = provide();
    expect(code).toBe(1);
    expect(said).toContain('E: Unable to locate package ffmpeg');
    expect(said).toContain(`    ${sudo}apt-get update && ${sudo}apt-get install -y ffmpeg fonts-dejavu-core\n`);
    expect(said).not.toMatch(/^\s+at /m);
  });

  test('that is too old even after the installation is told', () => {
    script('apt-get', `case "$*" in *install*) ${ffmpegOf('4.4.2')};; esac`);
    const { code, said } = provide();
    expect(code).toBe(1);
    expect(said).toContain("The system's ffmpeg is older than 5.1");
  });
});
