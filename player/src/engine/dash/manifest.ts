import { millis, wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import { EVENT_SCHEME } from '#core/media/timed-event.ts';
import { parseJson, readMessage } from '../../events/timed-message.ts';
import type { EngineEvent } from '../../events/timed-message.ts';

/** A chunk lasts so long where the manifest does not say. */
const usualPart = millis(200);

/** Where a period lies: presentation times of the manifest are seconds on the element's timeline. */
export type DashPeriod = {
  /** Seconds on the element's timeline. */
  readonly start: number;
  /** Where media of every kind have begun: a little after the start. */
  readonly first: number;
  /** The end of what is listed, the segment in the making included; undefined where the manifest does not list segments. */
  readonly end: number | undefined;
  /** Wall time at position 0 of the element's timeline, by this period's clock. */
  readonly origin: WallTime | undefined;
  readonly part: Millis;
  readonly events: readonly EngineEvent[];
};

type Node = Readonly<Record<string, unknown>>;

/** Reads, of a manifest as dash.js parsed it, what the player wants to know and dash.js does not tell. What is missing or malformed is left out. */
export function readManifest(manifest: unknown): readonly DashPeriod[] {
  const root = node(manifest);
  const began = instant(root['availabilityStartTime']);
  return nodes(root['Period']).map((period) => readPeriod(period, began));
}

/** Whether more will come: of a recording, or of a broadcast that is over, nothing does. */
export function isDynamic(manifest: unknown): boolean {
  return node(manifest)['type'] === 'dynamic';
}

/** The period that holds a position; the first one after it where none does. */
export function periodAt(periods: readonly DashPeriod[], position: number): DashPeriod | undefined {
  return periods.findLast(({ start }) => start <= position) ?? periods[0];
}

/** Where to go on from a position that lies between two periods, where nothing ever comes; undefined where it lies in one. */
export function afterHole(periods: readonly DashPeriod[], position: number): number | undefined {
  const at = periods.findLastIndex(({ first }) => first <= position);
  const end = periods[at]?.end;
  const next = periods[at + 1];
  return next === undefined || (end !== undefined && position < end) ? undefined : next.first;
}

function readPeriod(period: Node, began: WallTime | undefined): DashPeriod {
  const start = number(period['start']) ?? 0;
  const sets = nodes(period['AdaptationSet']);
  const set = sets.find((each) => each['contentType'] === 'video' || String(each['mimeType']).startsWith('video')) ?? sets[0] ?? {};
  const representation = nodes(set['Representation'])[0] ?? {};
  const template = templateOf(set);
  const scale = number(template['timescale']) ?? 1;
  const offset = (number(template['presentationTimeOffset']) ?? 0) / scale;
  const timeline = nodes(node(template['SegmentTimeline'])['S']);
  const { end, last } = readTimeline(timeline, scale);
  const available = number(template['availabilityTimeOffset']) ?? number(set['availabilityTimeOffset']);
  const length = last ?? duration(template, scale);
  const part = length === undefined || available === undefined || !(length - available > 0.01) ? usualPart : millis(Math.round((length - available) * 1_000));
  const [reference] = [...nodes(set['ProducerReferenceTime']), ...nodes(representation['ProducerReferenceTime'])];
  const wall = reference === undefined ? undefined : instant(reference['wallClockTime']);
  const at = reference === undefined ? undefined : number(reference['presentationTime']);
  const origin = wall === undefined || at === undefined ? began : wallTime(wall - (at / scale - offset + start) * 1_000);
  const first = Math.max(start, ...sets.map((each) => firstOf(each, start)));
  return { start, first, end: end === undefined ? undefined : end - offset + start, origin, part, events: nodes(period['EventStream']).flatMap((stream) => readEvents(stream, start, origin)) };
}

/** Where the first segment of a set lies, seconds on the element's timeline. */
function firstOf(set: Node, start: number): number {
  const template = templateOf(set);
  const scale = number(template['timescale']) ?? 1;
  const [segment] = nodes(node(template['SegmentTimeline'])['S']);
  return start + ((number(segment?.['t']) ?? 0) - (number(template['presentationTimeOffset']) ?? 0)) / scale;
}

/** dash.js hands templates down to the representations. */
function templateOf(set: Node): Node {
  return node(nodes(set['Representation'])[0]?.['SegmentTemplate'] ?? set['SegmentTemplate']);
}

/** Media time at the end of a SegmentTimeline and the length of its last segment, seconds. */
function readTimeline(timeline: readonly Node[], scale: number): { readonly end: number | undefined; readonly last: number | undefined } {
  let time = 0;
  let last: number | undefined;
  for (const { t, d, r } of timeline) {
    last = number(d) ?? 0;
    time = (number(t) ?? time) + last * ((number(r) ?? 0) + 1);
  }
  return last === undefined ? { end: undefined, last } : { end: time / scale, last: last / scale };
}

function duration(template: Node, scale: number): number | undefined {
  const value = number(template['duration']);
  return value === undefined ? undefined : value / scale;
}

function readEvents(stream: Node, start: number, origin: WallTime | undefined): EngineEvent[] {
  if (stream['schemeIdUri'] !== EVENT_SCHEME) {
    return [];
  }
  const scale = number(stream['timescale']) ?? 1;
  const offset = number(stream['presentationTimeOffset']) ?? 0;
  return nodes(stream['Event']).flatMap((event) => {
    const at = (number(event['presentationTime']) ?? 0) - offset;
    const text = [event['messageData'], event['__cdata'], event['__text']].find((value) => typeof value === 'string');
    return readDashEvent({ text, value: stream['value'], position: at / scale + start, time: (at + offset) / scale, origin });
  });
}

/** A message as DASH brings it. */
export type DashMessage = {
  /** `message_data`: JSON with `id`, `type` and `data`. */
  readonly text: unknown;
  /** The type, where the text does not name it. */
  readonly value: unknown;
  /** Seconds on the element's timeline, and on the broadcast's. */
  readonly position: number;
  readonly time: number | undefined;
  readonly origin: WallTime | undefined;
};

/** Reads one message; nothing where it is none of ours. */
export function readDashEvent({ text, value, position, time, origin }: DashMessage): EngineEvent[] {
  const body = node(typeof text === 'string' ? parseJson(text) : undefined);
  const wall = origin === undefined ? undefined : new Date(Math.round(origin + position * 1_000)).toISOString();
  const message = readMessage({ id: body['id'], type: body['type'] ?? value, data: body['data'], time, wallTime: wall });
  return message === undefined ? [] : [{ message, place: { kind: 'position', position } }];
}

function node(value: unknown): Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : {};
}

function nodes(value: unknown): readonly Node[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return list.map(node);
}

/** dash.js leaves some attributes as text. */
function number(value: unknown): number | undefined {
  const read = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
}

function instant(value: unknown): WallTime | undefined {
  const read = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(read) ? undefined : wallTime(read);
}
