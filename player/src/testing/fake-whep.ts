/** A `Link` that promises the event `clock`. */
export const clockLink = '</whep/session/1/sse>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="layers,clock"';

/** What a server would tell of its clock if the next frame to be shown had been captured so many milliseconds before. */
export async function clockOf(video: HTMLVideoElement, age: number): Promise<{ wall: number; video: number | undefined; audio: number }> {
  const frame = await new Promise<VideoFrameCallbackMetadata>((resolve) => video.requestVideoFrameCallback((_now, metadata) => resolve({ ...metadata, expectedDisplayTime: performance.now() })));
  return { wall: performance.timeOrigin + frame.expectedDisplayTime - age, video: frame.rtpTimestamp, audio: 0 };
}

/** What the fake does with the next offers. */
export type WhepMood =
  /** Answers, and sends a moving picture and a tone. */
  | 'sends'
  /** Answers and connects, and sends nothing until {@link FakeWhep.resume}. */
  | 'quiet'
  /** Answers with candidates that lead nowhere: UDP and TCP blocked. */
  | 'blocked'
  /** Never answers. */
  | 'silent'
  /** Refuses with this answer. */
  | { readonly status: number; readonly body?: string; readonly retryAfter?: string };

type FakeSession = { readonly id: string; readonly peer: RTCPeerConnection };

/** An address that nobody answers at (RFC 5737). */
const nowhere = 'candidate:1 1 udp 2130706431 192.0.2.1 9 typ host';

/**
 * A WHEP server in the page: at its other end a real peer connection sends a canvas and a tone. Stands behind `fetch`.
 */
export class FakeWhep {
  mood: WhepMood = 'sends';
  /** What was asked for, as `METHOD path`. */
  readonly requests: string[] = [];
  readonly sessions = new Map<string, FakeSession>();
  /** Every offer, and the fragment of every restart. */
  readonly offers: string[] = [];
  /** Layers that were chosen. */
  readonly chosen: unknown[] = [];
  /** What PATCH answers: 200 with new credentials, or a refusal. */
  restarts = true;
  /** Value of the answers' `Link`. */
  link: string | undefined;
  readonly #source: MediaStream;
  readonly #context = new AudioContext();
  readonly #canvas: HTMLCanvasElement;
  readonly #timer: ReturnType<typeof setInterval>;
  #count = 0;

  constructor() {
    this.#canvas = document.createElement('canvas');
    this.resize(320, 180);
    this.#timer = setInterval(() => this.#draw(), 33);
    this.#source = this.#canvas.captureStream(30);
    const tone = this.#context.createOscillator();
    const sink = this.#context.createMediaStreamDestination();
    tone.connect(sink);
    tone.start();
    this.#source.addTrack(sink.stream.getAudioTracks()[0] as MediaStreamTrack);
  }

  /** The picture has another size from now on. */
  resize(width: number, height: number): void {
    this.#canvas.width = width;
    this.#canvas.height = height;
  }

  /** Sends nothing until ICE is restarted, or until {@link resume}. */
  async pause(): Promise<void> {
    await this.#activate(false);
  }

  async resume(): Promise<void> {
    await this.#activate(true);
  }

  /** Ends every session. */
  cut(): void {
    for (const { peer } of this.sessions.values()) {
      peer.close();
    }
  }

  /** Answers what is meant for a WHEP server; undefined for everything else. */
  answer(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> | undefined {
    const url = new URL(input instanceof Request ? input.url : String(input), location.href);
    if (!url.pathname.includes('/whep/')) {
      return undefined;
    }
    const method = init.method ?? 'GET';
    this.requests.push(`${method} ${url.pathname}`);
    const answered = this.#route(method, url, typeof init.body === 'string' ? init.body : '');
    return init.signal === undefined || init.signal === null ? answered : Promise.race([answered, aborted(init.signal)]);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.cut();
    await this.#context.close();
  }

  async #route(method: string, url: URL, body: string): Promise<Response> {
    const id = /session\/(\d+)$/.exec(url.pathname)?.[1] ?? '';
    if (url.pathname.endsWith('/layer')) {
      this.chosen.push(JSON.parse(body));
      return new Response();
    }
    if (method === 'POST') {
      return this.#offer(body);
    }
    const session = this.sessions.get(id);
    if (session === undefined) {
      return new Response(null, { status: 404 });
    }
    if (method === 'DELETE') {
      session.peer.close();
      this.sessions.delete(id);
      return new Response();
    }
    return this.restarts ? this.#restart(session, body) : new Response(null, { status: 404 });
  }

  async #activate(active: boolean): Promise<void> {
    for (const { peer } of this.sessions.values()) {
      for (const sender of peer.getSenders()) {
        const parameters = sender.getParameters();
        parameters.encodings.forEach((encoding) => (encoding.active = active));
        await sender.setParameters(parameters);
      }
    }
  }

  async #offer(sdp: string): Promise<Response> {
    this.offers.push(sdp);
    const { mood } = this;
    if (mood === 'silent') {
      return new Promise(() => undefined);
    }
    if (typeof mood === 'object') {
      return new Response(mood.body ?? '', { status: mood.status, headers: mood.retryAfter === undefined ? {} : { 'Retry-After': mood.retryAfter } });
    }
    this.#count += 1;
    const id = String(this.#count);
    const peer = new RTCPeerConnection();
    this.sessions.set(id, { id, peer });
    await peer.setRemoteDescription({ type: 'offer', sdp });
    for (const track of this.#source.getTracks()) {
      peer.addTrack(track, this.#source);
    }
    const answer = await gathered(peer);
    if (mood === 'quiet') {
      await this.pause();
    }
    const text = mood === 'blocked' ? withoutPath(answer) : answer;
    const headers = { 'Content-Type': 'application/sdp', Location: `/whep/session/${id}`, ETag: '"1"', ...(this.link === undefined ? {} : { Link: this.link }) };
    return new Response(text, { status: 201, headers });
  }

  async #restart({ peer }: FakeSession, fragment: string): Promise<Response> {
    this.offers.push(fragment);
    const wanted = (name: string): string => new RegExp(`^a=${name}:.*$`, 'm').exec(fragment)?.[0] ?? '';
    const offer = (peer.remoteDescription?.sdp ?? '')
      .replaceAll(/^a=ice-ufrag:.*$/gm, wanted('ice-ufrag').trim())
      .replaceAll(/^a=ice-pwd:.*$/gm, wanted('ice-pwd').trim());
    await peer.setRemoteDescription({ type: 'offer', sdp: offer });
    const answer = await gathered(peer);
    await this.resume();
    const lines = answer.split('\r\n').filter((line) => /^a=(ice-ufrag|ice-pwd|candidate|end-of)/.test(line));
    return new Response([...new Set(lines), ''].join('\r\n'), { headers: { ETag: '"2"', 'Content-Type': 'application/trickle-ice-sdpfrag' } });
  }

  #draw(): void {
    const context = this.#canvas.getContext('2d');
    if (context !== null) {
      context.fillStyle = `hsl(${(performance.now() / 10) % 360} 80% 50%)`;
      context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    }
  }
}

async function gathered(peer: RTCPeerConnection): Promise<string> {
  await peer.setLocalDescription(await peer.createAnswer());
  while (peer.iceGatheringState !== 'complete') {
    await new Promise((resolve) => peer.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return peer.localDescription?.sdp ?? '';
}

function withoutPath(sdp: string): string {
  return sdp.replaceAll(/^a=candidate:.*$/gm, `a=${nowhere}`);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}
