import { AttributeList } from './attribute-list.ts';
import { integerValue, onlyOnce, playlistLines, URI, type Line } from './lines.ts';
import type { DateRangeTag, MapTag, MediaPlaylist, PartTag, PreloadHintTag, RenditionReportTag, SegmentTags, ServerControlTag } from './playlist.ts';
import { PlaylistSyntaxError } from './syntax-error.ts';

type Draft = { -readonly [K in keyof MediaPlaylist]: MediaPlaylist[K] } & {
  segments: SegmentTags[];
  dateRanges: DateRangeTag[];
  preloadHints: PreloadHintTag[];
  renditionReports: RenditionReportTag[];
};

type Pending = { extinf?: number; gap?: boolean; discontinuities: number; programDateTime?: number; parts: PartTag[]; touched: boolean };

/** Tags that speak of the playlist as a whole and stand in it once, before the first segment where `head` says so. */
const wholeTags: Readonly<Record<string, { readonly head: boolean; readonly read: (draft: Draft, line: Line) => void }>> = {
  'EXT-X-VERSION': { head: false, read: (draft, line) => { draft.version = integerValue(line, '4.4.1.2'); } },
  'EXT-X-INDEPENDENT-SEGMENTS': { head: false, read: (draft) => { draft.independentSegments = true; } },
  'EXT-X-TARGETDURATION': { head: false, read: (draft, line) => { draft.targetDuration = integerValue(line, '4.4.3.1'); } },
  'EXT-X-MEDIA-SEQUENCE': { head: true, read: (draft, line) => { draft.mediaSequence = integerValue(line, '4.4.3.2'); } },
  'EXT-X-DISCONTINUITY-SEQUENCE': { head: true, read: (draft, line) => { draft.discontinuitySequence = integerValue(line, '4.4.3.3'); } },
  'EXT-X-ENDLIST': { head: false, read: (draft) => { draft.endList = true; } },
  'EXT-X-PLAYLIST-TYPE': { head: false, read: (draft, line) => { draft.playlistType = playlistType(line); } },
  'EXT-X-PART-INF': { head: false, read: (draft, line) => { draft.partTarget = partTarget(line); } },
  'EXT-X-SERVER-CONTROL': { head: false, read: (draft, line) => { draft.serverControl = serverControl(line); } },
  'EXT-X-SKIP': { head: true, read: (draft, line) => { draft.skipped = skippedSegments(line); } },
};

/** Tags that may come again and again, of no segment. */
const listTags: Readonly<Record<string, (draft: Draft, line: Line) => void>> = {
  'EXT-X-DATERANGE': (draft, line) => { draft.dateRanges.push(dateRange(line)); },
  'EXT-X-PRELOAD-HINT': (draft, line) => { draft.preloadHints.push(preloadHint(line)); },
  'EXT-X-RENDITION-REPORT': (draft, line) => { draft.renditionReports.push(renditionReport(line)); },
};

/** Tags of the next segment. */
const segmentTags: Readonly<Record<string, (pending: Pending, line: Line) => void>> = {
  EXTINF: (pending, line) => { pending.extinf = once(pending.extinf, extinf(line), line); },
  'EXT-X-GAP': (pending, line) => { pending.gap = once(pending.gap, true, line); },
  'EXT-X-DISCONTINUITY': (pending) => { pending.discontinuities += 1; },
  'EXT-X-PROGRAM-DATE-TIME': (pending, line) => { pending.programDateTime = once(pending.programDateTime, dateTime(line), line); },
  'EXT-X-PART': (pending, line) => { pending.parts.push(part(line)); },
};

/**
 * Reads a media playlist strictly: whatever the grammar does not allow, or LL-HLS as we serve it has no use for, is an error.
 *
 * @throws {PlaylistSyntaxError}
 */
export function parseMediaPlaylist(text: string): MediaPlaylist {
  const draft: Draft = {
    version: undefined, targetDuration: NaN, mediaSequence: 0, discontinuitySequence: 0, independentSegments: false, playlistType: undefined,
    partTarget: undefined, serverControl: undefined, skipped: 0, segments: [], dateRanges: [], preloadHints: [], renditionReports: [], endList: false,
  };
  const once = onlyOnce();
  let pending: Pending = { discontinuities: 0, parts: [], touched: false };
  let map: MapTag | undefined;
  const take = (line: Line, uri: string | undefined): void => {
    draft.segments.push(segmentOf(draft, pending, map, uri, line));
    pending = { discontinuities: 0, parts: [], touched: false };
  };
  const lines = playlistLines(text);
  for (const line of lines) {
    const whole = wholeTags[line.tag];
    const ofSegment = segmentTags[line.tag];
    const ofList = listTags[line.tag];
    if (whole !== undefined) {
      once(line);
      if (whole.head && (draft.segments.length > 0 || pending.touched)) {
        throw new PlaylistSyntaxError(line.number, '4.4.3', `${line.tag} stands after a segment's tag`);
      }
      whole.read(draft, line);
    } else if (ofSegment !== undefined) {
      pending.touched = true;
      ofSegment(pending, line);
    } else if (line.tag === 'EXT-X-MAP') {
      pending.touched = true;
      map = mapTag(line);
    } else if (ofList !== undefined) {
      ofList(draft, line);
    } else if (line.tag === URI) {
      take(line, line.value);
    } else {
      throw new PlaylistSyntaxError(line.number, '4.4', `${line.tag} is unknown, or no tag of a media playlist`);
    }
  }
  if (pending.touched) {
    take(lines.at(-1) ?? { number: 1, tag: '', value: '' }, undefined);
  }
  if (Number.isNaN(draft.targetDuration)) {
    throw new PlaylistSyntaxError(1, '4.4.3.1', 'EXT-X-TARGETDURATION is missing');
  }
  return draft;
}

function segmentOf(draft: Draft, pending: Pending, map: MapTag | undefined, uri: string | undefined, { number }: Line): SegmentTags {
  const before = draft.segments.at(-1);
  if (before !== undefined && before.uri === undefined) {
    throw new PlaylistSyntaxError(number, '4.4.4.9', 'parts of a growing segment are not at the end');
  }
  if ((uri === undefined) !== (pending.extinf === undefined)) {
    throw new PlaylistSyntaxError(number, '4.4.4.1', 'EXTINF and URI do not come together');
  }
  return {
    msn: draft.mediaSequence + draft.skipped + draft.segments.length,
    uri,
    duration: pending.extinf,
    gap: pending.gap ?? false,
    discontinuities: pending.discontinuities,
    discontinuitySequence: (before?.discontinuitySequence ?? draft.discontinuitySequence) + pending.discontinuities,
    map,
    programDateTime: pending.programDateTime,
    parts: pending.parts,
    line: number,
  };
}

function once<T>(before: T | undefined, value: T, { number, tag }: Line): T {
  if (before !== undefined) {
    throw new PlaylistSyntaxError(number, '4.4.4', `${tag} stands twice for one segment`);
  }
  return value;
}

function extinf({ number, value }: Line): number {
  const [, duration] = /^(\d+(?:\.\d+)?),.*$/.exec(value) ?? [];
  if (duration === undefined) {
    throw new PlaylistSyntaxError(number, '4.4.4.1', `EXTINF:${value} is malformed`);
  }
  return Number(duration);
}

function dateTime({ number, tag, value }: Line): number {
  // "SHOULD indicate a time zone and fractional parts of seconds, to millisecond accuracy".
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}(Z|[+-]\d\d:?\d\d)$/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(at)) {
    throw new PlaylistSyntaxError(number, '4.4.4.6', `${tag}:${value} is not a date to the millisecond with its zone`);
  }
  return at;
}

function playlistType({ number, value }: Line): 'EVENT' | 'VOD' {
  if (value !== 'EVENT' && value !== 'VOD') {
    throw new PlaylistSyntaxError(number, '4.4.3.5', `EXT-X-PLAYLIST-TYPE:${value} is unknown`);
  }
  return value;
}

function attributes<T>(line: Line, read: (list: AttributeList) => T): T {
  const list = new AttributeList(line.tag, line.value, line.number);
  const value = read(list);
  list.end();
  return value;
}

const partTarget = (line: Line): number => attributes(line, (list) => list.required('PART-TARGET', list.float('PART-TARGET')));
const skippedSegments = (line: Line): number => attributes(line, (list) => list.required('SKIPPED-SEGMENTS', list.integer('SKIPPED-SEGMENTS')));
const mapTag = (line: Line): MapTag => attributes(line, (list) => ({ uri: list.required('URI', list.quoted('URI')) }));

function serverControl(line: Line): ServerControlTag {
  return attributes(line, (list) => ({
    canSkipUntil: list.float('CAN-SKIP-UNTIL'),
    canSkipDateranges: list.flag('CAN-SKIP-DATERANGES'),
    holdBack: list.float('HOLD-BACK'),
    partHoldBack: list.float('PART-HOLD-BACK'),
    canBlockReload: list.flag('CAN-BLOCK-RELOAD'),
  }));
}

function part(line: Line): PartTag {
  return attributes(line, (list) => ({
    uri: list.required('URI', list.quoted('URI')),
    duration: list.required('DURATION', list.float('DURATION')),
    independent: list.flag('INDEPENDENT'),
    gap: list.flag('GAP'),
    line: line.number,
  }));
}

function dateRange(line: Line): DateRangeTag {
  const { number, tag } = line;
  return attributes(line, (list) => ({
    id: list.required('ID', list.quoted('ID')),
    class: list.quoted('CLASS'),
    startDate: dateTime({ number, tag, value: list.required('START-DATE', list.quoted('START-DATE')) }),
    duration: list.float('DURATION'),
    own: list.own(),
    line: number,
  }));
}

function preloadHint(line: Line): PreloadHintTag {
  return attributes(line, (list) => ({
    type: list.required('TYPE', list.enumerated('TYPE', ['PART', 'MAP'])),
    uri: list.required('URI', list.quoted('URI')),
  }));
}

function renditionReport(line: Line): RenditionReportTag {
  return attributes(line, (list) => ({
    uri: list.required('URI', list.quoted('URI')),
    lastMsn: list.integer('LAST-MSN'),
    lastPart: list.integer('LAST-PART'),
  }));
}
