import type { Edges } from '../../edges/edges.ts';
import type { EngineListener } from '../engine.ts';
import { failureFromAnswer } from '../failure.ts';

/** A media element that knows the date of its timeline's start: Safari's, by EXT-X-PROGRAM-DATE-TIME. */
type DatedVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** The playlist that an element plays by itself, and who is told of it. */
export type NativePlayback = { readonly video: HTMLVideoElement; readonly url: string; readonly edges?: Edges | undefined; readonly listener: EngineListener };

/** The date of the element's timeline at zero, milliseconds since 1970. */
export function startDateOf(video: HTMLVideoElement): number | undefined {
  const start = (video as DatedVideo).getStartDate?.().getTime();
  return start === undefined || Number.isNaN(start) ? undefined : start;
}

/** Tells why playing failed. The element does not say; the playlist's answer does. */
export async function tellFailure({ video, url, edges, listener }: NativePlayback, signal: AbortSignal): Promise<void> {
  const code = video.error?.code;
  try {
    const response = await (edges?.fetch.bind(edges) ?? fetch)(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) });
    listener.failed(
      response.ok
        ? { kind: code === MediaError.MEDIA_ERR_DECODE ? 'media' : 'network', detail: `media error ${code ?? 0}` }
        : failureFromAnswer(response.status, await response.text(), response.headers.get('Retry-After')),
    );
  } catch {
    if (!signal.aborted) {
      listener.failed({ kind: 'network', detail: 'no answer' });
    }
  }
}
