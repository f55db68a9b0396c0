import { describe, expect, it } from 'vitest';

import type { AmfValue } from '#core/media/containers/flv/amf0.ts';

import { wantsBackup } from './command.ts';

describe('a publisher', () => {
  it.each<[string, readonly AmfValue[], boolean]>([
    ['app of OBS', ['live?backup=1', 'rtmp://host/live?backup=1'], true],
    ['address alone', ['live', 'rtmp://host:1935/live?backup=1'], true],
    ['address with a slash at its end', ['live?backup=1/', undefined], true],
    ['stream name', ['show_0123456789abcdef?backup=1'], true],
    ['among others', ['live?token=5&backup=true&x=y'], true],
    ['without a value', ['live?backup'], true],
    ['after a second question mark', ['live?a=b?backup=1'], true],
    ['said no', ['live?backup=0', 'show?backup=no'], false],
    ['another word', ['live?backups=1', 'live?xbackup=1'], false],
    ['no query', ['live', 'rtmp://backup=1/live', 'backup=1'], false],
    ['far behind', [`live?${'x'.repeat(5000)}&backup=1`], false],
    ['no text', [null, undefined, 5, {}, true], false],
  ])('asks to be a backup, or does not: %s', (_what, names, expected) => {
    expect(wantsBackup(...names)).toBe(expected);
  });
});
