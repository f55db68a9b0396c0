import { z } from 'zod';

import { isStreamName } from '#core/access/stream-key.ts';
import type { Bus } from '#core/bus/bus.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { RECORDINGS_SUBJECT, type Recording, type RecordingsRequest } from '#core/recording/recording.ts';

import { ApiError } from './api-error.ts';
import { asAnswer, type Translation } from './bus-errors.ts';
import { instant } from './describe.ts';
import { answerEmpty, answerJson, type Exchange } from './exchange.ts';
import type { DocumentedAnswer, Route } from './route.ts';
import type { recordingSchema } from './schemas.ts';

/** What the routes of recordings work with. */
export type RecordingsOptions = {
  readonly bus: Bus;
  readonly basePath: (exchange: Pick<Exchange, 'baseUrl'>) => string;
};

const malformed: DocumentedAnswer = { description: 'The stream\'s name is malformed (`malformed`).', schema: 'Error' };
const unauthorized: DocumentedAnswer = { description: 'The token is missing or wrong (`unauthorized`).', schema: 'Error' };
const unknown: DocumentedAnswer = { description: 'No such recording (`unknown-recording`).', schema: 'Error' };
const unavailable: DocumentedAnswer = { description: 'The recordings cannot be reached now (`unavailable`).', schema: 'Error' };

const ERRORS: Readonly<Record<string, Translation>> = {
  'recording/unknown': [404, 'unknown-recording'],
  'recording/in-progress': [409, 'in-progress'],
  'bus/unserved': [503, 'unavailable', 5],
  'bus/timeout': [503, 'unavailable', 5],
};

/** To remove a recording is to unlink its files, however many and large. */
const REMOVAL_TIMEOUT = millis(30_000);

/** The endpoints of recordings, which whoever keeps them answers over the bus. */
export function recordingRoutes(options: RecordingsOptions): readonly Route[] {
  const { basePath } = options;
  return [
    {
      method: 'get', path: '/api/v1/recordings', operationId: 'listRecordings', access: 'open',
      summary: 'All recordings',
      description: 'Newest first, those of broadcasts that go on among them.',
      query: [{ name: 'stream', description: 'Only recordings of this stream.' }],
      answers: { 200: { description: 'The recordings.', schema: 'Recordings' }, 400: malformed, 401: unauthorized, 503: unavailable },
      handle: async (exchange) => {
        const recordings = await list(options, exchange.query.get('stream') ?? undefined);
        answerJson(exchange, 200, { recordings: recordings.map((recording) => describeRecording(recording, basePath(exchange))) });
      },
    },
    {
      method: 'get', path: '/api/v1/recordings/{id}', operationId: 'getRecording', access: 'open',
      summary: 'One recording',
      description: 'When it was made, how long and large it is, where it is watched and downloaded.',
      answers: { 200: { description: 'The recording.', schema: 'Recording' }, 401: unauthorized, 404: unknown, 503: unavailable },
      handle: async (exchange) => {
        const recording = answerSchema.parse(await ask(options, { do: 'get', id: exchange.id }));
        answerJson(exchange, 200, describeRecording(recording, basePath(exchange)));
      },
    },
    {
      method: 'delete', path: '/api/v1/recordings/{id}', operationId: 'deleteRecording', access: 'token',
      summary: 'Delete a recording',
      description: 'Removes it from disk for good. One of a broadcast that goes on cannot be deleted.',
      answers: {
        204: { description: 'It is gone.', empty: true },
        401: unauthorized, 404: unknown, 503: unavailable,
        409: { description: 'The broadcast goes on (`in-progress`).', schema: 'Error' },
      },
      handle: async (exchange) => {
        await ask(options, { do: 'remove', id: exchange.id });
        answerEmpty(exchange);
      },
    },
  ];
}

/** What comes over the bus may come from another process: it is looked at before it is believed. */
const answerSchema = z.object({
  id: z.string(),
  stream: z.string(),
  state: z.enum(['recording', 'finished', 'damaged']),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  duration: z.number(),
  bytes: z.number(),
  downloadBytes: z.number().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  lostGroups: z.number(),
}) satisfies z.ZodObject<Record<keyof Recording, z.ZodType>>;

type Answer = z.output<typeof answerSchema>;

async function list(options: RecordingsOptions, stream: string | undefined): Promise<readonly Answer[]> {
  if (stream !== undefined && !isStreamName(stream)) {
    throw new ApiError(400, 'malformed', 'A stream\'s name has 1 to 63 small letters, digits and dashes, and begins with no dash.');
  }
  return z.object({ recordings: z.array(answerSchema) }).parse(await ask(options, stream === undefined ? { do: 'list' } : { do: 'list', stream })).recordings;
}

async function ask({ bus }: RecordingsOptions, request: RecordingsRequest): Promise<unknown> {
  try {
    return await bus.request(RECORDINGS_SUBJECT, request, request.do === 'remove' ? { timeout: REMOVAL_TIMEOUT } : {});
  } catch (thrown) {
    throw asAnswer(thrown, ERRORS, 'The recordings cannot be reached now. Try again in some seconds.');
  }
}

/** A recording as the API answers it, with URLs below `base`. */
function describeRecording(recording: Answer, base: string): z.output<typeof recordingSchema> {
  const { id, stream, state, startedAt, endedAt, duration, bytes, downloadBytes, width, height, lostGroups } = recording;
  const page = `${base}/recordings/${id}`;
  const plays = state !== 'damaged';
  const hasPicture = plays && width !== undefined;
  return {
    id, stream, state, bytes, lostGroups, page,
    startedAt: instant(wallTime(startedAt)),
    endedAt: endedAt === undefined ? null : instant(wallTime(endedAt)),
    duration: Math.round(duration) / 1000,
    downloadBytes: downloadBytes ?? null,
    width: width ?? null,
    height: height ?? null,
    hls: plays ? `${page}/master.m3u8` : null,
    dash: plays ? `${page}/manifest.mpd` : null,
    download: state === 'finished' ? `${page}/download.mp4` : null,
    poster: hasPicture ? `${page}/poster.jpg` : null,
    storyboard: hasPicture ? `${page}/storyboard.vtt` : null,
  };
}
