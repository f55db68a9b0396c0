import { Writable } from 'node:stream';

import { describe, expect, test } from 'vitest';

import { createLog, type LogFormat, type LogLevel } from './log.ts';

function collected(format: LogFormat, level: LogLevel = 'info') {
  const lines: string[] = [];
  const to = new Writable({
    write: (chunk: Buffer, _, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  return { lines, ...createLog({ to, format, level }) };
}

describe('the log', () => {
  test('is one JSON object a line, with its level in words and its time', () => {
    const { log, lines } = collected('json');
    log.child({ stage: 'edge' }).info({ stream: 'demo' }, 'a sentence');
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', stage: 'edge', stream: 'demo', msg: 'a sentence', time: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  test('leaves out what is below its level', () => {
    const { log, lines } = collected('json', 'warn');
    log.info('left out');
    log.warn('written');
    expect(lines).toHaveLength(1);
  });

  test('blots out what has a secret\'s name', () => {
    const { log, lines } = collected('json');
    log.info({ key: 'demo_verysecret', request: { authorization: 'Bearer verysecret' } }, 'x');
    expect(lines.join('')).not.toContain('verysecret');
  });

  test('is a plain line for people', () => {
    const { log, lines } = collected('pretty');
    log.warn({ stream: 'demo' }, 'a sentence');
    expect(lines.join('')).toMatch(/WARN.*a sentence/);
  });

  test('can be flushed before anything was written', () => {
    expect(() => createLog().flush()).not.toThrow();
  });
});
