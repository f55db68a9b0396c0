import type { z } from 'zod';

import { wallTime } from '#core/media/time.ts';

import { asAnswer, BUS_AWAY, type Translation } from './bus-errors.ts';
import { instant } from './describe.ts';
import { answerEmpty, answerJson, type Exchange } from './exchange.ts';
import { RecordingKeepers, type KeepersOptions, type KeptRecording } from './recording-keepers.ts';
import type { DocumentedAnswer, Route } from './route.ts';
import type { recordingSchema } from './schemas.ts';
import { streamNameOf } from './stream-name.ts';

/** What the routes of recordings work with. */
export type RecordingsOptions = KeepersOptions & {
  readonly basePath: (exchange: Pick<Exchange, 'baseUrl'>) => string;
};

const malformed: DocumentedAnswer = { description: 'The stream\'s name is malformed (`malformed`).', schema: 'Error' };
const unauthorized: DocumentedAnswer = { description: 'The token is missing or wrong (`unauthorized`).', schema: 'Error' };
const unknown: DocumentedAnswer = { description: 'No such recording (`unknown-recording`).', schema: 'Error' };
const unavailable: DocumentedAnswer = { description: 'The recordings cannot be reached now (`unavailable`).', schema: 'Error' };

const ERRORS: Readonly<Record<string, Translation>> = {
  ...BUS_AWAY,
  'recording/unknown': [404, 'unknown-recording'],
  'recording/in-progress': [409, 'in-progress'],
  'bus/unserved': [503, 'unavailable', 5],
  'bus/timeout': [503, 'unavailable', 5],
};

/** The endpoints of recordings, which whoever keeps them answers over the bus. */
export function recordingRoutes(options: RecordingsOptions): readonly Route[] {
  const { basePath } = options;
  const keepers = new RecordingKeepers(options);
  return [
    {
      method: 'get', path: '/api/v1/recordings', operationId: 'listRecordings', access: 'open',
      summary: 'All recordings',
      description: 'Newest first, those of broadcasts that go on among them, of every server that keeps some.',
      query: [{ name: 'stream', description: 'Only recordings of this stream.' }],
      answers: { 200: { description: 'The recordings.', schema: 'Recordings' }, 400: malformed, 401: unauthorized, 503: unavailable },
      handle: async (exchange) => {
        const stream = exchange.query.get('stream');
        const { recordings, missing } = await translated(keepers.list(stream === null ? undefined : streamNameOf(stream)));
        answerJson(exchange, 200, { recordings: recordings.map((recording) => describeRecording(recording, basePath(exchange))), missing });
      },
    },
    {
      method: 'get', path: '/api/v1/recordings/{id}', operationId: 'getRecording', access: 'open',
      summary: 'One recording',
      description: 'When it was made, how long and large it is, where it is watched and downloaded.',
      answers: { 200: { description: 'The recording.', schema: 'Recording' }, 401: unauthorized, 404: unknown, 503: unavailable },
      handle: async (exchange) => {
        const recording = await translated(keepers.get(exchange.id));
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
        await translated(keepers.remove(exchange.id));
        answerEmpty(exchange);
      },
    },
  ];
}

async function translated<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (thrown) {
    throw asAnswer(thrown, ERRORS, 'The recordings cannot be reached now. Try again in some seconds.');
  }
}

/** A recording as the API answers it, with URLs below `base` or at the node that keeps it. */
function describeRecording(recording: KeptRecording, base: string): z.output<typeof recordingSchema> {
  const { id, stream, state, startedAt, endedAt, duration, bytes, downloadBytes, width, height, lostGroups } = recording;
  const page = `${recording.url ?? base}/recordings/${id}`;
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
