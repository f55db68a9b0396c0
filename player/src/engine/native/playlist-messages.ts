import { readRange } from '../hls/range-message.ts';
import type { RangeAttributes } from '../hls/range-message.ts';
import type { Edges } from '../../edges/edges.ts';
import type { EngineListener } from '../engine.ts';

/** A playlist lists messages for half a minute at least: asking this often, milliseconds, finds each of them. */
const often = 1_000;

/** Answers that do not come are not waited for. */
const patience = 5_000;

/** Options of {@link tellPlaylistMessages}. */
export type PlaylistMessagesOptions = {
  /** The multivariant playlist. */
  readonly url: string;
  /** The date of the element's timeline at zero, milliseconds since 1970; undefined before the browser knows it. */
  readonly startDate: () => number | undefined;
  /** Who serves; asking also shows whether the edge lives, which the browser does not tell. */
  readonly edges?: Edges | undefined;
  readonly listener: EngineListener;
  readonly signal: AbortSignal;
  /** Between two questions, milliseconds. Default a second; what lists hours is asked for seldom. */
  readonly interval?: number;
};

/**
 * Tells of the messages in the playlists for a browser that plays HLS by itself and does not tell of EXT-X-DATERANGE: asks for one media playlist beside
 * it (all of them list the same messages), until one is ended. Never rejects.
 */
export async function tellPlaylistMessages({ url, startDate, edges, listener, signal, interval = often }: PlaylistMessagesOptions): Promise<void> {
  const told = new Map<string, number>();
  const base = new URL(url, location.href).href;
  const read = (from: string, init: RequestInit): Promise<Response> => edges?.fetch(from, init) ?? fetch(from, init);
  let playlist: string | undefined;
  while (!signal.aborted) {
    playlist ??= firstPlaylist(await text(read, base, signal), base);
    const start = startDate();
    const listed = start === undefined || playlist === undefined ? '' : await text(read, playlist, signal);
    for (const attributes of rangesOf(listed)) {
      const message = readRange(attributes);
      const position = (Date.parse(attributes['START-DATE'] ?? '') - (start ?? Number.NaN)) / 1_000;
      if (message !== undefined && Number.isFinite(position) && told.get(message.id) !== position && !signal.aborted) {
        told.set(message.id, position);
        listener.event({ message, place: { kind: 'position', position } });
      }
    }
    if (listed.includes('#EXT-X-ENDLIST')) {
      return;
    }
    forget(told);
    await pause(interval, signal);
  }
}

/** URL of the first media playlist that a multivariant playlist names; undefined where it names none. `base`: the absolute URL of the latter. */
export function firstPlaylist(multivariant: string, base: string): string | undefined {
  const lines = multivariant.split(/\r?\n/);
  const uri = lines[lines.findIndex((line) => line.startsWith('#EXT-X-STREAM-INF:')) + 1];
  return uri === undefined || uri === '' || uri.startsWith('#') ? undefined : new URL(uri, base).href;
}

/** Attributes of every EXT-X-DATERANGE (rfc8216bis, 4.2), quoted strings without their quotes. */
export function rangesOf(playlist: string): readonly RangeAttributes[] {
  const tags = playlist.split(/\r?\n/).filter((line) => line.startsWith('#EXT-X-DATERANGE:'));
  return tags.map((line) => Object.fromEntries([...line.slice(17).matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^",]*))/g)].map(([, name, quoted, bare]) => [name, quoted ?? bare])));
}

async function text(read: (url: string, init: RequestInit) => Promise<Response>, url: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await read(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) });
    return response.ok ? await response.text() : '';
  } catch {
    return '';
  }
}

/** The schedule remembers messages; here only those that a playlist may still list matter. */
function forget(told: Map<string, number>): void {
  for (const id of [...told.keys()].slice(0, -1_000)) {
    told.delete(id);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
  });
}
