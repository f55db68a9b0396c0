import { describe, expect, it } from 'vitest';
import { snapToParts, unloadedAt } from './next-part.ts';

/** Sound in parts of nine AAC frames, the last of the group with two. */
function parts(loaded: number) {
  const ends = [29.2188, 29.4108, 29.6028, 29.7948, 29.9868, 30.0295, 30.2215];
  return ends.map((end, i) => ({ start: i === 0 ? 29.0268 : (ends[i - 1] ?? 0), end, loaded: i < loaded, gap: false }));
}

const starts = [29.0268, 30.0295];

describe('where to go on loading', () => {
  it('is the end of the part that the buffer ends with, when the playlist\'s times are ahead', () => {
    expect(snapToParts(30.0195, parts(6), starts)).toBe(30.0295);
    expect(snapToParts(29.9864, parts(5), starts)).toBe(29.9868);
  });

  it('is the buffer\'s end when the playlist\'s times are behind, or no part is near', () => {
    expect(snapToParts(30.0395, parts(6), starts)).toBe(30.0395);
    expect(snapToParts(29.3, parts(6), starts)).toBe(29.3);
    expect(snapToParts(29.3, [], starts)).toBe(29.3);
  });

  it('is not moved far to a part that is not loaded', () => {
    expect(snapToParts(29.95, parts(4), starts)).toBe(29.95);
  });

  it('is the end of a part that the buffer holds although hls.js forgot it', () => {
    const forgotten = parts(6).map((part, i) => ({ ...part, loaded: part.loaded && i !== 5 }));
    expect(snapToParts(30.0275, forgotten, starts)).toBe(30.0295);
  });

  it('is the segment that a rendition is entered at, not the last microsecond of the one before', () => {
    expect(snapToParts(30.0295 - 0.000001, parts(0), starts)).toBe(30.0295);
    expect(snapToParts(29.9868, parts(5), starts)).toBe(29.9868);
  });

  it('finds the short part that ends a group', () => {
    expect(unloadedAt(29.9868, parts(5))?.end).toBe(30.0295);
    expect(unloadedAt(30.0295, parts(6))?.end).toBe(30.2215);
    expect(unloadedAt(29.9868, parts(6))).toBeUndefined();
  });

  it('passes over gaps', () => {
    expect(unloadedAt(29.9868, parts(5).map((part) => ({ ...part, gap: true })))).toBeUndefined();
  });
});
