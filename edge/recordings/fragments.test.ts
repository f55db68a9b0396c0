import { describe, expect, test } from 'vitest';

import { readChunks } from '#core/media/containers/fmp4/read-chunks.ts';

import { readFragments } from './fragments.ts';
import { AUDIO, epochOf, recorded, VIDEO } from './testing/recorded.ts';

const { broadcast } = await recorded(epochOf('source-30', 0));

describe.each([VIDEO, AUDIO])('the samples of a segment of %s', (name) => {
  const track = broadcast.tracks.get(name);

  test('are those of its chunks', async () => {
    for (const segment of track?.segments ?? []) {
      const bytes = (await track?.read(segment)) ?? Buffer.alloc(0);
      const fragments = await readFragments((offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)), bytes.length);
      const samples = fragments.flatMap((fragment) => {
        let at = fragment.offset;
        return fragment.samples.map(({ dts, pts, duration, key, size }) => ({ dts, pts, duration, key, data: bytes.subarray(at, (at += size)).toString('hex') }));
      });
      expect(samples).toEqual(readChunks(bytes).flatMap((chunk) => chunk.samples.map(({ dts, pts, duration, key, data }) => ({ dts, pts, duration, key, data: Buffer.from(data).toString('hex') }))));
    }
  });
});

test('of a big segment little is read', async () => {
  const track = broadcast.tracks.get(VIDEO);
  const small = (await track?.read(track.segments[0] as never)) ?? Buffer.alloc(0);
  const padding = Buffer.alloc(1_000_000);
  padding.writeUInt32BE(padding.length, 0);
  padding.write('free', 4, 'latin1');
  const big = Buffer.concat([small, padding, small, padding]);
  let read = 0;
  const fragments = await readFragments((offset, length) => {
    const slice = big.subarray(offset, offset + length);
    read += slice.length;
    return Promise.resolve(slice);
  }, big.length);
  expect(fragments.length).toBe(2 * readChunks(small).length);
  expect(read).toBeLessThan(3 * small.length);
});

describe('what is no segment', () => {
  const bytes = Buffer.from('0000000c6d6f6f66000000000000', 'hex');

  test.each([
    ['a box that is longer than the segment', Buffer.from('000000ff66726565', 'hex')],
    ['a box without room for its header', Buffer.from('0000000466726565', 'hex')],
    ['a moof with nothing in it', bytes.subarray(0, 12)],
    ['a box of 64 bits that claims more than there is', Buffer.from('00000001667265650000000100000000', 'hex')],
  ])('%s', async (_name, given) => {
    await expect(readFragments((offset, length) => Promise.resolve(given.subarray(offset, offset + length)), given.length)).rejects.toMatchObject({ code: 'media/malformed' });
  });

  test('bytes that are gone', async () => {
    await expect(readFragments(() => Promise.resolve(undefined), 100)).rejects.toMatchObject({ code: 'recording/gone' });
  });
});
