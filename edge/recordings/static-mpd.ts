import { millis, millisToTicks, ticks, VIDEO_TIMESCALE, type Ticks, type Timescale } from '#core/media/time.ts';
import { EVENT_SCHEME, eventNumber, eventText } from '#core/media/timed-event.ts';
import type { TrackConfig } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { element, escapeXml, isoDuration, isoInstant } from '../lldash/xml.ts';
import type { OfferedRendition } from '../llhls/multivariant-playlist.ts';
import { toldEvents } from '../rewind/event-tags.ts';
import { recordedRendition } from './renditions.ts';
import { vodPeriods, type PeriodTrack, type VodPeriod } from './vod-periods.ts';

/** Ingest cuts groups that would grow longer. */
const MAX_SEGMENT = millis(2100);

/**
 * A track that begins so far behind its period, in seconds, is said to begin with it: a frame of sound, or a sample's rounding. Of a hole there, however short, dash.js 5.2
 * takes the player to its end whenever it looks for something to load, even from where a viewer has just gone to.
 */
const LATE = 0.05;

/** A second of the peak rate in hand, and playing goes on (ISO/IEC 23009-1, 5.3.1.2). */
const MIN_BUFFER = millis(1000);

/**
 * The DASH manifest of a finished recording (ISO/IEC 23009-1, `type="static"`): a period per epoch, and a further one behind lost groups; between periods no time
 * passes. URLs are relative to `/recordings/<id>/`. Undefined where nothing can be played.
 */
export function staticMpd(broadcast: ArchivedBroadcast): string | undefined {
  const periods = vodPeriods(broadcast);
  if (periods.length === 0) {
    return undefined;
  }
  const renditions = new Map([...broadcast.tracks.values()].map((track) => [track, recordedRendition(track, broadcast.ladder)]));
  let start = 0;
  const texts = periods.map((period, index) => {
    // Outwards: what lies behind the end of its period would be dropped. Less than a tick over is the arithmetic's.
    const duration = Math.ceil((period.to - period.from) * 1000 - 1e-3);
    const text = periodText(period, { id: `${period.epoch}-${index}`, start, duration }, broadcast, renditions);
    start += duration;
    return text;
  });
  const mpd = element(
    'MPD',
    {
      xmlns: 'urn:mpeg:dash:schema:mpd:2011',
      id: broadcast.facts.id,
      profiles: 'urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019',
      type: 'static',
      availabilityStartTime: isoInstant(broadcast.facts.startedAt),
      mediaPresentationDuration: isoDuration(millis(start)),
      minBufferTime: isoDuration(MIN_BUFFER),
      maxSegmentDuration: isoDuration(MAX_SEGMENT),
    },
    ...texts,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${mpd}\n`;
}

type Representation = { readonly of: PeriodTrack; readonly config: TrackConfig; readonly rendition: OfferedRendition };

type Renditions = ReadonlyMap<ArchivedTrack, OfferedRendition | undefined>;

/** `start` and `duration` in milliseconds of the presentation. */
type Place = { readonly id: string; readonly start: number; readonly duration: number };

function periodText(period: VodPeriod, { id, start, duration }: Place, { events }: ArchivedBroadcast, renditions: Renditions): string {
  const representations = period.tracks.flatMap((of): Representation[] => {
    const config = of.track.config(of.config);
    const rendition = renditions.get(of.track);
    return config === undefined || rendition === undefined ? [] : [{ of, config, rendition }];
  });
  // A set for each codec: players switch inside of one.
  const sets = [...Map.groupBy(representations, ({ config }) => `${config.kind} ${config.codec}`).values()].sort((a, b) => (kindOf(a) < kindOf(b) ? 1 : -1));
  const from = offsetOf(period, VIDEO_TIMESCALE);
  const inside = toldEvents(events).filter(({ pts }) => pts >= from && pts < from + millisToTicks(millis(duration), VIDEO_TIMESCALE));
  const messages = inside.map((event) => element('Event', { presentationTime: event.pts, duration: 0, id: eventNumber(event) }, escapeXml(eventText(event))));
  const stream = inside.length === 0 ? '' : element('EventStream', { schemeIdUri: EVENT_SCHEME, timescale: VIDEO_TIMESCALE, presentationTimeOffset: from }, ...messages);
  return element('Period', { id, start: isoDuration(millis(start)), duration: isoDuration(millis(duration)) }, stream, ...sets.map((set, index) => setText(set, index, period)));
}

function kindOf(set: readonly Representation[]): string {
  return set[0]?.config.kind ?? 'audio';
}

function setText(set: readonly Representation[], id: number, period: VodPeriod): string {
  const kind = kindOf(set);
  return element(
    'AdaptationSet',
    { id, contentType: kind, mimeType: `${kind}/mp4`, segmentAlignment: true },
    element('InbandEventStream', { schemeIdUri: EVENT_SCHEME }),
    ...set.map((each) => representation(each, period)),
  );
}

function representation({ of: { track, config: configId, segments }, config, rendition }: Representation, period: VodPeriod): string {
  const offset = offsetOf(period, config.timescale);
  const { frameRate } = rendition;
  const common = { id: track.track, bandwidth: Math.max(1, rendition.bandwidth), codecs: config.codecString };
  const own =
    config.kind === 'video'
      ? { width: config.width, height: config.height, frameRate: frameRate === undefined || !(frameRate > 0) ? undefined : rateText(frameRate) }
      : { audioSamplingRate: config.sampleRate };
  const channels = config.kind === 'audio' ? element('AudioChannelConfiguration', { schemeIdUri: 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011', value: config.channels }) : '';
  const template = element(
    'SegmentTemplate',
    {
      timescale: config.timescale,
      presentationTimeOffset: offset,
      startNumber: segments[0]?.group,
      media: '$RepresentationID$/$Number$.m4s',
      initialization: `$RepresentationID$/init-${configId}.mp4`,
    },
    element('SegmentTimeline', {}, ...rows(fromStart(segments, offset, config.timescale))),
  );
  return element('Representation', { ...common, ...own }, channels, template);
}

/** Media time of a period's start: exactly where its first key frame lies, because one that lay before it would be dropped with all that builds on it. */
function offsetOf({ from }: VodPeriod, timescale: Timescale): Ticks {
  return ticks(Math.round(from * timescale));
}

/** The times that the manifest tells of segments. */
type Told = Pick<ArchivedSegment, 'pts' | 'ticks'>;

function fromStart(segments: readonly ArchivedSegment[], offset: Ticks, timescale: Timescale): readonly Told[] {
  const [first, ...others] = segments;
  const late = first === undefined ? 0 : first.pts - offset;
  return first !== undefined && late > 0 && late < LATE * timescale ? [{ pts: offset, ticks: ticks(first.ticks + late) }, ...others] : segments;
}

/** `S` elements (5.3.9.6): equal durations that follow each other share one; `t` where a segment does not begin where the one before ends. */
function rows(segments: readonly Told[]): string[] {
  const out: string[] = [];
  let end: number | undefined;
  for (let at = 0; at < segments.length; ) {
    const first = segments[at] as Told;
    let next = at + 1;
    let expected = first.pts + first.ticks;
    for (let following = segments[next]; following?.ticks === first.ticks && following.pts === expected; following = segments[next]) {
      expected += first.ticks;
      next++;
    }
    const repeat = next - at - 1;
    out.push(`<S${first.pts === end ? '' : ` t="${first.pts}"`} d="${first.ticks}"${repeat > 0 ? ` r="${repeat}"` : ''}/>`);
    end = expected;
    at = next;
  }
  return out;
}

/** FrameRateType: an integer or a fraction. Those of NTSC are thousand-and-firsts. */
function rateText(rate: number): string {
  const whole = Math.round(rate);
  if (Math.abs(rate - whole) < 1e-3) {
    return `${whole}`;
  }
  const ntsc = Math.round((rate * 1001) / 1000);
  return Math.abs((ntsc * 1000) / 1001 - rate) < 1e-2 ? `${ntsc * 1000}/1001` : `${Math.round(rate * 1000)}/1000`;
}
