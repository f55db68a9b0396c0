/** What a static MPD says of one representation in one period. Times in seconds of the presentation. */
export type MpdRepresentation = {
  readonly id: string;
  readonly codecs: string;
  readonly init: string;
  readonly timescale: number;
  readonly presentationTimeOffset: number;
  readonly segments: readonly { readonly url: string; readonly time: number; readonly duration: number }[];
};

/** A period. */
export type MpdPeriod = { readonly id: string; readonly start: number; readonly duration: number; readonly representations: readonly MpdRepresentation[] };

/** What a static MPD says. */
export type MpdFacts = { readonly type: string; readonly duration: number; readonly periods: readonly MpdPeriod[] };

/** Reads the form of MPD that a recording has: SegmentTemplate with SegmentTimeline and `$Number$` in each Representation. Shares no code with the product. */
export function mpdFacts(text: string): MpdFacts {
  const mpd = only(elements(text, 'MPD'));
  return {
    type: mpd.attributes['type'] ?? '',
    duration: seconds(mpd.attributes['mediaPresentationDuration']),
    periods: elements(mpd.content, 'Period').map(({ attributes, content }) => ({
      id: attributes['id'] ?? '',
      start: seconds(attributes['start']),
      duration: seconds(attributes['duration']),
      representations: elements(content, 'Representation').map((each) => representation(each)),
    })),
  };
}

type Element = { readonly attributes: Readonly<Record<string, string>>; readonly content: string };

function representation({ attributes, content }: Element): MpdRepresentation {
  const { id = '', codecs = '' } = attributes;
  const template = only(elements(content, 'SegmentTemplate'));
  const { media = '', initialization = '', timescale = '1', startNumber = '1', presentationTimeOffset = '0' } = template.attributes;
  const fill = (pattern: string, number: number): string => pattern.replaceAll('$RepresentationID$', id).replaceAll('$Number$', `${number}`);
  const segments: { url: string; time: number; duration: number }[] = [];
  let time = 0;
  for (const { attributes: row } of elements(template.content, 'S')) {
    time = row['t'] === undefined ? time : Number(row['t']);
    for (let repeat = 0; repeat <= Number(row['r'] ?? 0); repeat++) {
      segments.push({ url: fill(media, Number(startNumber) + segments.length), time, duration: Number(row['d']) });
      time += Number(row['d']);
    }
  }
  return { id, codecs, init: fill(initialization, 0), timescale: Number(timescale), presentationTimeOffset: Number(presentationTimeOffset), segments };
}

/** Elements of a name that are not inside another of that name. */
function elements(text: string, name: string): Element[] {
  const pattern = new RegExp(`<${name}((?:\\s+[\\w:]+="[^"]*")*)\\s*(?:/>|>(.*?)</${name}>)`, 'gs');
  return [...text.matchAll(pattern)].map(([, attributes = '', content = '']) => ({
    attributes: Object.fromEntries([...attributes.matchAll(/([\w:]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value])),
    content,
  }));
}

function only(found: readonly Element[]): Element {
  const [first] = found;
  if (first === undefined || found.length !== 1) {
    throw new Error(`${found.length} elements where one is expected`);
  }
  return first;
}

function seconds(duration: string | undefined): number {
  const [, value] = /^PT([\d.]+)S$/.exec(duration ?? '') ?? [];
  if (value === undefined) {
    throw new Error(`${duration} is not a duration in seconds`);
  }
  return Number(value);
}
