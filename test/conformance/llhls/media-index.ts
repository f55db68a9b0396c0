import { initFacts, sampleFacts, type InitFacts, type SampleFacts } from './mp4-facts.ts';
import type { Answer, RenditionHistory } from './observation.ts';
import { timelineOf, type KnownSegment } from './timeline.ts';

/** A segment with what its bytes hold, as far as they were fetched and can be read. */
export type SegmentMedia = {
  readonly segment: KnownSegment;
  readonly init: InitFacts | undefined;
  /** Of the segment; where it was not fetched, of its parts from the first on without a hole. */
  readonly samples: readonly SampleFacts[];
  /** True where `samples` are all there will ever be. */
  readonly whole: boolean;
  /** For each part of `segment.parts`. */
  readonly parts: readonly (readonly SampleFacts[] | undefined)[];
};

/** A rendition's media. */
export type RenditionMedia = { readonly url: string; readonly inits: ReadonlyMap<string, InitFacts>; readonly segments: readonly SegmentMedia[]; readonly faults: readonly string[] };

/** Reads all that was fetched of a rendition. */
export function mediaOf(history: RenditionHistory): RenditionMedia {
  const inits = new Map<string, InitFacts>();
  const faults: string[] = [];
  const read = <T>(url: string | undefined, reader: (bytes: Uint8Array) => T): T | undefined => {
    const answer = url === undefined ? undefined : history.resources.get(url);
    return url === undefined || !isOk(answer) ? undefined : attempt(url, () => reader(answer.bytes), faults);
  };
  const timeline = timelineOf(history);
  for (const { mapUrl } of timeline) {
    if (mapUrl !== undefined && !inits.has(mapUrl)) {
      const init = read(mapUrl, initFacts);
      if (init !== undefined) {
        inits.set(mapUrl, init);
      }
    }
  }
  const segments = timeline.map((segment): SegmentMedia => {
    const init = segment.mapUrl === undefined ? undefined : inits.get(segment.mapUrl);
    const samplesOf = (url: string | undefined): SampleFacts[] | undefined => (init === undefined ? undefined : read(url, (bytes) => sampleFacts(bytes, init)));
    const parts = segment.parts.map((part) => samplesOf(part.gap ? undefined : part.url));
    const whole = segment.gap ? undefined : samplesOf(segment.url);
    const hole = parts.findIndex((part) => part === undefined);
    const known = parts.slice(0, hole < 0 ? undefined : hole).flatMap((part) => part ?? []);
    return { segment, init, parts, samples: whole ?? known, whole: whole !== undefined };
  });
  return { url: history.url, inits, segments, faults };
}

/** True for an answer with the resource in it. */
export function isOk(answer: Answer | undefined): answer is Answer {
  return answer?.status === 200;
}

function attempt<T>(url: string, read: () => T, faults: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    faults.push(`${url}: ${String(error)}`);
    return undefined;
  }
}
