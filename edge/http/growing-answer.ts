import type { ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';

import type { SegmentReader } from '../lldash/segment-readers.ts';
import type { WindowSegment } from '../llhls/window-segment.ts';
import { IMMUTABLE, OPEN_HEADERS, type RawHeaders } from './payload.ts';

/** What a growing answer tells when it is over, however that came. */
export type GrowingEnd = (bytes: number, outcome: 'whole' | 'torn') => void;

/**
 * A segment sent while it grows: its parts, each in the turn in which it is there, in chunked transfer. A part that the connection
 * does not take waits in the segment, not here. Where the segment is given up the connection is torn, so that nobody takes what came for all of it.
 */
export class GrowingAnswer implements SegmentReader {
  readonly #response: ServerResponse;
  readonly #segment: WindowSegment;
  readonly #end: GrowingEnd;
  #next = 0;
  #bytes = 0;
  #isBlocked = false;
  #isOver = false;

  /** Sends the head of the answer and the parts that are there. */
  constructor(response: ServerResponse, segment: WindowSegment, end: GrowingEnd) {
    this.#response = response;
    this.#segment = segment;
    this.#end = end;
    response.writeHead(200, growingHeaders(segment) as string[]);
    response.on('drain', () => {
      this.#isBlocked = false;
      this.advance();
    });
    response.once('close', () => this.#finish('torn'));
  }

  /** True once all was handed over, or nothing more can be. */
  get isOver(): boolean {
    return this.#isOver;
  }

  advance(): boolean {
    const { parts } = this.#segment;
    while (!this.#isOver && !this.#isBlocked && this.#next < parts.length) {
      const bytes = parts[this.#next]?.media?.bytes;
      if (bytes === undefined) {
        this.giveUp();
        break;
      }
      this.#next++;
      this.#bytes += bytes.length;
      this.#isBlocked = !this.#response.write(bytes);
    }
    if (!this.#isOver && this.#segment.complete && this.#next === parts.length) {
      if (this.#segment.gap) {
        this.giveUp();
      } else {
        this.#finish('whole');
        this.#response.end();
      }
    }
    return this.#isOver;
  }

  giveUp(): void {
    if (!this.#isOver) {
      this.#finish('torn');
      tear(this.#response);
    }
  }

  #finish(outcome: 'whole' | 'torn'): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#end(this.#bytes, outcome);
    }
  }
}

/** Headers of a segment that grows. What it will be is immutable, as its URL promises. */
export function growingHeaders({ parts }: WindowSegment): RawHeaders {
  return ['Content-Type', parts[0]?.media?.contentType ?? 'video/mp4', 'Cache-Control', IMMUTABLE, ...OPEN_HEADERS];
}

/** Ends an answer so that the client sees that it is not whole. */
export function tear(response: ServerResponse): void {
  const { stream } = response as unknown as { readonly stream?: ServerHttp2Stream };
  if (stream === undefined) {
    response.destroy();
  } else {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

