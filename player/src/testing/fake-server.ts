import type { AirState } from '../api/streams.ts';

/** A picture of one pixel. */
const pixel = Uint8Array.from(atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='), (letter) => letter.charCodeAt(0));

/** Five tiles of ten seconds each. */
const storyboard = ['WEBVTT', ...[0, 1, 2, 3, 4].map((i) => `00:00:${i}0.000 --> 00:00:${i}9.999\nstoryboard-0.jpg#xywh=${i * 160},0,160,90`)].join('\n\n');

type Answer = { readonly stream: string; readonly state: AirState; readonly broadcast: string | null; readonly viewers: { readonly total: number } };

/** Server-sent events that the test sends. */
export class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static all: FakeEventSource[] = [];
  readonly url: string;
  readyState = 1;

  constructor(url: string | URL) {
    super();
    this.url = String(url);
    FakeEventSource.all.push(this);
  }

  send(state: AirState): void {
    this.dispatchEvent(new MessageEvent('state', { data: JSON.stringify({ state, broadcast: null }) }));
  }

  close(): void {
    this.readyState = FakeEventSource.CLOSED;
  }
}

/** Answers of the API and of `/time`. */
export class FakeServer {
  state: AirState | 'unknown' | 'unreachable' = 'live';
  streams: Answer[] = [];
  /** Of the one stream. */
  viewers = 0;
  /** What the API says of the one stream besides. */
  facts: Record<string, unknown> = {};
  /** What the API says of recordings. */
  recordings: Record<string, unknown>[] = [];
  /** What was asked for: paths and queries. */
  requests: string[] = [];

  readonly fetch = (input: RequestInfo | URL): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    this.requests = [...this.requests, url];
    if (this.state === 'unreachable') {
      return Promise.reject(new TypeError('Failed to fetch'));
    }
    if (url.endsWith('/time')) {
      return Promise.resolve(new Response(new Date().toISOString()));
    }
    if (url.endsWith('/api/v1/streams')) {
      return Promise.resolve(Response.json({ streams: this.streams }));
    }
    if (url.endsWith('.jpg')) {
      return Promise.resolve(new Response(pixel, { headers: { 'Content-Type': 'image/png' } }));
    }
    if (url.endsWith('.vtt')) {
      return Promise.resolve(new Response(storyboard));
    }
    if (url.includes('/api/v1/recordings')) {
      return Promise.resolve(this.#answerRecordings(url));
    }
    if (this.state === 'unknown') {
      return Promise.resolve(Response.json({ code: 'unknown-stream', message: 'There is no such stream.' }, { status: 404 }));
    }
    return Promise.resolve(Response.json({ ...stream('cam', this.state, this.viewers), ...this.facts }));
  };

  #answerRecordings(url: string): Response {
    const id = /recordings\/([^/?]+)$/.exec(url)?.[1];
    if (id === undefined) {
      const of = new URL(url, location.href).searchParams.get('stream');
      return Response.json({ recordings: this.recordings.filter(({ stream: name }) => of === null || name === of) });
    }
    const found = this.recordings.find((recording) => recording['id'] === id);
    return found === undefined ? Response.json({ code: 'recording/unknown', message: 'There is no such recording.' }, { status: 404 }) : Response.json(found);
  }
}

/** A recording as the API answers it. */
export function recording(id: string, name: string, over: Record<string, unknown> = {}): Record<string, unknown> {
  return { id, stream: name, state: 'finished', startedAt: '2026-01-02T14:30:00.000Z', endedAt: null, duration: 754, bytes: 99_000_000, downloadBytes: 98_000_000, width: 1280, height: 720, ...over };
}

/** A stream as the API answers it. */
export function stream(name: string, state: AirState, viewers = 0): Answer & { startedAt: string | null; rungs: unknown[] } {
  return {
    stream: name,
    state,
    broadcast: state === 'offline' ? null : 'b1',
    startedAt: state === 'offline' ? null : new Date(Date.now() - 300_000).toISOString(),
    viewers: { total: viewers },
    rungs: state === 'offline' ? [] : [{ kind: 'video', label: '720p' }],
  };
}
