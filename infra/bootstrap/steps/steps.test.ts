import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

type Steps = {
  installPackages(options: { folder: string; install: (folder: string) => Promise<void> }): Promise<boolean>;
  buildPlayer(options: { folder: string; build: (folder: string) => Promise<void> }): Promise<boolean>;
  checkOwnNode(version: string): void;
  isNewEnough(printed: string): boolean;
  run(command: string, args: string[]): Promise<{ code: number; output: string }>;
  closingLine(sum: Sum): string;
  holdBackClosingLine(write: (text: string) => void): { push(text: string): void; end(): Sum | undefined };
};
type Sum = { passed: number; failed: number; skipped: number };

/** The steps are plain JavaScript: what the tests use of them is typed here. */
async function load(file: string): Promise<Steps> {
  return (await import(new URL(file, import.meta.url).href)) as Steps;
}

const { installPackages } = await load('./packages.js');
const { buildPlayer } = await load('./player.js');
const { checkOwnNode } = await load('./node.js');
const { isNewEnough } = await load('./programs.js');
const { run } = await load('./terminal.js');
const { closingLine, holdBackClosingLine } = await load('./checks.js');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-bootstrap-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, content: unknown): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
}

const lock = (version: string) => ({ packages: { '': {}, 'node_modules/a': { version }, 'node_modules/of-windows': { version: '1.0.0', optional: true } } });
const present = (version: string) => ({ packages: { 'node_modules/a': { version } } });

describe('packages', () => {
  const install = vi.fn((into: string) => {
    mkdirSync(join(into, 'node_modules'), { recursive: true });
    return Promise.resolve();
  });
  beforeEach(() => {
    install.mockClear();
  });

  test('are installed where there are none, and then left alone', async () => {
    write('package-lock.json', lock('1.0.0'));
    expect(await installPackages({ folder, install })).toBe(true);
    expect(await installPackages({ folder, install })).toBe(false);
    expect(install).toHaveBeenCalledOnce();
  });

  test('are installed again when the lock file changes', async () => {
    write('package-lock.json', lock('1.0.0'));
    await installPackages({ folder, install });
    write('package-lock.json', lock('1.0.1'));
    expect(await installPackages({ folder, install })).toBe(true);
  });

  test('are left alone where npm ci was run by hand', async () => {
    write('package-lock.json', lock('1.0.0'));
    write('node_modules/.package-lock.json', present('1.0.0'));
    expect(await installPackages({ folder, install })).toBe(false);
    expect(install).not.toHaveBeenCalled();
  });

  test('are installed over those of another lock file', async () => {
    write('package-lock.json', lock('1.0.1'));
    write('node_modules/.package-lock.json', present('1.0.0'));
    expect(await installPackages({ folder, install })).toBe(true);
  });

  test('whose installation failed are not taken for installed', async () => {
    write('package-lock.json', lock('1.0.0'));
    await expect(installPackages({ folder, install: () => Promise.reject(new Error('no network')) })).rejects.toThrow('no network');
    expect(await installPackages({ folder, install })).toBe(true);
  });
});

describe('the player', () => {
  const build = vi.fn((into: string) => {
    mkdirSync(join(into, 'player', 'dist'), { recursive: true });
    return Promise.resolve();
  });
  beforeEach(() => {
    build.mockClear();
    write('player/src/main.ts', 'a');
    write('core/media/time.ts', 'a');
  });

  test.each([
    ['a source of its own', 'player/src/main.ts', true],
    ['a new source', 'player/src/new.svelte', true],
    ['what it shares with the servers', 'core/media/time.ts', true],
    ['a test', 'player/src/main.test.ts', false],
    ['what is built', 'player/dist/index.html', false],
    ['a server', 'edge/main.ts', false],
  ])('after a change of %s is built again: %s, %s', async (_, path, again) => {
    expect(await buildPlayer({ folder, build })).toBe(true);
    expect(await buildPlayer({ folder, build })).toBe(false);
    write(path, 'b');
    expect(await buildPlayer({ folder, build })).toBe(again);
  });
});

describe('programs', () => {
  test.each([
    ['ffmpeg version 5.1.9-0+deb12u1 Copyright', true],
    ['ffmpeg version 7.0 Copyright', true],
    ['ffmpeg version n6.1.1 Copyright', true],
    ['ffmpeg version N-109542-g1bf1222 Copyright', true],
    ['ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright', false],
    ['ffmpeg version 5.0.1 Copyright', false],
  ])('%s: %s', (printed, enough) => {
    expect(isNewEnough(printed)).toBe(enough);
  });

  test('a Node that is too old is told', () => {
    expect(() => checkOwnNode('18.20.4')).toThrow(/Node 18\.20\.4 is too old: 20 or newer is needed/);
    expect(() => checkOwnNode('20.0.0')).not.toThrow();
  });

  test('a program that is not there ends with 127, as in a shell', async () => {
    expect(await run('/nowhere/program', [])).toMatchObject({ code: 127 });
    expect(await run('sh', ['-c', 'echo out; echo err >&2; exit 3'])).toEqual({ code: 3, output: 'out\nerr\n' });
  });
});

describe('the closing line', () => {
  test('is held back from what is passed on, however it is cut', () => {
    let written = '';
    const hold = holdBackClosingLine((text) => (written += text));
    ['one\n3 pas', 'sed, 1 failed, 2 skipped', '\nafter 1 passed\nlast'].forEach((text) => hold.push(text));
    expect(hold.end()).toEqual({ passed: 3, failed: 1, skipped: 2 });
    expect(written).toBe('one\nafter 1 passed\nlast');
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });

  test('that never came is no sum', () => {
    const hold = holdBackClosingLine(() => {});
    hold.push('crashed\n');
    expect(hold.end()).toBeUndefined();
  });
});
