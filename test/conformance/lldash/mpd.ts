import { parseXml, type XmlElement } from './xml-tree.ts';

/** A segment as a manifest lists it. Times in ticks of the representation. */
export type MpdSegment = { readonly number: number; readonly t: number; readonly d: number; readonly url: string };

/** A representation with what it inherits. */
export type MpdRepresentation = {
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly channels: string | undefined;
  readonly init: string | undefined;
  readonly media: string | undefined;
  readonly startNumber: number;
  readonly timescale: number;
  readonly presentationTimeOffset: number;
  readonly availabilityTimeOffset: number | undefined;
  readonly availabilityTimeComplete: boolean;
  readonly segments: readonly MpdSegment[];
};

/** A message of an EventStream. `time` in seconds of media time. */
export type MpdEvent = { readonly scheme: string; readonly value: string; readonly id: number; readonly time: number; readonly text: string };

/** An adaptation set. */
export type MpdSet = {
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly inbandSchemes: readonly string[];
  /** Seconds of media time, and milliseconds since the Unix epoch. */
  readonly reference: { readonly media: number; readonly wallTime: number; readonly scheme: string | undefined; readonly inband: boolean } | undefined;
  readonly resync: number | undefined;
  readonly representations: readonly MpdRepresentation[];
};

/** A period. Times in seconds. */
export type MpdPeriod = { readonly id: string; readonly start: number; readonly duration: number | undefined; readonly sets: readonly MpdSet[]; readonly events: readonly MpdEvent[] };

/** What a manifest says. Times in seconds. */
export type Mpd = {
  readonly id: string | undefined;
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since the Unix epoch. */
  readonly availabilityStart: number;
  readonly publishTime: number;
  readonly duration: number | undefined;
  readonly maxSegmentDuration: number;
  readonly location: string | undefined;
  readonly latency: number | undefined;
  readonly playbackRates: readonly [min: number, max: number] | undefined;
  readonly utcTiming: { readonly scheme: string; readonly value: string } | undefined;
  readonly periods: readonly MpdPeriod[];
};

/** Reads a manifest that addresses by SegmentTemplate and SegmentTimeline. Throws an Error where something does not have the form that it has to have. */
export function readMpd(text: string): Mpd {
  const mpd = parseXml(text);
  if (mpd.name !== 'MPD' || mpd.attributes['xmlns'] !== 'urn:mpeg:dash:schema:mpd:2011') {
    throw new Error(`${mpd.name} is no MPD`);
  }
  const service = child(mpd, 'ServiceDescription');
  const rate = service && child(service, 'PlaybackRate');
  const utc = child(mpd, 'UTCTiming');
  return {
    id: mpd.attributes['id'],
    type: mpd.attributes['type'] ?? 'static',
    attributes: mpd.attributes,
    availabilityStart: instant(mpd.attributes['availabilityStartTime']),
    publishTime: instant(mpd.attributes['publishTime']),
    duration: duration(mpd.attributes['mediaPresentationDuration']),
    maxSegmentDuration: duration(mpd.attributes['maxSegmentDuration']) ?? 0,
    location: child(mpd, 'Location')?.text,
    latency: optionalNumber(service && child(service, 'Latency')?.attributes['target']),
    playbackRates: rate && [number(rate.attributes['min']), number(rate.attributes['max'])],
    utcTiming: utc && { scheme: utc.attributes['schemeIdUri'] ?? '', value: utc.attributes['value'] ?? '' },
    periods: children(mpd, 'Period').map(period),
  };
}

function period(element: XmlElement): MpdPeriod {
  const events = children(element, 'EventStream').flatMap((stream) => {
    const { schemeIdUri: scheme = '', value = '', timescale = '1' } = stream.attributes;
    return children(stream, 'Event').map(({ attributes, text }): MpdEvent => ({ scheme, value, id: number(attributes['id']), time: number(attributes['presentationTime']) / number(timescale), text }));
  });
  return {
    id: element.attributes['id'] ?? '',
    start: duration(element.attributes['start']) ?? Number.NaN,
    duration: duration(element.attributes['duration']),
    sets: children(element, 'AdaptationSet').map(set),
    events,
  };
}

function set(element: XmlElement): MpdSet {
  const template = child(element, 'SegmentTemplate');
  const representations = children(element, 'Representation').map((each) => representation(each, template));
  const prt = child(element, 'ProducerReferenceTime');
  const resync = child(element, 'Resync');
  const timescale = representations[0]?.timescale ?? 1;
  return {
    id: element.attributes['id'] ?? '',
    attributes: element.attributes,
    inbandSchemes: children(element, 'InbandEventStream').map(({ attributes }) => attributes['schemeIdUri'] ?? ''),
    reference: prt && {
      media: number(prt.attributes['presentationTime']) / timescale,
      wallTime: instant(prt.attributes['wallClockTime']),
      scheme: child(prt, 'UTCTiming')?.attributes['schemeIdUri'],
      inband: prt.attributes['inband'] === 'true',
    },
    resync: resync && number(resync.attributes['dT']) / timescale,
    representations,
  };
}

function representation(element: XmlElement, inherited: XmlElement | undefined): MpdRepresentation {
  const own = child(element, 'SegmentTemplate');
  const template = { ...inherited?.attributes, ...own?.attributes };
  const { id = '' } = element.attributes;
  const fill = (pattern: string | undefined, value: number): string | undefined => pattern?.replaceAll('$RepresentationID$', id).replaceAll('$Number$', `${value}`);
  const timeline = (own && child(own, 'SegmentTimeline')) ?? (inherited && child(inherited, 'SegmentTimeline'));
  const startNumber = number(template['startNumber'] ?? '1');
  const segments: MpdSegment[] = [];
  let t = 0;
  for (const { attributes } of timeline === undefined ? [] : children(timeline, 'S')) {
    t = optionalNumber(attributes['t']) ?? t;
    const d = number(attributes['d']);
    for (let left = number(attributes['r'] ?? '0'); left >= 0; left--, t += d) {
      segments.push({ number: startNumber + segments.length, t, d, url: fill(template['media'], startNumber + segments.length) ?? '' });
    }
  }
  return {
    id,
    attributes: element.attributes,
    channels: child(element, 'AudioChannelConfiguration')?.attributes['value'],
    init: fill(template['initialization'], 0),
    media: template['media'],
    startNumber,
    timescale: number(template['timescale'] ?? '1'),
    presentationTimeOffset: number(template['presentationTimeOffset'] ?? '0'),
    availabilityTimeOffset: optionalNumber(template['availabilityTimeOffset']),
    availabilityTimeComplete: template['availabilityTimeComplete'] !== 'false',
    segments,
  };
}

/** Presentation time, in seconds, of a media time in ticks. */
export function presentationOf(period: Pick<MpdPeriod, 'start'>, { presentationTimeOffset, timescale }: Pick<MpdRepresentation, 'presentationTimeOffset' | 'timescale'>, t: number): number {
  return period.start + (t - presentationTimeOffset) / timescale;
}

function children({ children: all }: XmlElement, name: string): readonly XmlElement[] {
  return all.filter((element) => element.name === name);
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return children(element, name)[0];
}

function number(text: string | undefined): number {
  if (text === undefined || !/^-?\d+(\.\d+)?$/.test(text)) {
    throw new Error(`${text} is no number`);
  }
  return Number(text);
}

function optionalNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : number(text);
}

function instant(text: string | undefined): number {
  if (text !== undefined && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text)) {
    throw new Error(`${text} is no xs:dateTime in UTC`);
  }
  return text === undefined ? Number.NaN : Date.parse(text);
}

function duration(text: string | undefined): number | undefined {
  const [, value] = /^PT(\d+(?:\.\d+)?)S$/.exec(text ?? '') ?? [];
  if (text !== undefined && value === undefined) {
    throw new Error(`${text} is no xs:duration in seconds`);
  }
  return value === undefined ? undefined : Number(value);
}
