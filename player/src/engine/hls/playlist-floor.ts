/** Tags of single segments and parts (rfc8216bis, 4.4.4 and 4.4.5.1): they go with the segment whose URI follows. */
const ofSegment = /^#(EXTINF|EXT-X-(BYTERANGE|DISCONTINUITY|KEY|MAP|PROGRAM-DATE-TIME|GAP|BITRATE|PART|SKIP))(:|$)/;

const sequence = /^#EXT-X-MEDIA-SEQUENCE:(\d+)/m;

/** Media sequence number of the first segment; undefined for what is no media playlist. */
export function firstSequence(playlist: string): number | undefined {
  const first = sequence.exec(playlist)?.[1];
  return first === undefined ? undefined : Number(first);
}

/**
 * A media playlist without what lies before a media sequence number, playlist delta updates included. An edge that has had a stream for longer lists
 * more of the past than the one before it, and hls.js, which takes playlists for sliding forwards alone, would lose its place.
 */
export function fromSequence(playlist: string, floor: number): string {
  const first = firstSequence(playlist) ?? floor;
  let left = floor - first;
  if (left <= 0) {
    return playlist;
  }
  const kept: string[] = [];
  let map: string | undefined;
  let discontinuities = 0;
  for (const line of playlist.split(/\r?\n/)) {
    const isUri = line !== '' && !line.startsWith('#');
    if (left <= 0 || !(isUri || ofSegment.test(line))) {
      kept.push(line);
    } else if (line.startsWith('#EXT-X-SKIP')) {
      const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(line)?.[1] ?? 0);
      const still = Math.max(skipped - left, 0);
      left -= skipped;
      if (still > 0) {
        kept.push(line.replace(/SKIPPED-SEGMENTS=\d+/, `SKIPPED-SEGMENTS=${still}`));
      }
    } else if (isUri) {
      left -= 1;
      if (left === 0 && map !== undefined) {
        kept.push(map);
      }
    } else if (line.startsWith('#EXT-X-MAP')) {
      map = line;
    } else if (line === '#EXT-X-DISCONTINUITY') {
      discontinuities += 1;
    }
  }
  // Where there is less than that, the list has come to its end.
  const dropped = floor - first - Math.max(left, 0);
  return kept
    .join('\n')
    .replace(sequence, `#EXT-X-MEDIA-SEQUENCE:${first + dropped}`)
    .replace(/^#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)/m, (_whole, count: string) => `#EXT-X-DISCONTINUITY-SEQUENCE:${Number(count) + discontinuities}`);
}
