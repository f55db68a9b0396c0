import type { AirState } from '../api/streams.ts';

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

  readonly fetch = (input: RequestInfo | URL): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    if (this.state === 'unreachable') {
      return Promise.reject(new TypeError('Failed to fetch'));
    }
    if (url.endsWith('/time')) {
      return Promise.resolve(new Response(new Date().toISOString()));
    }
    if (url.endsWith('/api/v1/streams')) {
      return Promise.resolve(Response.json({ streams: this.streams }));
    }
    if (this.state === 'unknown') {
      return Promise.resolve(Response.json({ code: 'unknown-stream', message: 'There is no such stream.' }, { status: 404 }));
    }
    return Promise.resolve(Response.json(stream('cam', this.state, this.viewers)));
  };
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
