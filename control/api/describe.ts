import type { z } from 'zod';

import type { Audience, Rendition, SourceTrack } from '#core/bus/catalog.ts';
import type { WallTime } from '#core/media/time.ts';

import type { StreamView } from '../streams-view.ts';
import type { broadcasterSchema, capacitySchema, rungSchema, sourceAudioSchema, sourceSchema, sourceVideoSchema, stateEventSchema, streamSchema, viewersSchema } from './schemas.ts';

/** A stream as the API answers it, with URLs below `base`; with `everything`, what only the token's holder may see is in it. */
export function describeStream(view: StreamView, base: string, everything: boolean): z.output<typeof streamSchema> {
  const { info, catalog } = view;
  return {
    stream: view.stream,
    state: view.state,
    broadcast: info?.broadcast ?? null,
    startedAt: instantOrNull(info?.startedAt),
    returnUntil: view.state === 'interrupted' ? instantOrNull(info?.graceEnds) : null,
    source: describeSource(view),
    rungs: (catalog.ladder?.renditions ?? []).map(describeRung),
    omitted: (catalog.ladder?.omitted ?? []).map(({ label, reason }) => ({ label, reason })),
    viewers: describeViewers(catalog.audience === undefined ? [] : [catalog.audience]),
    ...describeFaces(view, base),
    ...(everything && info !== undefined ? { broadcaster: describeBroadcaster(view) } : {}),
  };
}

/** Where a stream is found over HTTP, and what is kept of it. */
function describeFaces({ stream, catalog }: StreamView, base: string): Pick<z.output<typeof streamSchema>, 'hls' | 'dash' | 'rewind' | 'recording' | 'poster' | 'thumbnail'> {
  const kinds = new Set(catalog.ladder?.renditions.filter(({ faces }) => faces.includes('hls')).map(({ config }) => config.kind));
  const at = (file: string, below = base): string => `${below}/live/${stream}/${file}`;
  const seconds = Math.floor((catalog.archive?.rewind ?? 0) / 1000);
  return {
    hls: kinds.size > 0 ? at('master.m3u8') : null,
    dash: kinds.size > 0 ? at('manifest.mpd') : null,
    rewind: seconds > 0 ? { seconds, url: at('rewind.m3u8', catalog.archive?.url) } : null,
    recording: catalog.archive?.recording ?? false,
    poster: kinds.has('video') ? at('poster.jpg') : null,
    thumbnail: kinds.has('video') ? at('thumbnail.jpg') : null,
  };
}

/** The data of the event `state`. */
export function describeState(view: StreamView): z.output<typeof stateEventSchema> {
  return { state: view.state, broadcast: view.info?.broadcast ?? null };
}

/** The sum of some audiences. */
export function describeViewers(audiences: readonly Audience[]): z.output<typeof viewersSchema> {
  const sum = (protocol: keyof Audience['viewers']): number => audiences.reduce((all, { viewers }) => all + (viewers[protocol] ?? 0), 0);
  const [hls, dash, webrtc] = [sum('hls'), sum('dash'), sum('webrtc')];
  return { hls, dash, webrtc, total: hls + dash + webrtc };
}

/** An instant as the API writes it. */
export function instant(at: WallTime): string {
  return new Date(at).toISOString();
}

function instantOrNull(at: WallTime | undefined): string | null {
  return at === undefined ? null : instant(at);
}

function describeSource({ catalog }: StreamView): z.output<typeof sourceSchema> | null {
  if (catalog.source === undefined) {
    return null;
  }
  const { protocol, tracks } = catalog.source;
  return { protocol, video: firstOf(tracks, describeVideo), audio: firstOf(tracks, describeAudio) };
}

function firstOf<T>(tracks: readonly SourceTrack[], describe: (track: SourceTrack) => T | undefined): T | null {
  return tracks.flatMap((track) => describe(track) ?? [])[0] ?? null;
}

function describeVideo({ config, bitrate, video }: SourceTrack): z.output<typeof sourceVideoSchema> | undefined {
  if (config.kind !== 'video') {
    return undefined;
  }
  const { codec, codecString, width, height } = config;
  return {
    codec, codecString, width, height, bitrate,
    frameRate: rounded(video?.frameRate ?? 0),
    variableFrameRate: video?.variableFrameRate ?? false,
    bFrames: video?.bFrames ?? config.reordered,
    gopSeconds: video?.gopSeconds === undefined ? null : rounded(video.gopSeconds),
  };
}

function describeAudio({ config, bitrate }: SourceTrack): z.output<typeof sourceAudioSchema> | undefined {
  if (config.kind !== 'audio') {
    return undefined;
  }
  const { codec, codecString, sampleRate, channels } = config;
  return { codec, codecString, sampleRate, channels, bitrate };
}

function describeRung(rendition: Rendition): z.output<typeof rungSchema> {
  const { track, label, config, frameRate, averageBandwidth, bandwidth, mode, reason, faces } = rendition;
  return {
    track, label, kind: config.kind, codecString: config.codecString,
    width: config.kind === 'video' ? config.width : null,
    height: config.kind === 'video' ? config.height : null,
    frameRate: frameRate === undefined ? null : rounded(frameRate),
    bitrate: averageBandwidth,
    peakBitrate: bandwidth,
    mode, reason, protocols: [...faces],
  };
}

function describeBroadcaster({ catalog }: StreamView): z.output<typeof broadcasterSchema> {
  const { source, ingest, transcode, archive } = catalog;
  const warnings = [...(ingest?.warnings ?? []), ...(transcode?.warnings ?? []), ...(archive?.warnings ?? [])];
  return {
    address: ingest?.address ?? null,
    encoder: source?.encoder ?? null,
    ingest:
      ingest === undefined
        ? null
        : {
            bitrate: ingest.bitrate,
            frameRate: rounded(ingest.frameRate),
            rttMillis: ingest.rtt === undefined ? null : rounded(ingest.rtt),
            loss: ingest.loss === undefined ? null : rounded(ingest.loss),
          },
    transcode: transcode === undefined ? null : { speed: rounded(transcode.speed), lagMillis: rounded(transcode.lag), restarts: transcode.restarts },
    archive: archive === undefined ? null : { bytes: archive.bytes, rewindOff: archive.rewindOff ?? null },
    warnings: warnings.map(({ code, message, since }) => ({ code, message, since: instant(since) })),
  };
}

/** Megapixels to a tenth: what is measured is not surer than that. */
export function describeCapacity({ megapixelsPerSecond, budget, used }: z.output<typeof capacitySchema>): z.output<typeof capacitySchema> {
  const tenth = (value: number): number => Math.round(value * 10) / 10;
  return { megapixelsPerSecond: tenth(megapixelsPerSecond), budget: tenth(budget), used: tenth(used) };
}

/** To three places: 30000/1001 frames a second are shown as 29.97. */
function rounded(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : 0;
}
