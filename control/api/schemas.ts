import { z } from 'zod';

/**
 * The API's answers. They generate the OpenAPI document and, in the tests, judge what the API really answers: strict
 * objects find what was forgotten to be documented.
 */
const instant = z.iso.datetime().describe('An instant, ISO 8601 in UTC.');
const bitsPerSecond = z.number().nonnegative();
const perSecond = z.number().nonnegative();

/** The state of a stream. */
export const stateSchema = z
  .enum(['live', 'interrupted', 'offline'])
  .describe('`live`: a broadcaster is sending. `interrupted`: they are gone and may return into the same broadcast for some seconds. `offline`: nothing is on air.');

/** The source's picture. */
export const sourceVideoSchema = z.strictObject({
  codec: z.string().describe('`h264`, `hevc`, `av1`, `vp8` or `vp9`.'),
  codecString: z.string().describe('RFC 6381, e.g. `avc1.64001f`.'),
  width: z.int().positive(),
  height: z.int().positive(),
  frameRate: perSecond.describe('Frames per second; the mean where the rate varies.'),
  variableFrameRate: z.boolean(),
  bFrames: z.boolean(),
  gopSeconds: z.number().positive().nullable().describe('Seconds between key frames; null where they come so seldom that it is not known.'),
  bitrate: bitsPerSecond,
});

/** The source's sound. */
export const sourceAudioSchema = z.strictObject({
  codec: z.string().describe('`aac` or `opus`.'),
  codecString: z.string().describe('RFC 6381, e.g. `mp4a.40.2`.'),
  sampleRate: z.int().positive(),
  channels: z.int().positive(),
  bitrate: bitsPerSecond,
});

/** The source. */
export const sourceSchema = z.strictObject({
  protocol: z.string().describe('What the broadcaster speaks: `rtmp`, `rtmps`, `whip` or `srt`.'),
  video: sourceVideoSchema.nullable(),
  audio: sourceAudioSchema.nullable(),
});

/** One rendition. */
export const rungSchema = z.strictObject({
  track: z.string().describe('Its name in media URLs.'),
  label: z.string().describe('As viewers see it: `1080p60`, `720p`, `Audio`.'),
  kind: z.enum(['video', 'audio']),
  codecString: z.string(),
  width: z.int().positive().nullable(),
  height: z.int().positive().nullable(),
  frameRate: perSecond.nullable(),
  bitrate: bitsPerSecond.describe('Bits per second on average.'),
  peakBitrate: bitsPerSecond.describe('Bits per second at most.'),
  mode: z.enum(['passthrough', 'encoded']),
  reason: z.string().describe('Why it is passed through or encoded.'),
  protocols: z.array(z.enum(['hls', 'webrtc'])).describe('What it is offered over; `hls` stands for LL-HLS and LL-DASH.'),
});

/** Viewers. */
export const viewersSchema = z.strictObject({ hls: z.int().nonnegative(), dash: z.int().nonnegative(), webrtc: z.int().nonnegative(), total: z.int().nonnegative() });

/** A warning. */
export const warningSchema = z.strictObject({ code: z.string(), message: z.string().describe('Plain words: what is wrong and what to do about it.'), since: instant });

/** What only the holder of the token sees. */
export const broadcasterSchema = z
  .strictObject({
    address: z.string().nullable().describe('Where the broadcaster sends from.'),
    encoder: z.string().nullable().describe('Their software as it names itself.'),
    ingest: z
      .strictObject({
        bitrate: bitsPerSecond,
        frameRate: perSecond,
        rttMillis: z.number().nonnegative().nullable().describe('Round trip to the broadcaster in milliseconds; null where the protocol does not tell.'),
        loss: z.number().min(0).max(1).nullable().describe('Packets lost on the way here in the last second, before they were repaired: 0 to 1; null where the protocol does not tell.'),
      })
      .nullable()
      .describe('As it comes in now.'),
    transcode: z
      .strictObject({
        speed: z.number().nonnegative().describe('Seconds of media encoded per second; 1 keeps up.'),
        lagMillis: z.number().describe('Encoded frames behind the source, in milliseconds.'),
        restarts: z.int().nonnegative(),
      })
      .nullable(),
    archive: z
      .strictObject({
        bytes: z.int().nonnegative().describe('On disk, of this broadcast.'),
        rewindOff: z.string().nullable().describe('Why viewers cannot go back although they should; null where they can, or need not.'),
      })
      .nullable()
      .describe('What is kept on disk of the broadcast; null where nothing is.'),
    warnings: z.array(warningSchema),
  })
  .describe('Only with the token.');

const path = z.string().describe('Path on this server, base path included; a whole URL where another server has it.');

/** A stream. */
export const streamSchema = z.strictObject({
  stream: z.string(),
  state: stateSchema,
  broadcast: z.string().nullable().describe('Id of the broadcast on air, null while offline.'),
  startedAt: instant.nullable(),
  returnUntil: instant.nullable().describe('While interrupted: until when the broadcaster may return into the same broadcast.'),
  source: sourceSchema.nullable(),
  rungs: z.array(rungSchema).describe('Renditions that viewers can choose: pictures from the best down, then sound.'),
  omitted: z.array(z.strictObject({ label: z.string(), reason: z.string() })).describe('Renditions left out, and why.'),
  viewers: viewersSchema,
  hls: path.nullable().describe('The LL-HLS multivariant playlist; null while there is none.'),
  dash: path.nullable().describe('The LL-DASH manifest; null while there is none.'),
  rewind: z
    .strictObject({ seconds: z.number().positive().describe('How far back viewers can go now: it grows with the broadcast, up to the setting.'), url: path.describe('An HLS multivariant playlist of all that.') })
    .nullable()
    .describe('Null where viewers cannot go back.'),
  recording: z.boolean().describe('Whether the broadcast is being recorded.'),
  poster: path.nullable().describe('A JPEG of the newest key frame; null while there is none.'),
  thumbnail: path.nullable().describe('The same, 320 pixels wide.'),
  broadcaster: broadcasterSchema.optional(),
});

/** All streams. */
export const streamsSchema = z.strictObject({ streams: z.array(streamSchema) });

/** Data of the event `state`. */
export const stateEventSchema = z.strictObject({ state: stateSchema, broadcast: z.string().nullable() });

/** The encoders' room on this machine, or on all that work together. */
export const capacitySchema = z.strictObject({
  megapixelsPerSecond: z.number().nonnegative().describe('What the machine encodes, as measured at start; of several, their sum.'),
  budget: z.number().nonnegative().describe('What the default ladders may spend of it.'),
  used: z.number().nonnegative().describe('What the encoders of the broadcasts on air are planned to spend.'),
});

/** The server. */
export const serverSchema = z.strictObject({
  version: z.string(),
  startedAt: instant,
  uptimeSeconds: z.int().nonnegative(),
  nodes: z.int().positive().describe('Processes that work together, this one among them.'),
  streams: z.strictObject({ known: z.int().nonnegative(), live: z.int().nonnegative(), interrupted: z.int().nonnegative() }),
  viewers: viewersSchema,
  capacity: capacitySchema.nullable().describe('Null where nobody encodes or has measured yet.'),
  limits: z.strictObject({ publishAttemptsPerMinute: z.int(), eventConnections: z.int(), eventConnectionsPerAddress: z.int() }),
});

/** The answer to a disconnection. */
export const disconnectedSchema = z.strictObject({ stream: z.string(), broadcast: z.string() });

/** A recording. */
export const recordingSchema = z.strictObject({
  id: z.string().describe('That of its broadcast.'),
  stream: z.string(),
  state: z.enum(['recording', 'finished', 'damaged']).describe('`recording`: the broadcast goes on. `damaged`: nothing of it can be played.'),
  startedAt: instant,
  endedAt: instant.nullable(),
  duration: z.number().nonnegative().describe('Seconds that can be played.'),
  bytes: z.int().nonnegative().describe('On disk.'),
  downloadBytes: z.int().nonnegative().nullable().describe('Of the download; null while the broadcast goes on.'),
  width: z.int().positive().nullable(),
  height: z.int().positive().nullable(),
  lostGroups: z.int().nonnegative().describe('Groups of pictures (about a second each) that are missing: the disk was slow or full.'),
  page: path,
  hls: path.nullable(),
  dash: path.nullable(),
  download: path.nullable().describe('One MP4; null while the broadcast goes on.'),
  poster: path.nullable().describe('Null where there is only sound. It answers 404 until it is made.'),
  storyboard: path.nullable().describe('WebVTT that names small pictures, one for each 10 s. Null where there is only sound.'),
});

/** Recordings. */
export const recordingsSchema = z.strictObject({
  recordings: z.array(recordingSchema),
  missing: z.array(z.string()).describe('Servers that keep recordings and did not answer: theirs are not in the list.'),
});

const nodeName = z.string().describe('The process\'s name.');
const baseUrl = z.string().describe('Base URL of its pages, API and media, without a slash at its end.');
const region = z.string().nullable().describe('Where it stands, in the operator\'s words; null where nobody said.');
const ttl = z.number().positive().describe('Seconds for which the answer may be used.');

/** Edges. */
export const edgesSchema = z.strictObject({
  edges: z.array(z.strictObject({ node: nodeName, url: baseUrl, region, load: z.number().nonnegative().describe('0 idle, 1 full.') })).describe('The best first.'),
  ttl,
});

/** Ingests. */
export const ingestsSchema = z.strictObject({
  ingests: z
    .array(
      z.strictObject({
        node: nodeName, url: baseUrl, region,
        whip: z.boolean().describe('Whether it takes WHIP, at `<url>/whip`.'),
        rtmp: z.string().nullable().describe('Server for RTMP, `rtmp://host:1935/live`.'),
      }),
    )
    .describe('The best first.'),
  ttl,
});

/** One process. */
export const nodeSchema = z.strictObject({
  node: nodeName,
  roles: z.array(z.enum(['ingest', 'transcode', 'edge', 'control'])),
  version: z.string(),
  startedAt: instant,
  region,
  url: baseUrl.nullable(),
  draining: z.boolean().describe('It was told to stop, finishes what it has and takes nothing new.'),
  ingest: z.strictObject({ publishers: z.int().nonnegative(), maxPublishers: z.int().nonnegative(), rtmp: z.string().nullable(), whip: z.boolean() }).nullable(),
  transcode: z
    .strictObject({ megapixelsPerSecond: z.number().nonnegative(), budget: z.number().nonnegative(), used: z.number().nonnegative(), broadcasts: z.int().nonnegative(), cores: z.number().nonnegative() })
    .nullable(),
  edge: z
    .strictObject({
      viewers: z.strictObject({ hls: z.int().nonnegative(), dash: z.int().nonnegative(), webrtc: z.int().nonnegative() }),
      load: z.number().nonnegative().describe('0 idle, 1 full.'),
      whep: z.boolean(),
      archive: z.boolean().describe('It keeps broadcasts on disk.'),
    })
    .nullable(),
});

/** All processes. */
export const nodesSchema = z.strictObject({ nodes: z.array(nodeSchema) });

const mediaPlaylists = z.record(z.string(), z.string());

/** A steering manifest; names as HLS and DASH have them. */
export const steeringManifestSchema = z.strictObject({
  'VERSION': z.literal(1),
  'TTL': z.int().positive().describe('Seconds.'),
  'RELOAD-URI': z.string(),
  'PATHWAY-PRIORITY': z.array(z.string()).min(1).describe('Names of edges, the best first; `.` where this server has no name.'),
  'PATHWAY-CLONES': z
    .array(
      z.strictObject({
        'BASE-ID': z.string(),
        'ID': z.string(),
        'URI-REPLACEMENT': z.strictObject({ 'HOST': z.string().optional(), 'PER-VARIANT-URIS': mediaPlaylists.optional(), 'PER-RENDITION-URIS': mediaPlaylists.optional() }),
      }),
    )
    .optional(),
});

/** A message for the media timeline. */
export const messageSchema = z.strictObject({
  type: z.string().describe('What kind of message it is: 1 to 64 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit.'),
  data: z.unknown().describe('Any JSON, at most 4 KiB.'),
});

/** A message on the media timeline. */
export const stampedMessageSchema = z.strictObject({
  id: z.string(),
  type: z.string(),
  broadcast: z.string(),
  time: z.number().describe('Presentation time of its frame on the broadcast\'s timeline, in seconds.'),
  wallTime: instant.describe('When its frame left the camera.'),
});

/** Every error. */
export const errorSchema = z.strictObject({ code: z.string().describe('Stable; programs may match on it.'), message: z.string() });

/** The schemas by their names in the OpenAPI document. */
export const schemas = {
  Error: errorSchema,
  Stream: streamSchema,
  Streams: streamsSchema,
  StreamState: stateSchema,
  StateEvent: stateEventSchema,
  Source: sourceSchema,
  Rung: rungSchema,
  Viewers: viewersSchema,
  Broadcaster: broadcasterSchema,
  Warning: warningSchema,
  Server: serverSchema,
  Capacity: capacitySchema,
  Disconnected: disconnectedSchema,
  Recording: recordingSchema,
  Recordings: recordingsSchema,
  Edges: edgesSchema,
  Ingests: ingestsSchema,
  Node: nodeSchema,
  Nodes: nodesSchema,
  SteeringManifest: steeringManifestSchema,
  Message: messageSchema,
  StampedMessage: stampedMessageSchema,
} as const;

/** A schema's name in the OpenAPI document. */
export type SchemaName = keyof typeof schemas;
