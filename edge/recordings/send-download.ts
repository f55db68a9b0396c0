import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ArchivedFacts } from '../archive/archive.ts';
import { sendError } from '../http/answer.ts';
import { parseRange, type ByteRange } from '../http/byte-range.ts';
import { noteTaken } from '../http/connections.ts';
import { OPEN_HEADERS, type RawHeaders } from '../http/payload.ts';
import type { DownloadPlan, PlannedSegment } from './download-plan.ts';

/** Bytes written at a time: what waits for a slow client beside the segment it is from. */
const MAX_WRITE = 128 * 1024;

/** Answers with a plan's bytes, or the range of them that is asked for. Settles when all is sent or the client has gone. */
export async function sendDownload(request: IncomingMessage, response: ServerResponse, plan: DownloadPlan, facts: ArchivedFacts, caching: string): Promise<void> {
  const tag = `"${facts.id}-${plan.size.toString(36)}-${plan.segments.length.toString(36)}"`;
  const headers: RawHeaders = [
    'Content-Type', plan.segments.some(({ track }) => track.kind === 'video') ? 'video/mp4' : 'audio/mp4',
    'Content-Disposition', `attachment; filename="${downloadName(facts)}"`,
    'Accept-Ranges', 'bytes',
    'ETag', tag,
    'Cache-Control', caching,
    ...leftOutHeader(plan),
    ...OPEN_HEADERS,
  ];
  // RFC 9110, 13.1.5: a range is of use only together with what the client has already.
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === tag ? parseRange(request.headers.range, plan.size) : undefined;
  if (range === 'unsatisfiable') {
    sendError(response, 416, { code: 'http/range', message: 'The range lies outside the body.' }, ['Content-Range', `bytes */${plan.size}`]);
    return;
  }
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers as string[]);
    response.end();
    return;
  }
  const { first, last } = range ?? { first: 0, last: plan.size - 1 };
  const more = range === undefined ? [] : ['Content-Range', `bytes ${first}-${last}/${plan.size}`];
  response.writeHead(range === undefined ? 200 : 206, [...headers, 'Content-Length', String(last - first + 1), ...more]);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  for await (const bytes of bytesOf(plan, { first, last })) {
    if (bytes === undefined) {
      // The recording was removed meanwhile: a torn body, never one that looks whole.
      response.destroy();
      return;
    }
    for (let at = 0; at < bytes.length; at += MAX_WRITE) {
      const written = bytes.subarray(at, at + MAX_WRITE);
      if (!response.write(written)) {
        await drained(response);
      }
      noteTaken(response, written.length);
      if (response.destroyed || response.closed) {
        return;
      }
    }
  }
  response.end();
}

/** A name to save it under: `<stream>-<date>.mp4`, the date to the minute in UTC. */
export function downloadName({ stream, startedAt }: Pick<ArchivedFacts, 'stream' | 'startedAt'>): string {
  const [date = '', time = ''] = new Date(startedAt).toISOString().split('T');
  return `${stream}-${date}-${time.slice(0, 5).replace(':', '')}.mp4`;
}

/** A stretch of the file, segment by segment; undefined and no more where bytes are gone. */
export async function* bytesOf(plan: DownloadPlan, { first, last }: ByteRange): AsyncGenerator<Uint8Array | undefined> {
  let at = 0;
  for (const part of plan.head) {
    const piece = part.subarray(Math.max(0, first - at), Math.max(0, last + 1 - at));
    at += part.length;
    if (piece.length > 0) {
      yield piece;
    }
  }
  for (let index = firstSegment(plan, first); index < plan.segments.length; index++) {
    const planned = plan.segments[index] as PlannedSegment;
    if (planned.start > last) {
      return;
    }
    const bytes = await planned.track.read(planned.segment).catch(() => undefined);
    if (bytes === undefined) {
      yield undefined;
      return;
    }
    let start = planned.start;
    for (const piece of planned.pieces) {
      const all = piece instanceof Uint8Array ? piece : bytes.subarray(piece.offset, piece.offset + piece.length);
      const wanted = all.subarray(Math.max(0, first - start), Math.max(0, last + 1 - start));
      start += piece.length;
      if (wanted.length > 0) {
        yield wanted;
      }
    }
  }
}

/** The first segment of which something lies at or behind a place. */
function firstSegment({ segments }: DownloadPlan, place: number): number {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { start, size } = segments[middle] as PlannedSegment;
    if (start + size <= place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Seconds that one file cannot hold, because their codec is another: said here, since the file cannot say it. */
function leftOutHeader({ leftOut }: DownloadPlan): RawHeaders {
  const parts = (['video', 'audio'] as const).filter((kind) => leftOut[kind] > 0).map((kind) => `${kind}=${leftOut[kind].toFixed(1)}`);
  return parts.length === 0 ? [] : ['Millrace-Left-Out', parts.join(', ')];
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
    if (response.destroyed || response.closed) {
      done();
    }
  });
}
