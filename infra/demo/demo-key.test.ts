import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { parseStreamKey } from '#core/access/stream-key.ts';

import { loadDemoKey } from './demo-key.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the demo\'s key', () => {
  test('is made once and kept for this user alone', () => {
    const key = loadDemoKey(folder);
    expect(parseStreamKey(key)?.stream).toBe('demo');
    expect(statSync(join(folder, 'demo-key')).mode & 0o777).toBe(0o600);
    expect(loadDemoKey(folder)).toBe(key);
  });

  test('is closed to others again where somebody opened its file', () => {
    loadDemoKey(folder);
    chmodSync(join(folder, 'demo-key'), 0o644);
    loadDemoKey(folder);
    expect(statSync(join(folder, 'demo-key')).mode & 0o777).toBe(0o600);
  });

  test('is made anew where the file holds none', () => {
    writeFileSync(join(folder, 'demo-key'), 'half a k');
    expect(parseStreamKey(loadDemoKey(folder))).toBeDefined();
  });

  test('that cannot be read ends the start with what to do', () => {
    mkdirSync(join(folder, 'demo-key'));
    expect(() => loadDemoKey(folder)).toThrow(/remove it, or set MILLRACE_DEMO=off/);
  });
});
