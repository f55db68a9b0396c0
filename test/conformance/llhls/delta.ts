/** A playlist in blocks: what stands before the segments, each segment with its tags, what stands after them. */
export type PlaylistBlocks = { readonly head: readonly string[]; readonly mediaSequence: number; readonly skipped: number; readonly segments: readonly string[]; readonly tail: readonly string[] };

const ofSegment = /^#(EXTINF:|EXT-X-(BYTERANGE|DISCONTINUITY$|KEY|MAP|PROGRAM-DATE-TIME|GAP|BITRATE|PART:))/;
const ofEnd = /^#EXT-X-(PRELOAD-HINT|RENDITION-REPORT|ENDLIST)/;

/** Takes a playlist's text apart by lines; shares nothing with the parser. */
export function blocksOf(text: string): PlaylistBlocks {
  const head: string[] = [];
  const tail: string[] = [];
  const segments: string[] = [];
  let block = '';
  for (const line of text.split('\n').filter((content) => content !== '')) {
    const isUri = !line.startsWith('#');
    if (ofEnd.test(line)) {
      tail.push(line);
    } else if (isUri || ofSegment.test(line)) {
      block += `${line}\n`;
      if (isUri) {
        segments.push(block);
        block = '';
      }
    } else {
      head.push(line);
    }
  }
  if (block !== '') {
    segments.push(block);
  }
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  return { head, segments, tail, mediaSequence: number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m), skipped: number(/^#EXT-X-SKIP:.*SKIPPED-SEGMENTS=(\d+)/m) };
}

/** Puts a delta update onto an earlier playlist (rfc8216bis, 6.3.7): the whole playlist; undefined where segments are missing. */
export function expandDelta(earlier: string, delta: string): string | undefined {
  const [before, now] = [blocksOf(earlier), blocksOf(delta)];
  const from = now.mediaSequence - before.mediaSequence;
  const kept = before.segments.slice(from, from + now.skipped);
  if (from < 0 || kept.length !== now.skipped) {
    return undefined;
  }
  return joined({ ...now, head: now.head.filter((line) => !line.startsWith('#EXT-X-SKIP')), segments: [...kept, ...now.segments] });
}

/** The text of blocks, tags of the end after all else. */
export function joined({ head, segments, tail }: Pick<PlaylistBlocks, 'head' | 'segments' | 'tail'>): string {
  return [...head, ...segments.map((block) => block.trimEnd()), ...tail].join('\n') + '\n';
}
