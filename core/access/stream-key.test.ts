import { describe, expect, it } from 'vitest';

import { parseStreamKey } from './stream-key.ts';

const secret = 'abcdefghijklmnop';

describe('a stream key', () => {
  it('is split at the first underscore', () => {
    expect(parseStreamKey(`cam-1_${secret}_x`)).toEqual({ stream: 'cam-1', secret: `${secret}_x` });
  });

  it.each(['', 'cam', `_${secret}`, `Cam_${secret}`, `-cam_${secret}`, 'cam_short', `cam_${secret}!`, `cam_${'x'.repeat(129)}`, `${'c'.repeat(64)}_${secret}`])(
    'is refused where it is not of the form: %j',
    (key) => {
      expect(parseStreamKey(key)).toBeUndefined();
    },
  );
});
