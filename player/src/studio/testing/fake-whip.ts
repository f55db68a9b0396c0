/** What the fake does with the next offers: takes them, or refuses with this answer. */
export type WhipMood = 'takes' | { readonly status: number; readonly body?: string; readonly retryAfter?: string };

/** A request as it came. */
export type WhipRequest = { readonly method: string; readonly path: string; readonly key: string | undefined; readonly body: string };

/** A WHIP server in the page: at its other end a real peer connection receives. Stands behind `fetch`. */
export class FakeWhip {
  mood: WhipMood = 'takes';
  /** What the API answers about the stream, once it is live. */
  warnings: { readonly code: string; readonly message: string; readonly since: string }[] = [];
  viewers = 0;
  readonly requests: WhipRequest[] = [];
  readonly sessions = new Map<string, RTCPeerConnection>();
  #count = 0;

  /** Requests of one method. */
  of(method: string): readonly WhipRequest[] {
    return this.requests.filter((request) => request.method === method);
  }

  /** Ends every session, as a server that is killed does. */
  cut(): void {
    this.sessions.forEach((peer) => peer.close());
    this.sessions.clear();
  }

  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : String(input), location.href);
    if (url.pathname.includes('/api/')) {
      return Response.json({ stream: 'cam', state: this.sessions.size > 0 ? 'live' : 'offline', viewers: { total: this.viewers }, broadcaster: { warnings: this.warnings } });
    }
    const method = init.method ?? 'GET';
    const body = typeof init.body === 'string' ? init.body : '';
    const key = new Headers(init.headers).get('Authorization')?.replace('Bearer ', '');
    this.requests.push({ method, path: url.pathname, key, body });
    const id = url.pathname.split('/')[3] ?? '';
    if (method === 'DELETE') {
      this.sessions.get(id)?.close();
      return new Response(null, { status: this.sessions.delete(id) ? 200 : 404 });
    }
    return method === 'POST' ? this.#offer(body) : new Response(null, { status: 404 });
  };

  async #offer(sdp: string): Promise<Response> {
    const { mood } = this;
    if (mood !== 'takes') {
      return new Response(mood.body ?? '', { status: mood.status, headers: mood.retryAfter === undefined ? {} : { 'Retry-After': mood.retryAfter } });
    }
    this.#count += 1;
    const id = String(this.#count);
    const peer = new RTCPeerConnection();
    this.sessions.set(id, peer);
    await peer.setRemoteDescription({ type: 'offer', sdp });
    await peer.setLocalDescription(await peer.createAnswer());
    while (peer.iceGatheringState !== 'complete') {
      await new Promise((resolve) => peer.addEventListener('icegatheringstatechange', resolve, { once: true }));
    }
    return new Response(peer.localDescription?.sdp ?? '', { status: 201, headers: { 'Content-Type': 'application/sdp', 'Location': `/whip/cam/${id}`, 'ETag': '"1"' } });
  }
}
