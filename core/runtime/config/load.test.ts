import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { MillraceError } from '../errors.ts';
import { checkCommon, commonOptions, portSchema, switchSchema } from './common.ts';
import { readFlags } from './flags.ts';
import { loadConfig } from './load.ts';
import { option } from './option.ts';

const options = {
  host: commonOptions.host,
  httpPort: option(portSchema.default(8080), 'Port.'),
  ratio: option(z.number().gt(0).max(1).default(0.5), 'Not coerced by its schema.'),
  demo: option(switchSchema.default(true), 'Switch.'),
  mode: option(z.enum(['fast', 'slow']).default('fast'), 'Mode.'),
  publicUrl: commonOptions.publicUrl,
  trustProxy: commonOptions.trustProxy,
  streams: commonOptions.streams,
  streamKeys: commonOptions.streamKeys,
  ladder: commonOptions.ladder,
};
const known = { ...options, edgeWindow: option(z.number().default(1), 'Of another stage.') };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(from: { argv?: string[]; env?: NodeJS.ProcessEnv; file?: string }) {
  const defaultFile = join(folder, 'millrace.yaml');
  if (from.file !== undefined) {
    writeFileSync(defaultFile, from.file);
  }
  return loadConfig({ options, known, commandLine: readFlags(from.argv ?? [], options), env: from.env ?? {}, defaultFile });
}

function problemsOf(from: Parameters<typeof load>[0]): readonly string[] {
  try {
    load(from);
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    expect((error as MillraceError).code).toBe('config/invalid');
    return (error as MillraceError).details['problems'] as string[];
  }
  throw new Error('the configuration was taken for valid');
}

describe('precedence', () => {
  const file = 'httpPort: 1\n';
  const env = { MILLRACE_HTTP_PORT: '2' };
  const argv = ['--http-port', '3'];
  test.each([
    ['flag over environment and file', { file, env, argv }, 3, 'flag'],
    ['environment over file', { file, env }, 2, 'environment'],
    ['file over default', { file }, 1, 'file'],
    ['default at last', {}, 8080, 'default'],
  ])('%s', (_, from, httpPort, origin) => {
    const config = load(from);
    expect(config.values.httpPort).toBe(httpPort);
    expect(config.origins.httpPort).toBe(origin);
  });

  test('an empty variable and an empty line of the file are absent', () => {
    expect(load({ env: { MILLRACE_HTTP_PORT: '' }, file: 'httpPort:\npublicUrl:\n' }).values.httpPort).toBe(8080);
  });

  test('a file of comments alone is an empty configuration', () => {
    expect(load({ file: '# nothing\n\n' }).values.httpPort).toBe(8080);
  });

  test('a file is named by flag before environment before the usual place', () => {
    writeFileSync(join(folder, 'a.yaml'), 'httpPort: 11\n');
    writeFileSync(join(folder, 'b.yaml'), 'httpPort: 12\n');
    const env = { MILLRACE_CONFIG: join(folder, 'b.yaml') };
    expect(load({ argv: ['--config', join(folder, 'a.yaml')], env, file }).values.httpPort).toBe(11);
    expect(load({ env, file }).values.httpPort).toBe(12);
    expect(load({ env, file }).file).toBe(join(folder, 'b.yaml'));
  });

  test('what another stage reads may stand in the same file and environment', () => {
    expect(load({ file: 'edgeWindow: 3\n', env: { MILLRACE_EDGE_WINDOW: '3' } }).values).not.toHaveProperty('edgeWindow');
  });

  test.each(['MILLRACE_SERVICE_HOST', 'MILLRACE_PORT', 'MILLRACE_PORT_8080_TCP_ADDR', 'MILLRACE_SERVICE_PORT_HTTP'])(
    '%s, which an orchestrator adds, is no mistake',
    (name) => {
      expect(load({ env: { [name]: 'tcp://10.0.0.1:80' } }).values.httpPort).toBe(8080);
    },
  );
});

describe('types from text', () => {
  test.each([
    ['httpPort', { MILLRACE_HTTP_PORT: '0' }, 0],
    ['ratio', { MILLRACE_RATIO: '0.25' }, 0.25],
    ['demo', { MILLRACE_DEMO: 'off' }, false],
    ['demo', { MILLRACE_DEMO: 'yes' }, true],
    ['trustProxy', { MILLRACE_TRUST_PROXY: 'on' }, true],
    ['trustProxy', { MILLRACE_TRUST_PROXY: '10.0.0.1,10.0.0.2' }, '10.0.0.1,10.0.0.2'],
    ['streamKeys', { MILLRACE_STREAM_KEYS: 'a_1234567890123456, b_1234567890123456,' }, ['a_1234567890123456', 'b_1234567890123456']],
    ['ladder', { MILLRACE_LADDER: 'source' }, 'source'],
    ['ladder', { MILLRACE_LADDER: '[{height: 720, bitrate: 2.5M}]' }, [{ height: 720, bitrate: '2.5M' }]],
    ['streams', { MILLRACE_STREAMS: '[{"key": "a_1234567890123456"}]' }, [{ key: 'a_1234567890123456' }]],
  ] as const)('%s of %o', (key, env, value) => {
    expect(load({ env }).values[key]).toEqual(value);
  });

  test.each([
    [['--demo'], true],
    [['--no-demo'], false],
    [['--demo=off'], false],
    [['--demo', 'off'], false],
    [['--demo', '--http-port', '1'], true],
  ])('the switch %o is %s', (argv, demo) => {
    expect(load({ argv }).values.demo).toBe(demo);
  });

  test('YAML says on and off as it likes', () => {
    expect(load({ file: 'demo: off\n' }).values.demo).toBe(false);
    expect(load({ file: 'demo: false\n' }).values.demo).toBe(false);
  });
});

describe('problems', () => {
  test('are told all at once, each by the name the user wrote', () => {
    expect(
      problemsOf({
        file: 'httpPrt: 1\nmode: medium\nstreams:\n  - key: a_1234567890123456\n    lader: auto\n',
        env: { MILLRACE_HTTP_PORT: 'eighty', MILLRACE_RTIO: '1' },
        argv: ['--ratio', '2', '--publc-url=x', '--demo=perhaps'],
      }),
    ).toEqual([
      expect.stringMatching(/^httpPrt \(in .*millrace.yaml\): there is no such option\. Did you mean httpPort\?$/),
      'MILLRACE_RTIO: there is no such option. Did you mean MILLRACE_RATIO?',
      '--publc-url: there is no such option. Did you mean --public-url?',
      'MILLRACE_HTTP_PORT: must be a number (is "eighty")',
      '--ratio: must be at most 1 (is "2")',
      '--demo: must be on or off (is "perhaps")',
      'mode: must be fast or slow (is "medium")',
      'streams[0]: there is no `lader` here',
    ]);
  });

  test.each([
    [{ file: 'httpPort: true\n' }, 'httpPort: must be a number (is true)'],
    [{ file: 'httpPort: []\n' }, 'httpPort: must be a number'],
    [{ file: 'httpPort: 70000\n' }, 'httpPort: must be at most 65535 (is 70000)'],
    [{ file: 'host: [a]\n' }, 'host: must be text'],
    [{ env: { MILLRACE_HTTP_PORT: ' ' } }, 'MILLRACE_HTTP_PORT: must be a number (is " ")'],
    [{ env: { MILLRACE_PUBLIC_URL: 'live' } }, 'MILLRACE_PUBLIC_URL: must be a URL, like https://live.example.com (is "live")'],
    [{ argv: ['--http-port'] }, '--http-port: needs a value'],
    [{ argv: ['--http-port='] }, '--http-port: needs a value'],
    [{ argv: ['-p', '80'] }, '-p: there is no such option'],
    [{ file: 'ladder: [{height: 720, bitrate: fast}]\n' }, 'ladder[0].bitrate: must be bits per second, or a number with k or M, like 2.5M'],
  ])('%o', (from, problem) => {
    expect(problemsOf(from)).toEqual([problem]);
  });

  test('never quote a secret', () => {
    const secret = 'a_verysecretverysecret';
    for (const from of [
      { file: `streams: ${secret}\n` },
      { file: `streams: [{key: ${secret}, ladder: ${secret}}]\n` },
      { file: `streamKeys: {x: ${secret}}\n` },
      { env: { MILLRACE_STREAMS: secret } },
      { argv: ['--streams', secret] },
    ]) {
      expect(problemsOf(from).join(' ')).not.toContain('verysecret');
    }
  });

  test('between options are told once each is valid', () => {
    const tls = { tlsCert: commonOptions.tlsCert, tlsKey: commonOptions.tlsKey };
    const loadTls = (env: NodeJS.ProcessEnv) => loadConfig({ options: tls, commandLine: readFlags([], tls), env, defaultFile: '/nowhere', check: checkCommon });
    expect(() => loadTls({ MILLRACE_TLS_CERT: 'cert.pem' })).toThrow('The configuration is not valid: tlsCert: needs tlsKey beside it');
    expect(loadTls({ MILLRACE_TLS_CERT: 'cert.pem', MILLRACE_TLS_KEY: 'key.pem' }).values.tlsKey).toBe('key.pem');
  });

  test('a file with a fault in its YAML is told by line, without quoting it', () => {
    const file = 'httpPort: 1\nstreamKeys: "a_verysecretverysecret\nx: [';
    expect(() => load({ file })).toThrow(/millrace\.yaml is not valid YAML at line \d+/);
    expect(() => load({ file })).not.toThrow(/verysecret/);
  });

  test('a file that is no mapping, or is not there', () => {
    expect(() => load({ file: '- a\n' })).toThrow(/must hold `key: value` lines/);
    expect(() => load({ env: { MILLRACE_CONFIG: join(folder, 'none.yaml') } })).toThrow(/none\.yaml cannot be read: it does not exist/);
  });
});

describe('the command line', () => {
  test('keeps words, help and version apart from options', () => {
    expect(readFlags(['up', '--http-port', '1', '-h', '--version', '--', '--not-a-flag'], options)).toMatchObject({
      words: ['up', '--not-a-flag'],
      help: true,
      version: true,
      problems: [],
    });
  });
});
