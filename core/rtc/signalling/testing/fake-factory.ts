import { isStreamName, parseStreamKey } from '../../../access/stream-key.ts';
import type { StreamName } from '../../../bus/catalog.ts';
import { MillraceError } from '../../../runtime/errors.ts';
import { receivableFormats } from '../../sdp/match.ts';
import type { AnsweredMedia } from '../../sdp/session-answer.ts';
import { writeAnswer } from '../../sdp/write-answer.ts';
import type { Candidate, IceCredentials } from '../../transport.ts';
import { Refusal } from '../refusal.ts';
import type { Asker, SessionFactory, SessionRequest, SignalledSession } from '../session-factory.ts';
import type { SdpFragment } from '../../sdp/fragment.ts';

const candidates: readonly Candidate[] = [{ foundation: '1', protocol: 'udp', priority: 2_130_706_431, address: '192.0.2.1', port: 8189 }];
const fingerprint = { algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') };

/** A session that remembers what it was told. */
export class FakeSession implements SignalledSession {
  readonly id: string;
  readonly closed: Promise<void>;
  readonly trickled: SdpFragment[] = [];
  readonly restarts: SdpFragment[] = [];
  isClosed = false;
  /** Thrown by the next restart. */
  failure: Error | undefined;
  /** Awaited by every restart. */
  gate: Promise<void> = Promise.resolve();
  readonly #ended = Promise.withResolvers<void>();

  constructor(id: string) {
    this.id = id;
    this.closed = this.#ended.promise;
  }

  async iceRestart(fragment: SdpFragment): Promise<{ ice: IceCredentials; candidates: readonly Candidate[] }> {
    await this.gate;
    if (this.failure !== undefined) {
      throw this.failure;
    }
    this.restarts.push(fragment);
    return { ice: { ufrag: `restart${this.restarts.length}`, pwd: 'newPasswordOf24Characters' }, candidates };
  }

  trickle(fragment: SdpFragment): void {
    this.trickled.push(fragment);
  }

  close(): void {
    this.isClosed = true;
    this.#ended.resolve();
  }
}

/** Makes sessions that go nowhere, for streams whose name begins with `on`. `refusal` is thrown by `create` while it is set. */
export class FakeFactory implements SessionFactory {
  readonly asked: Asker[] = [];
  readonly requests: SessionRequest[] = [];
  readonly sessions: FakeSession[] = [];
  refusal: Error | undefined;
  /** Awaited by every creation. */
  gate: Promise<void> = Promise.resolve();
  links: readonly string[] = [];

  async admit(asker: Asker): Promise<StreamName> {
    this.asked.push(asker);
    await Promise.resolve();
    const { stream, bearer } = asker;
    if (bearer !== undefined) {
      const key = parseStreamKey(bearer);
      if (key === undefined) {
        throw new MillraceError('publish/malformed-key', 'This is no stream key.');
      }
      if (key.secret.startsWith('wrong')) {
        throw new MillraceError('publish/unknown-key', 'This key is not known.');
      }
      return key.stream;
    }
    if (stream === undefined || !isStreamName(stream) || !stream.startsWith('on')) {
      throw new Refusal(409, 'offline', 'Nobody is broadcasting.', { retryAfter: 3 });
    }
    return stream;
  }

  async create(request: SessionRequest): Promise<{ answer: string; session: SignalledSession; links: readonly string[] }> {
    this.requests.push(request);
    await this.gate;
    if (this.refusal !== undefined) {
      throw this.refusal;
    }
    const media = request.offer.media.map((offered): AnsweredMedia => {
      const codecs = receivableFormats(offered);
      return codecs.length === 0 ? { offered, accepted: false } : { offered, accepted: true, direction: offered.direction === 'recvonly' ? 'sendonly' : 'recvonly', codecs, extensions: [] };
    });
    const session = new FakeSession(request.id);
    this.sessions.push(session);
    const answer = writeAnswer({ offer: request.offer, media, ice: { ufrag: 'server', pwd: 'serverPasswordOf24Charact' }, fingerprint, candidates });
    return { answer, session, links: this.links };
  }
}
