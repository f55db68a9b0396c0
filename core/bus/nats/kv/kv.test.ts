import { describe, expect, it } from 'vitest';

import { escapeKey, unescapeKey } from './keys.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import { decodeValue, encodeValue } from './values.ts';

const text = new TextEncoder();

describe('keys', () => {
  const cases = [
    ['ledger/cam-1', 'ledger/cam-1'],
    ['edge.7f/audience', 'edge=2e7f/audience'],
    ['=2e', '=3d2e'],
    ['a b*>', 'a=20b=2a=3e'],
    ['100 % Zoë 😀', '100=20=25=20Zo=c3=ab=20=f0=9f=98=80'],
  ] as const;
  for (const [key, escaped] of cases) {
    it(`writes "${key}" with what servers allow, and back`, () => {
      expect(escapeKey(key)).toBe(escaped);
      expect(escaped).toMatch(/^[-/=_a-zA-Z0-9]+$/);
      expect(unescapeKey(escaped)).toBe(key);
    });
  }

  it('are neither empty nor endless', () => {
    expect(() => escapeKey('')).toThrow(expect.objectContaining({ code: 'bus/malformed' }));
    expect(() => escapeKey('.'.repeat(200))).toThrow(expect.objectContaining({ code: 'bus/malformed' }));
  });

  it('of somebody else are left as they are', () => {
    expect(unescapeKey('=ff')).toBe('=ff');
    expect(unescapeKey('a=zz')).toBe('a=zz');
  });
});

describe('values', () => {
  const cases: readonly unknown[] = [
    null,
    3,
    'x',
    [1, { data: new Uint8Array([1, 2, 255]) }],
    { description: new Uint8Array(), nested: { $bytes: new Uint8Array([9]) } },
    { $bytes: 'AA==' },
    { $$bytes: { $: 1 }, $bytes: [] },
  ];
  for (const value of cases) {
    it(`come back as they were: ${JSON.stringify(value)}`, () => {
      expect(decodeValue(encodeValue(value))).toEqual(value);
    });
  }

  it('of a Buffer come back as bytes', () => {
    expect(decodeValue(encodeValue({ data: Buffer.from([1, 2]) }))).toEqual({ data: new Uint8Array([1, 2]) });
  });

  it('may be nothing at all', () => {
    expect(decodeValue(encodeValue(undefined))).toBeUndefined();
  });
});

describe('records', () => {
  it('say who wrote them, and under which fence', () => {
    const record = { fence: Number.MAX_SAFE_INTEGER, by: 'edge-1.0a1b', body: text.encode('{"a":\n1}') };
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
    expect(decodeRecord(encodeRecord({ fence: 0, by: '', body: new Uint8Array() }))).toEqual({ fence: 0, by: '', body: new Uint8Array() });
  });

  for (const wrong of ['', 'x', '1 a', '{"a":1}\n', '-1 a\n', '1.5 a\nx']) {
    it(`are not read out of ${JSON.stringify(wrong)}`, () => {
      expect(decodeRecord(text.encode(wrong))).toBeUndefined();
    });
  }
});
