import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';
import type { Ask, AskOptions } from '../ask.ts';
import { placeOf } from '../check-history.ts';
import { blocksOf } from '../delta.ts';
import type { Answer } from '../observation.ts';
import { hintAt, MULTIVARIANT, playlistAt } from './observed-sample.ts';
import { sampleStream } from './sample-stream.ts';

/** Options of {@link fakeServer}. */
export type FakeServerOptions = {
  /** Milliseconds since the stream's start. */
  readonly at: number;
  /** Nothing comes any more. */
  readonly stalled?: boolean;
  readonly ended?: boolean;
  /** Changes an answer: how a fault is planted. */
  readonly fault?: (answer: Answer, url: URL, options: AskOptions) => Answer;
};

type Reply = { readonly status: number; readonly text?: string; readonly bytes?: Uint8Array; readonly headers?: Readonly<Record<string, string>> };

const OPEN = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'Date, Age, ETag' };

/** URL of the rendition `video` of the fake server. */
export const FAKE_PLAYLIST = 'http://server/live/cam1/b1/video/media.m3u8';

/** A server of the made-up stream in which time passes only when somebody waits for something. */
export function fakeServer({ at, stalled = false, ended = false, fault = (answer) => answer }: FakeServerOptions): Ask {
  const stream = sampleStream();
  const [made] = stream;
  if (made === undefined) {
    throw new Error('the made-up stream is empty');
  }
  let now = at;
  const textNow = (): string => playlistAt(made, stream, now, { ended, windowMillis: 14_000 });

  const media = (file: string): Reply => {
    const part = made.segments.flatMap(({ parts }) => parts).find(({ uri }) => uri === file);
    if (file === hintAt(made, now)) {
      now = Math.max(now, part?.at ?? now);
    }
    const segment = made.segments.find(({ msn, at: end }) => `${msn}.m4s` === file && end <= now);
    const bytes = file === 'init-a.mp4' ? made.init : (part !== undefined && part.at <= now ? part.bytes : segment === undefined ? undefined : Buffer.concat(segment.parts.map((own) => own.bytes)));
    return bytes === undefined ? { status: 404, text: '{}' } : { status: 200, bytes, headers: { ...OPEN, 'content-type': 'video/mp4', 'cache-control': 'public, max-age=3600, immutable' } };
  };

  const playlist = (query: URLSearchParams): Reply => {
    const status = ended ? 200 : waitFor(query);
    const text = query.get('_HLS_skip') === 'YES' && !ended ? delta(textNow()) : textNow();
    return status === 200 ? { status, text, headers: { ...OPEN, 'content-type': 'application/vnd.apple.mpegurl', 'cache-control': 'no-cache' } } : { status, text: '{}' };
  };

  const waitFor = (query: URLSearchParams): number => {
    const [msn, part] = [query.get('_HLS_msn'), query.get('_HLS_part')];
    if ((msn === null && part !== null) || [msn, part].some((value) => value !== null && !/^\d+$/.test(value))) {
      return 400;
    }
    if (msn === null) {
      return 200;
    }
    const last = placeOf(parseMediaPlaylist(textNow()));
    if (Number(msn) > last.msn + 2 || (Number(msn) === last.msn && Number(part ?? 0) > last.part + 15)) {
      return 400;
    }
    const there = (): boolean => {
      const { msn: reached, part: newest, whole } = placeOf(parseMediaPlaylist(textNow()));
      const isThere = part === null ? whole : newest >= Number(part);
      return reached > Number(msn) || (reached === Number(msn) && isThere);
    };
    for (let waited = 0; !there(); waited += 20) {
      if (waited >= 6_000) {
        return 503;
      }
      now += stalled ? 0 : 20;
      waitedInVain += stalled ? 20 : 0;
    }
    return 200;
  };
  let waitedInVain = 0;

  return (url, options = {}) => {
    const asked = new URL(url);
    const file = asked.pathname.split('/').at(-1) ?? '';
    const requestedAt = now + waitedInVain;
    const { status, text, bytes = Buffer.from(text ?? ''), headers = {} } = file.endsWith('.m3u8') ? (file === 'master.m3u8' ? { ...playlist(new URLSearchParams()), text: MULTIVARIANT } : playlist(asked.searchParams)) : media(file);
    const answer: Answer = { url, requestedAt, receivedAt: now + waitedInVain, ...shaped({ status, bytes, headers }, file, options) };
    return Promise.resolve(fault(answer, asked, options));
  };
}

/** What HTTP makes of an answer: compression told, ranges, HEAD. */
function shaped({ status, bytes, headers }: { status: number; bytes: Uint8Array; headers: Readonly<Record<string, string>> }, file: string, { method, headers: asked = {} }: AskOptions): Pick<Answer, 'status' | 'bytes' | 'headers'> {
  const size = bytes.length;
  const range = /^bytes=(\d*)-(\d*)$/.exec(asked['Range'] ?? '');
  if (range !== null && status === 200 && !file.endsWith('.m3u8')) {
    const from = range[1] === '' ? size - Number(range[2]) : Number(range[1]);
    const to = range[1] === '' || range[2] === '' ? size : Number(range[2]) + 1;
    return from >= size ? { status: 416, bytes: new Uint8Array(), headers: { ...headers, 'content-range': `bytes */${size}` } } : { status: 206, bytes: bytes.subarray(from, to), headers: { ...headers, 'content-range': `bytes ${from}-${to - 1}/${size}` } };
  }
  const encoded: Record<string, string> = file.endsWith('.m3u8') ? { vary: 'Accept-Encoding', ...(asked['Accept-Encoding'] === 'gzip' ? { 'content-encoding': 'gzip' } : {}) } : { 'content-length': `${size}` };
  return { status, bytes: method === 'HEAD' ? new Uint8Array() : bytes, headers: { ...headers, ...encoded } };
}

/** Segments that end twelve seconds before the end or earlier are skipped. */
function delta(text: string): string {
  const { head, segments, tail, mediaSequence } = blocksOf(text);
  const durations = segments.map((block) => Number(/#EXTINF:([\d.]+)/.exec(block)?.[1] ?? 0));
  const growing = [...(segments.at(-1)?.matchAll(/DURATION=([\d.]+)/g) ?? [])].reduce((sum, [, duration]) => sum + Number(duration), 0);
  const behind = (index: number): number => durations.slice(index + 1).reduce((sum, duration) => sum + duration, 0) + (durations.at(-1) === 0 ? growing : 0);
  const skipped = durations.filter((_, index) => behind(index) >= 12 - 1e-6).length;
  if (skipped === 0) {
    return text;
  }
  const at = head.findIndex((line) => line === `#EXT-X-MEDIA-SEQUENCE:${mediaSequence}`);
  return [...head.slice(0, at + 2), `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`, ...head.slice(at + 2), ...segments.slice(skipped).map((block) => block.trimEnd()), ...tail].join('\n') + '\n';
}
