import type { BroadcastId } from '#core/media/frame.ts';
import { millisToTicks, millis, VIDEO_TIMESCALE, type Millis } from '#core/media/time.ts';
import { EVENT_SCHEME, eventNumber, eventText } from '#core/media/timed-event.ts';

import type { Steering } from '../elsewhere/steering.ts';
import type { ListedPeriod, ListedSegment, ListedSet, ListedTrack, Listing } from './listing.ts';
import { segmentTimeline } from './segment-timeline.ts';
import { element, escapeXml, isoDuration, isoInstant } from './xml.ts';

/** How the manifest is written, the same for every broadcast. */
export type ManifestOptions = {
  /** URL of the clock (`UTCTiming`): answers with the present instant as `xs:dateTime`. */
  readonly timeUrl: string;
  /** How far behind the camera players are asked to be. */
  readonly latency: Millis;
};

/** How far behind the camera players are asked to be where nothing else is set. */
export const DEFAULT_LATENCY = millis(900);

/** Players whose updates are not held look so often; the others are held longer by each `Location`. */
const UPDATE_PERIOD = millis(1000);

/** Rates at which players may close up or fall back, hardly to be heard. */
const PLAYBACK_RATE = { min: 0.96, max: 1.04 };

const PROFILES = 'urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019,http://www.dashif.org/guidelines/low-latency-live-v5';

/** Writes the manifest of a broadcast (ISO/IEC 23009-1; DASH-IF IOP, low-latency live). URLs are relative to `/live/<stream>/`. */
export function manifest(listing: Listing, options: ManifestOptions, steering?: Steering): string {
  const { ended, periods } = listing;
  const times = ended
    ? { type: 'static', mediaPresentationDuration: isoDuration(endOf(periods)) }
    : { type: 'dynamic', minimumUpdatePeriod: isoDuration(UPDATE_PERIOD), timeShiftBufferDepth: isoDuration(listing.timeShiftBufferDepth) };
  const mpd = element(
    'MPD',
    {
      xmlns: 'urn:mpeg:dash:schema:mpd:2011',
      id: listing.broadcast,
      profiles: PROFILES,
      ...times,
      availabilityStartTime: isoInstant(listing.startedAt),
      publishTime: isoInstant(listing.publishTime),
      minBufferTime: isoDuration(listing.partTarget),
      maxSegmentDuration: isoDuration(longest(periods)),
    },
    steering === undefined ? '' : element('BaseURL', { serviceLocation: steering.pathway }, './'),
    ended || listing.newest === undefined ? '' : location(listing.broadcast, listing.newest, steering),
    steering === undefined ? '' : element('ContentSteering', { defaultServiceLocation: steering.pathway, queryBeforeStart: false }, escapeXml(steering.url)),
    ended ? '' : serviceDescription(options.latency),
    ...periods.map((period, index) => periodText(period, listing, options, index === periods.length - 1)),
    ended ? '' : utcTiming(options),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${mpd}\n`;
}

/** Where the next manifest is. Whole where players are steered: dash.js 5.2 cannot make another edge's out of a relative one. */
function location(broadcast: BroadcastId, newest: number, steering: Steering | undefined): string {
  return element('Location', { serviceLocation: steering?.pathway }, escapeXml(`${steering?.base ?? ''}manifest.mpd?broadcast=${broadcast}&after=${newest}`));
}

/** Behind twice the latency (dash.js: and half a second) players jump to it: closing up by their rate alone, they would need a minute after a stall. */
function serviceDescription(latency: Millis): string {
  return element(
    'ServiceDescription',
    { id: 0 },
    element('Latency', { referenceId: 0, target: Math.round(latency), min: Math.round(latency / 2), max: Math.round(latency * 2) }),
    element('PlaybackRate', PLAYBACK_RATE),
  );
}

function utcTiming({ timeUrl }: ManifestOptions): string {
  return element('UTCTiming', { schemeIdUri: 'urn:mpeg:dash:utc:http-xsdate:2014', value: timeUrl });
}

function periodText(period: ListedPeriod, listing: Listing, options: ManifestOptions, isLast: boolean): string {
  const duration = listing.ended && isLast ? isoDuration(millis(endOf([period]) - period.start)) : undefined;
  const sets = period.sets.map((set) => setText(set, period, listing, options));
  return element('Period', { id: period.id, start: isoDuration(period.start), duration }, eventStream(period), ...sets);
}

/** The scheme of our messages as a manifest names it: dash.js 5.2 compares the value of an `emsg` too, which is empty. */
const EVENTS = { schemeIdUri: EVENT_SCHEME, value: '' };

/** The messages of a period (ISO/IEC 23009-1, 5.10.2), each as it stands in its segment. */
function eventStream({ events, mediaStart }: ListedPeriod): string {
  if (events.length === 0) {
    return '';
  }
  const rows = events.map((event) => element('Event', { presentationTime: event.pts, duration: 0, id: eventNumber(event) }, escapeXml(eventText(event))));
  return element('EventStream', { ...EVENTS, timescale: VIDEO_TIMESCALE, presentationTimeOffset: millisToTicks(mediaStart, VIDEO_TIMESCALE) }, ...rows);
}

function setText(set: ListedSet, period: ListedPeriod, listing: Listing, options: ManifestOptions): string {
  const { kind, tracks } = set;
  const shared = isShared(tracks);
  const video = kind === 'video';
  const bounds = video ? { maxWidth: most(tracks, (config) => config.width), maxHeight: most(tracks, (config) => config.height) } : {};
  return element(
    'AdaptationSet',
    { id: set.id, contentType: kind, mimeType: `${kind}/mp4`, segmentAlignment: true, ...(set.independent ? { startWithSAP: 1 } : {}), ...bounds },
    element('InbandEventStream', EVENTS),
    listing.ended ? '' : producerReference(set, period, options),
    resync(set, listing),
    element('Role', { schemeIdUri: 'urn:mpeg:dash:role:2011', value: 'main' }),
    shared ? template(set, period, listing, tracks[0]?.segments ?? []) : '',
    ...tracks.map((track) => {
      const initialization = `${listing.broadcast}/$RepresentationID$/init-${track.configId}.mp4`;
      return representation(track, shared ? element('SegmentTemplate', { initialization }) : template(set, period, listing, track.segments, initialization));
    }),
  );
}

/** `inband`: the first chunk of each segment has a `prft` of its own. The form of `wallClockTime` is that of the scheme inside (5.12). */
function producerReference({ id, timescale }: ListedSet, { reference }: ListedPeriod, options: ManifestOptions): string {
  const attributes = { id: id - 1, inband: true, type: 'captured', wallClockTime: isoInstant(reference.wallTime), presentationTime: millisToTicks(reference.media, timescale) };
  return element('ProducerReferenceTime', attributes, utcTiming(options));
}

/** Each part begins with a `moof` from which a reader can go on; of sound it also begins with a sync sample. */
function resync({ kind, timescale }: ListedSet, { partTarget }: Listing): string {
  return element('Resync', { type: kind === 'audio' ? 1 : 0, dT: millisToTicks(partTarget, timescale) });
}

/** Addresses of a set's segments; `initialization` differs from representation to representation and is added there. */
function template(set: ListedSet, { mediaStart }: ListedPeriod, { broadcast, ended }: Listing, segments: readonly ListedSegment[], initialization?: string): string {
  const live = ended ? {} : { availabilityTimeOffset: Math.round(set.availabilityTimeOffset) / 1000, availabilityTimeComplete: false };
  return element(
    'SegmentTemplate',
    {
      timescale: set.timescale,
      presentationTimeOffset: millisToTicks(mediaStart, set.timescale),
      startNumber: segments[0]?.group,
      ...live,
      media: `${broadcast}/$RepresentationID$/$Number$.m4s`,
      initialization,
    },
    segmentTimeline(segments),
  );
}

function representation(track: ListedTrack, ownTemplate: string): string {
  const { config, bandwidth } = track;
  const common = { id: track.track, bandwidth: Math.max(1, Math.ceil(bandwidth)), codecs: config.codecString };
  if (config.kind === 'video') {
    return element('Representation', { ...common, width: config.width, height: config.height, sar: '1:1', frameRate: rateText(track.frameRate) }, ownTemplate);
  }
  const channels = element('AudioChannelConfiguration', { schemeIdUri: 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011', value: config.channels });
  return element('Representation', { ...common, audioSamplingRate: config.sampleRate }, channels, ownTemplate);
}

/** FrameRateType: an integer or a fraction; NTSC's rates are so many thousand-and-firsts. */
function rateText(rate: number | undefined): string | undefined {
  if (rate === undefined || !(rate > 0)) {
    return undefined;
  }
  const near = (value: number): boolean => Math.abs(value - Math.round(value)) < 1e-3;
  if (near(rate)) {
    return `${Math.round(rate)}`;
  }
  return near(rate * 1.001) ? `${Math.round(rate * 1.001) * 1000}/1001` : `${Math.round(rate * 1000)}/1000`;
}

function isShared(tracks: readonly ListedTrack[]): boolean {
  const [first, ...others] = tracks;
  return first !== undefined && others.every(({ segments }) => sameSegments(segments, first.segments));
}

function sameSegments(a: readonly ListedSegment[], b: readonly ListedSegment[]): boolean {
  return a === b || (a.length === b.length && a.every(({ group, pts, ticks }, index) => group === b[index]?.group && pts === b[index].pts && ticks === b[index].ticks));
}

function most(tracks: readonly ListedTrack[], sizeOf: (config: ListedTrack['config'] & { kind: 'video' }) => number): number {
  return Math.max(0, ...tracks.map(({ config }) => (config.kind === 'video' ? sizeOf(config) : 0)));
}

/** The longest segment that is listed: Shaka 5.2 takes it off what it believes to be the live edge. */
function longest(periods: readonly ListedPeriod[]): Millis {
  let most = 0;
  for (const { sets } of periods) {
    for (const { timescale, tracks } of sets) {
      for (const { ticks } of tracks[0]?.segments ?? []) {
        most = Math.max(most, (ticks * 1000) / timescale);
      }
    }
  }
  return millis(Math.ceil(most));
}

/** Presentation time at which the last segment of any track ends. */
function endOf(periods: readonly ListedPeriod[]): Millis {
  const ends = periods.flatMap(({ start, mediaStart, sets }) =>
    sets.flatMap(({ timescale, tracks }) => tracks.map(({ segments }) => start - mediaStart + (endTicks(segments) * 1000) / timescale)),
  );
  return millis(Math.max(0, ...ends));
}

function endTicks(segments: readonly ListedSegment[]): number {
  const last = segments.at(-1);
  return last === undefined ? 0 : last.pts + last.ticks;
}
