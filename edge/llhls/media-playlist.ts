import type { Millis, WallTime } from '#core/media/time.ts';

import type { EventList } from './event-list.ts';
import type { TrackWindow } from './track-window.ts';
import { TARGET_DURATION, THREE_TARGET_DURATIONS, type WindowSegment } from './window-segment.ts';

/** CAN-SKIP-UNTIL: "MUST be at least six times the Target Duration" (rfc8216bis, 4.4.3.8). */
export const CAN_SKIP_UNTIL = (6 * TARGET_DURATION) as Millis;

/** Where another rendition of the broadcast stands (EXT-X-RENDITION-REPORT). */
export type RenditionReport = { readonly uri: string; readonly msn: number; readonly part: number };

/** EXT-X-PART-INF and EXT-X-SERVER-CONTROL: the same in every playlist of a broadcast. */
export type ServerControl = {
  readonly partTarget: Millis;
  /** How far from the edge a player stays: the largest part of its latency. */
  readonly partHoldBack: Millis;
};

/**
 * Writes the media playlist of a track (rfc8216bis, 4.4.3 to 4.4.5); a delta update where asked for and possible. A delta update has all of the
 * playlist's date ranges: they could be skipped only with CAN-SKIP-DATERANGES.
 *
 * @param events the broadcast's messages; those of groups that the playlist no longer lists are left out.
 */
export function mediaPlaylist(window: TrackWindow, control: ServerControl, reports: readonly RenditionReport[], delta: boolean, events?: EventList): string {
  const listed = window.listed;
  const first = listed[0];
  const last = listed.at(-1);
  const edge = last === undefined ? 0 : last.start + last.duration;
  const skipped = delta && !window.ended ? skippable(listed, edge) : 0;
  let text = header(control, first) + (first === undefined ? '' : (events?.tagsFrom(first.group) ?? ''));
  if (skipped > 0) {
    text += `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}\n`;
  }
  for (let i = skipped; i < listed.length; i++) {
    const segment = listed[i] as WindowSegment;
    const before = listed[i - 1];
    if (before !== undefined) {
      // A segment's discontinuity sequence is its epoch, so an epoch without segments counts too.
      text += '#EXT-X-DISCONTINUITY\n'.repeat(segment.epoch - before.epoch);
    }
    if (segment.config !== undefined && (segment.config !== before?.config || segment.epoch !== before.epoch)) {
      text += `#EXT-X-MAP:URI="init-${segment.config}.mp4"\n`;
    }
    text += segmentText(segment, edge - (segment.start + segment.duration) < THREE_TARGET_DURATIONS);
  }
  return text + footer(window, last, reports);
}

/** Seconds with the 10 microseconds that a player can make use of. */
export function seconds(duration: Millis): string {
  return (duration / 1000).toFixed(5);
}

function header({ partTarget, partHoldBack }: ServerControl, first: WindowSegment | undefined): string {
  const control = `CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${shortSeconds(partHoldBack)},HOLD-BACK=${THREE_TARGET_DURATIONS / 1000},CAN-SKIP-UNTIL=${CAN_SKIP_UNTIL / 1000}`;
  return (
    '#EXTM3U\n' +
    // 9: EXT-X-SKIP. (10 would be for one that skips date ranges too.)
    '#EXT-X-VERSION:9\n' +
    `#EXT-X-TARGETDURATION:${TARGET_DURATION / 1000}\n` +
    `#EXT-X-SERVER-CONTROL:${control}\n` +
    `#EXT-X-PART-INF:PART-TARGET=${shortSeconds(partTarget)}\n` +
    `#EXT-X-MEDIA-SEQUENCE:${first?.group ?? 0}\n` +
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first?.epoch ?? 0}\n`
  );
}

function footer(window: TrackWindow, last: WindowSegment | undefined, reports: readonly RenditionReport[]): string {
  if (window.ended) {
    return '#EXT-X-ENDLIST\n';
  }
  let text = '';
  if (last !== undefined) {
    const hint = last.complete ? `${last.group + 1}.0` : `${last.group}.${last.parts.length}`;
    text += `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${hint}.m4s"\n`;
  }
  for (const { uri, msn, part } of reports) {
    text += `#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${msn},LAST-PART=${part}\n`;
  }
  return text;
}

/** "A Playlist Delta Update ... replaces Media Segments older than the Skip Boundary" (rfc8216bis, 6.2.5.1). */
function skippable(listed: readonly WindowSegment[], edge: number): number {
  let count = 0;
  for (const segment of listed) {
    if (edge - (segment.start + segment.duration) < CAN_SKIP_UNTIL) {
      break;
    }
    count++;
  }
  return count;
}

const texts = new WeakMap<WindowSegment, { readonly bare: string; readonly withParts: string }>();

/** Lines of one segment; those of a whole one are made once. */
function segmentText(segment: WindowSegment, withParts: boolean): string {
  if (!segment.complete) {
    return programDateTime(segment.wallTime) + partLines(segment);
  }
  let known = texts.get(segment);
  if (known === undefined) {
    const date = programDateTime(segment.wallTime);
    const whole = `${segment.gap ? '#EXT-X-GAP\n' : ''}#EXTINF:${seconds(segment.duration)},\n${segment.group}.m4s\n`;
    known = { bare: date + whole, withParts: date + partLines(segment) + whole };
    texts.set(segment, known);
  }
  return withParts ? known.withParts : known.bare;
}

function programDateTime(at: WallTime): string {
  return `#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(at)).toISOString()}\n`;
}

function partLines(segment: WindowSegment): string {
  let text = '';
  for (const part of segment.parts) {
    const more = part.media === undefined ? ',GAP=YES' : part.independent ? ',INDEPENDENT=YES' : '';
    text += `#EXT-X-PART:DURATION=${seconds(part.duration)},URI="${segment.group}.${part.index}.m4s"${more}\n`;
  }
  return text;
}

function shortSeconds(duration: Millis): string {
  return String(Math.round(duration) / 1000);
}
