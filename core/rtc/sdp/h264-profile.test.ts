import { describe, expect, test } from 'vitest';

import { h264ProfileDistance, h264ProfileFits, parseProfileLevelId } from './h264-profile.ts';
import type { OfferedCodec } from './session-offer.ts';

function offered(profileLevelId: string | undefined, more: Record<string, string> = {}): OfferedCodec {
  const parameters = { 'packetization-mode': '1', ...(profileLevelId === undefined ? {} : { 'profile-level-id': profileLevelId }), ...more };
  return { payloadType: 96, name: 'h264', clockRate: 90_000, channels: 1, parameters, feedback: [] };
}

const asymmetric = { 'level-asymmetry-allowed': '1' };

const cases: readonly (readonly [what: string, offered: OfferedCodec, needed: string, fits: boolean])[] = [
  ['Constrained Baseline decodes itself', offered('42e01f'), '42c01f', true],
  ['Constrained Baseline does not decode Baseline', offered('42e01f'), '42001f', false],
  ['Constrained Baseline does not decode Main', offered('42e01f'), '4d001f', false],
  ['Baseline decodes Constrained Baseline', offered('42001f'), '42e01f', true],
  ['Baseline does not decode Main', offered('42001f'), '4d401f', false],
  ['Main decodes Constrained Baseline', offered('4d001f'), '42c01f', true],
  ['Main does not decode Baseline', offered('4d001f'), '42001f', false],
  ['Main does not decode High', offered('4d001f'), '64001f', false],
  ['Main that is constrained is Constrained Baseline', offered('4d801f'), '4d001f', false],
  ['High decodes Main', offered('64001f'), '4d401f', true],
  ['High decodes Constrained High', offered('64001f'), '640c1f', true],
  ['High decodes Constrained Baseline', offered('64001f'), '42e01f', true],
  ['High does not decode Baseline', offered('64001f'), '42001f', false],
  ['High does not decode High 10', offered('64001f'), '6e001f', false],
  ['Constrained High does not decode High', offered('640c1f'), '64001f', false],
  ['Constrained High decodes Constrained Baseline', offered('640c1f'), '42c01f', true],
  ['High 4:4:4 Predictive decodes High', offered('f4001f'), '64001f', true],
  ['High 4:4:4 Predictive decodes Main', offered('f4001f'), '4d001f', true],
  ['High 4:4:4 Predictive decodes Constrained Baseline', offered('f4001f'), '42e01f', true],
  ['High 4:4:4 Predictive does not decode Baseline', offered('f4001f'), '42001f', false],
  ['the same level', offered('64001f'), '64001f', true],
  ['a level below', offered('64001f'), '64001e', true],
  ['a level above', offered('64001f'), '640028', false],
  ['a level above where asymmetry is allowed', offered('64001f', asymmetric), '640028', true],
  ['level 1b, which lies above level 1', offered('42e00a'), '42f00b', false],
  ['level 1b, which lies below level 1.1', offered('42e00b'), '42f00b', true],
  ['packetization mode 0', offered('42e01f', { 'packetization-mode': '0' }), '42e01f', false],
  ['no packetization mode, which means 0', { ...offered('42e01f'), parameters: { 'profile-level-id': '42e01f' } }, '42e01f', false],
  ['no profile, which clients mean as Constrained Baseline 3.1', offered(undefined), '42c01f', true],
  ['a profile that is none', offered('42001'), '42001f', false],
  ['a profile that nobody knows', offered('99001f'), '99001f', false],
];

describe('h264ProfileFits', () => {
  test.each(cases)('%s', (_, codec, needed, fits) => {
    expect(h264ProfileFits(codec, parseProfileLevelId(needed)!)).toBe(fits);
  });

  test('the same profile is nearest, then each that must decode it, the least capable first', () => {
    const needed = parseProfileLevelId('42c01f')!;
    const distances = ['42e01f', '42001f', '4d001f', '640c1f', '64001f', 'f4001f'].map((id) => h264ProfileDistance(offered(id), needed)!);
    expect(distances[0]).toBe(0);
    expect([...distances].sort((a, b) => a - b)).toEqual(distances);
  });
});
