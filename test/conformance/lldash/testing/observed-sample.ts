import { sampleStream, type MadeRendition, type MadeSegment, type SampleHook } from '../../llhls/testing/sample-stream.ts';
import { initFacts, sampleFacts } from '../../llhls/mp4-facts.ts';
import { readMpd } from '../mpd.ts';
import type { ManifestSeen, MediaSeen, Observation } from '../observation.ts';

const URL_BASE = 'http://server/live/cam1/';
const WALL_ZERO = Date.UTC(2026, 0, 2, 3, 0, 0);
const SCHEME = 'urn:millrace:event:2026';
/** The group that carries a message, and the message. */
const MESSAGE = { group: 106, seconds: 21.2, id: 77, text: '{"id":"0000004d","type":"poll","data":"<&>"}' };
const ESCAPED = '{&quot;id&quot;:&quot;0000004d&quot;,&quot;type&quot;:&quot;poll&quot;,&quot;data&quot;:&quot;&lt;&amp;&gt;&quot;}';
/** Groups that are listed, the one in the making included. */
const LISTED = 8;
const FIRST_SEEN = 101;

/** Where faults are planted on the way from the made-up stream to what the checker sees. */
export type Plant = {
  readonly sample?: SampleHook;
  /** `index` counts the manifests from 0; the last one is static. */
  readonly manifest?: (text: string, place: { readonly index: number; readonly isLast: boolean; readonly newest: number }) => string;
  readonly seen?: (seen: MediaSeen, place: { readonly track: string; readonly group: number | undefined; readonly when: 'listed' | 'again' }) => MediaSeen;
  readonly earlyStatus?: number;
  /** Whether updates came at once or as late as they may. Default: soon. */
  readonly update?: 'at once' | 'held';
};

/** What an observer would have seen of fifteen seconds of a stream that breaks no rule: two renditions of the picture and one of sound, a drop and a return; with faults planted. */
export function observedSample(plant: Plant = {}): Observation {
  const stream = sampleStream(plant.sample);
  const groups = stream[0]?.segments.map(({ msn }) => msn) ?? [];
  const last = groups.at(-1) ?? 0;
  const unreadable: { url: string; error: string }[] = [];
  const manifests: ManifestSeen[] = [];
  [...groups.filter((group) => group >= FIRST_SEEN), last + 1].forEach((newest, index) => {
    const isLast = newest > last;
    const text = manifestText(stream, Math.min(newest, last), isLast);
    const planted = plant.manifest?.(text, { index, isLast, newest }) ?? text;
    const at = WALL_ZERO + (newest - 90) * 1000;
    const url = `${URL_BASE}manifest.mpd`;
    try {
      manifests.push({ url, requestedAt: at - (plant.update === 'held' ? 6000 : 800), receivedAt: at, mpd: readMpd(planted) });
    } catch (error) {
      unreadable.push({ url, error: String(error) });
    }
  });
  const fetched = (when: 'listed' | 'again'): Map<string, MediaSeen> => new Map(stream.flatMap((made) => mediaOf(made, when, plant)));
  return { manifests, unreadable, media: fetched('listed'), again: fetched('again'), early: new Map([[`${URL_BASE}b1/video/999.m4s`, plant.earlyStatus ?? 404]]) };
}

type Row = { readonly group: number; readonly t: number; readonly d: number };

function manifestText(stream: readonly MadeRendition[], newest: number, isStatic: boolean): string {
  const epochs = [1, 2].filter((epoch) => stream[0]?.segments.some(({ msn, epoch: own }) => own === epoch && msn <= newest && msn > newest - LISTED));
  const periods = epochs.map((epoch, index) => periodText(stream, newest, epoch, index === epochs.length - 1, isStatic)).join('\n');
  const kind = isStatic
    ? 'type="static" mediaPresentationDuration="PT31S"'
    : 'type="dynamic" minimumUpdatePeriod="PT1S" timeShiftBufferDepth="PT8S"';
  const live = isStatic ? '' : `<Location>manifest.mpd?after=${newest}</Location>
<ServiceDescription id="0"><Latency referenceId="0" target="900"/><PlaybackRate min="0.96" max="1.04"/></ServiceDescription>`;
  const published = new Date(WALL_ZERO + (newest - 90) * 1000).toISOString();
  return `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="b1" ${kind} availabilityStartTime="2026-01-02T03:00:00.000Z" publishTime="${published}" minBufferTime="PT0.2S" maxSegmentDuration="PT1.03S" profiles="x">
${live}
${periods}
<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/time"/>
</MPD>`;
}

function periodText(stream: readonly MadeRendition[], newest: number, epoch: number, isLast: boolean, isStatic: boolean): string {
  const start = epoch === 1 ? 10 : 19;
  const event = isLast && epoch === 2 && newest >= MESSAGE.group
    ? `<EventStream schemeIdUri="${SCHEME}" value="" timescale="1000"><Event presentationTime="${MESSAGE.seconds * 1000}" id="${MESSAGE.id}">${ESCAPED}</Event></EventStream>\n`
    : '';
  const sets = [stream.filter(({ kind }) => kind === 'video'), stream.filter(({ kind }) => kind === 'audio')].map((members, index) => {
    const kind = members[0]?.kind ?? '';
    const timescale = initFacts(members[0]?.init ?? new Uint8Array()).timescale;
    const rows = rowsOf(members[0] as MadeRendition, newest, epoch, isLast && !isStatic);
    const live = isStatic ? '' : ' availabilityTimeOffset="0.8" availabilityTimeComplete="false"';
    const representations = members.map(({ name }) => `<Representation id="${name}" ${described(kind, name)}</Representation>`).join('');
    return `<AdaptationSet id="${index + 1}" contentType="${kind}" mimeType="${kind}/mp4" startWithSAP="1">
<InbandEventStream schemeIdUri="${SCHEME}" value=""/>
<ProducerReferenceTime id="${index}" inband="true" wallClockTime="${new Date(WALL_ZERO + start * 1000).toISOString()}" presentationTime="${start * timescale}"><UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/time"/></ProducerReferenceTime>
<Resync type="0" dT="${timescale / 5}"/>
<SegmentTemplate timescale="${timescale}" presentationTimeOffset="${start * timescale}" startNumber="${rows[0]?.group}"${live} media="b1/$RepresentationID$/$Number$.m4s" initialization="b1/$RepresentationID$/init.mp4">
<SegmentTimeline>${rows.map(({ t, d }) => `<S t="${t}" d="${d}"/>`).join('')}</SegmentTimeline>
</SegmentTemplate>
${representations}
</AdaptationSet>`;
  });
  return `<Period id="${epoch}" start="PT${start}S">\n${event}${sets.join('\n')}\n</Period>`;
}

function described(kind: string, name: string): string {
  return kind === 'video'
    ? `codecs="avc1.42c01e" bandwidth="${name === 'video' ? 400_000 : 200_000}" width="${name === 'video' ? 640 : 320}" height="${name === 'video' ? 360 : 180}" frameRate="30"><Label>${name}</Label>`
    : 'codecs="mp4a.40.2" bandwidth="96000" audioSamplingRate="48000"><AudioChannelConfiguration schemeIdUri="x" value="2"/>';
}

/** What is listed of an epoch: what has begun, each until the next one begins; then the one that is expected. */
function rowsOf(made: MadeRendition, newest: number, epoch: number, goesOn: boolean): Row[] {
  const init = initFacts(made.init);
  const own = made.segments.filter((segment) => segment.epoch === epoch);
  const first = (segment: MadeSegment | undefined): number => sampleFacts(bytesOfParts(segment), init)[0]?.pts ?? 0;
  const rows = own.map((segment, index): Row => {
    const t = first(segment);
    const next = own[index + 1];
    return { group: segment.msn, t, d: next === undefined ? segment.duration * init.timescale : first(next) - t };
  });
  const begun = rows.filter(({ group }) => group <= newest && group > newest - LISTED);
  const last = begun.at(-1);
  return goesOn && last !== undefined ? [...begun, { group: last.group + 1, t: last.t + last.d, d: init.timescale }] : begun;
}

function bytesOfParts(segment: MadeSegment | undefined): Uint8Array {
  return Buffer.concat(segment?.parts.map(({ bytes }) => bytes) ?? []);
}

function mediaOf(made: MadeRendition, when: 'listed' | 'again', plant: Plant): [string, MediaSeen][] {
  const init = initFacts(made.init);
  const seen = (file: string, group: number | undefined, chunks: MediaSeen['chunks']): [string, MediaSeen] => {
    const url = `${URL_BASE}b1/${made.name}/${file}`;
    const whole: MediaSeen = { url, status: 200, requestedAt: 0, chunks, torn: false };
    return [url, plant.seen?.(whole, { track: made.name, group, when }) ?? whole];
  };
  const segments = made.segments.map((segment) => {
    const media = sampleFacts(bytesOfParts(segment), init)[0]?.pts ?? 0;
    const boxes = [prft(WALL_ZERO + (media * 1000) / init.timescale, media), ...(segment.msn === MESSAGE.group && made.kind === 'video' ? [emsg()] : [])];
    const chunks = segment.parts.map(({ bytes, at }, index) => ({ at, bytes: index === 0 ? new Uint8Array(Buffer.concat([...boxes, bytes])) : bytes }));
    return seen(`${segment.msn}.m4s`, segment.msn, when === 'listed' ? chunks : [{ at: 0, bytes: Buffer.concat(chunks.map(({ bytes }) => bytes)) }]);
  });
  return [seen('init.mp4', undefined, [{ at: 0, bytes: made.init }]), ...segments];
}

function box(type: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + payload.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, payload]);
}

function prft(wallTime: number, media: number): Buffer {
  const payload = Buffer.alloc(24);
  payload[0] = 1;
  payload.writeUInt32BE(Math.floor(wallTime / 1000) + 2_208_988_800, 8);
  payload.writeUInt32BE(Math.floor(((wallTime % 1000) / 1000) * 2 ** 32), 12);
  payload.writeBigUInt64BE(BigInt(media), 16);
  return box('prft', payload);
}

function emsg(): Buffer {
  const fields = Buffer.alloc(24);
  fields[0] = 1;
  fields.writeUInt32BE(1000, 4);
  fields.writeBigUInt64BE(BigInt(MESSAGE.seconds * 1000), 8);
  fields.writeUInt32BE(MESSAGE.id, 20);
  return box('emsg', Buffer.concat([fields, Buffer.from(`${SCHEME}\0\0${MESSAGE.text}`)]));
}
