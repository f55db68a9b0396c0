import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';
import { parseMultivariantPlaylist } from '#test/support/m3u8/parse-multivariant-playlist.ts';
import { resolve, type Answer, type Observation, type RenditionHistory, type Snapshot } from '../observation.ts';
import { FIRST_GROUP, GROUPS, sampleStream, type MadeRendition, type MadeSegment, type SampleHook } from './sample-stream.ts';

const BASE = 'http://server/live/cam1/';

/** Where faults are planted on the way from the made-up stream to what the checker sees. */
export type Plant = {
  readonly sample?: SampleHook;
  readonly multivariant?: (text: string) => string;
  /** How much is listed. */
  readonly windowMillis?: number;
  /** `index` counts the playlists of a rendition from 0. */
  readonly playlist?: (text: string, place: { readonly rendition: string; readonly index: number; readonly isLast: boolean }) => string;
  /** What is fetched: `listed` the first time, `again` later, `hint` before it was listed. */
  readonly answer?: (answer: Answer, place: { readonly uri: string; readonly rendition: string; readonly when: 'listed' | 'again' | 'hint' }) => Answer;
};

/** The made-up stream's multivariant playlist. */
export const MULTIVARIANT = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="b1/audio/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=300000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO="audio"
b1/video/media.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=250000,AVERAGE-BANDWIDTH=200000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=30.000,AUDIO="audio"
b1/v180/media.m3u8
`;

/** What an observer would have seen of the made-up stream, asking every 200 ms, with faults planted. */
export function observedSample(plant: Plant = {}): Observation {
  const stream = sampleStream(plant.sample);
  return {
    url: `${BASE}master.m3u8`,
    multivariant: parseMultivariantPlaylist(plant.multivariant?.(MULTIVARIANT) ?? MULTIVARIANT),
    renditions: stream.map((made) => history(made, stream, plant)),
  };
}

function history(made: MadeRendition, stream: readonly MadeRendition[], plant: Plant): RenditionHistory {
  const url = `${BASE}b1/${made.name}/media.m3u8`;
  const end = GROUPS * 1000;
  const times = Array.from({ length: GROUPS * 5 - 1 }, (_, index) => 400 + index * 200);
  const unreadable: { text: string; error: string }[] = [];
  const snapshots = [...times, end + 200].flatMap((at, index): Snapshot[] => {
    const isLast = at > end;
    const written = playlistAt(made, stream, at, { ended: isLast, windowMillis: plant.windowMillis ?? 8_000 });
    const text = plant.playlist?.(written, { rendition: made.name, index, isLast }) ?? written;
    try {
      return [{ requestedAt: at - 10, receivedAt: at, text, playlist: parseMediaPlaylist(text) }];
    } catch (error) {
      unreadable.push({ text, error: String(error) });
      return [];
    }
  });
  const answers = (when: 'listed' | 'again' | 'hint', files: Iterable<readonly [string, Uint8Array]>): Map<string, Answer> =>
    new Map([...files].map(([uri, bytes]) => {
      const answer: Answer = { url: resolve(url, uri), status: 200, headers: { 'content-type': `${made.kind}/mp4` }, bytes, requestedAt: 0, receivedAt: 0 };
      return [answer.url, plant.answer?.(answer, { uri, rendition: made.name, when }) ?? answer] as const;
    }));
  const parts = made.segments.flatMap((segment) => segment.parts.map(({ uri, bytes }) => [uri, bytes] as const));
  const whole = made.segments.map(({ msn, parts: own }) => [`${msn}.m4s`, Buffer.concat(own.map(({ bytes }) => bytes))] as const);
  return {
    url, snapshots, unreadable,
    resources: answers('listed', [['init-a.mp4', made.init], ...whole, ...parts]),
    refetched: answers('again', whole.slice(0, 4)),
    hinted: answers('hint', parts),
  };
}

/** A media playlist of the made-up stream, so many milliseconds after its start. */
export function playlistAt(made: MadeRendition, stream: readonly MadeRendition[], at: number, { ended, windowMillis }: { readonly ended: boolean; readonly windowMillis: number }): string {
  const begun = begunAt(made, at);
  const edge = edgeOf(begun.at(-1), at);
  const listed = begun.filter((segment) => edge - segment.at < windowMillis - 1e-6);
  const [first] = listed;
  const lines = [
    '#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:2',
    '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=6,CAN-SKIP-UNTIL=12', '#EXT-X-PART-INF:PART-TARGET=0.2',
    `#EXT-X-MEDIA-SEQUENCE:${first?.msn ?? FIRST_GROUP}`, `#EXT-X-DISCONTINUITY-SEQUENCE:${first?.epoch ?? 1}`,
  ];
  // Each group has a message on its first picture.
  const dates = new Map(stream[0]?.segments.map(({ msn, date }) => [msn, date]));
  lines.push(...listed.map(({ msn }) => `#EXT-X-DATERANGE:ID="message-${msn}",CLASS="urn:a",START-DATE="${dates.get(msn)}",DURATION=0,X-DATA="${msn}"`));
  listed.forEach((segment, index) => {
    const isNew = segment.epoch !== (listed[index - 1]?.epoch ?? segment.epoch);
    lines.push(...(isNew ? ['#EXT-X-DISCONTINUITY'] : []), ...(isNew || index === 0 ? ['#EXT-X-MAP:URI="init-a.mp4"'] : []), `#EXT-X-PROGRAM-DATE-TIME:${segment.date}`);
    if (edge - segment.at < 6_000 - 1e-6 && !ended) {
      lines.push(...segment.parts.filter((part) => part.at <= at).map(({ uri, duration, independent }) => `#EXT-X-PART:DURATION=${duration.toFixed(5)},URI="${uri}"${independent ? ',INDEPENDENT=YES' : ''}`));
    }
    if (segment.at <= at) {
      lines.push(`#EXTINF:${segment.duration.toFixed(5)},`, `${segment.msn}.m4s`);
    }
  });
  lines.push(...(ended ? ['#EXT-X-ENDLIST'] : ending(made, stream, at)));
  return `${lines.join('\n')}\n`;
}

function ending(made: MadeRendition, stream: readonly MadeRendition[], at: number): string[] {
  const next = hintAt(made, at);
  const reports = stream.filter(({ name }) => name !== made.name).map((other) => {
    const last = begunAt(other, at).at(-1);
    return `#EXT-X-RENDITION-REPORT:URI="../${other.name}/media.m3u8",LAST-MSN=${last?.msn},LAST-PART=${(last?.parts.filter((part) => part.at <= at).length ?? 0) - 1}`;
  });
  return [`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${next}"`, ...reports];
}

/** URI of the part that is hinted. */
export function hintAt(made: MadeRendition, at: number): string {
  const last = begunAt(made, at).at(-1);
  const msn = last?.msn ?? FIRST_GROUP;
  return last !== undefined && last.at <= at ? `${msn + 1}.0.m4s` : `${msn}.${last?.parts.filter((part) => part.at <= at).length ?? 0}.m4s`;
}

function begunAt(made: MadeRendition, at: number): MadeSegment[] {
  return made.segments.filter(({ parts }) => (parts[0]?.at ?? Infinity) <= at);
}

function edgeOf(last: MadeSegment | undefined, at: number): number {
  return last?.parts.filter((part) => part.at <= at).at(-1)?.at ?? 0;
}
