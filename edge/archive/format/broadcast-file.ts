import { z } from 'zod';

import { isStreamName } from '#core/access/stream-key.ts';
import type { LadderCatalog } from '#core/bus/catalog.ts';
import { isBroadcastId, type BroadcastId } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';
import { isTrackName } from '#core/media/track.ts';

import type { ArchivedFacts } from '../archive.ts';
import { instantSchema, trackConfigSchema } from './index-line.ts';
import { fromJson, toJson } from './json-bytes.ts';

/** What `broadcast.json` says: the facts as they were when it was written, and the ladder. */
export type BroadcastRecord = ArchivedFacts & { readonly ladder?: LadderCatalog };

const rendition = z.object({
  track: z.string().refine(isTrackName),
  label: z.string(),
  faces: z.array(z.enum(['hls', 'webrtc'])),
  mode: z.enum(['passthrough', 'encoded']),
  reason: z.string(),
  config: trackConfigSchema,
  frameRate: z.number().exactOptional(),
  bandwidth: z.number(),
  averageBandwidth: z.number(),
});

const ladder = z.object({
  stream: z.string(),
  broadcast: z.string().refine(isBroadcastId),
  epoch: z.number(),
  fence: z.number(),
  revision: z.number(),
  partTarget: z.number().transform(millis),
  renditions: z.array(rendition),
  omitted: z.array(z.object({ label: z.string(), reason: z.string() })),
});

const recordSchema = z.object({
  version: z.literal(1),
  id: z.string().refine(isBroadcastId),
  stream: z.string().refine(isStreamName),
  startedAt: instantSchema,
  endedAt: instantSchema.exactOptional(),
  isRecording: z.boolean(),
  state: z.enum(['open', 'finished', 'damaged']),
  bytes: z.number().min(0),
  duration: z.number().min(0),
  lostGroups: z.number().min(0),
  // A ladder that makes no sense costs labels, not the recording.
  ladder: ladder.optional().catch(undefined),
});

/** Writes `broadcast.json`. */
export function formatRecord(record: BroadcastRecord): string {
  return `${toJson({ version: 1, ...record })}\n`;
}

/** Reads `broadcast.json`; undefined where it is damaged, or another broadcast's. */
export function parseRecord(text: string, id: BroadcastId): BroadcastRecord | undefined {
  try {
    const { data } = recordSchema.safeParse(fromJson(text));
    if (data?.id !== id) {
      return undefined;
    }
    const { version: _, ladder: renditions, ...facts } = data;
    return { ...facts, ...(renditions === undefined ? {} : { ladder: renditions }) };
  } catch {
    return undefined;
  }
}
