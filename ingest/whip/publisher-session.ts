import { randomBytes } from 'node:crypto';

import type { IngestHealth } from '#core/bus/catalog.ts';
import { millis, type Clock, type Millis } from '#core/media/time.ts';
import type { MonotonicClock } from '#core/rtc/monotonic.ts';
import { MediaReceiver, type ReceiverStatistics } from '#core/rtc/receiver/media-receiver.ts';
import type { RestartAnswer, SdpFragment } from '#core/rtc/sdp/fragment.ts';
import { writeAnswer } from '#core/rtc/sdp/write-answer.ts';
import type { SessionRequest, SignalledSession } from '#core/rtc/signalling/session-factory.ts';
import type { CloseReason, RtcSession, RtcTransport, SessionHandler } from '#core/rtc/transport.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { SourceSink } from '../source.ts';
import type { PacketFate, WhipMetrics } from './metrics.ts';
import type { Negotiated } from './negotiate.ts';
import { ToSource } from './to-source.ts';

/** What a session works with. */
export type PublisherSessionOptions = {
  readonly request: Pick<SessionRequest, 'id' | 'stream' | 'offer'>;
  readonly negotiated: Negotiated;
  readonly rtc: RtcTransport;
  readonly clock: Clock;
  readonly monotonic: MonotonicClock;
  readonly log: Logger;
  readonly metrics: WhipMetrics;
};

const REPORT_EVERY = 1000;
/** Timers are no finer. */
const LEAST_SLEEP = 1;

const NOTHING: ReceiverStatistics = { packets: 0, unusable: 0, lost: 0, recovered: 0, givenUp: 0, loss: 0, rtt: undefined, keyRequests: 0 };

/** One WHIP publisher from its POST to its end. */
export class PublisherSession implements SignalledSession {
  readonly id: string;
  readonly closed: Promise<void>;
  readonly #options: PublisherSessionOptions;
  readonly #rtc: RtcSession;
  readonly #ended = Promise.withResolvers<void>();
  #sink: SourceSink | undefined;
  #toSource: ToSource | undefined;
  #receiver: MediaReceiver | undefined;
  #over = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #toldAt: Millis;
  #told = NOTHING;
  #bytes = 0;

  /** @throws {MillraceError} what `RtcTransport.open` throws. */
  constructor(options: PublisherSessionOptions) {
    const { request, rtc, monotonic, metrics } = options;
    this.#options = options;
    this.id = request.id;
    this.closed = this.#ended.promise;
    this.#toldAt = monotonic();
    this.#rtc = rtc.open({ ice: request.offer.ice, fingerprints: request.offer.fingerprints, setup: request.offer.setup }, this.#handler());
    metrics.sessions.inc();
  }

  /** The answer to the publisher's offer. */
  answer(): string {
    const { request, negotiated, rtc } = this.#options;
    const { fingerprint, candidates } = rtc;
    return writeAnswer({ offer: request.offer, media: negotiated.media, ice: this.#rtc.local, fingerprint, candidates });
  }

  /** The publisher was admitted: its media go to the sink from now on. */
  begin(sink: SourceSink): void {
    const { clock, monotonic, metrics, negotiated } = this.#options;
    this.#sink = sink;
    if (this.#over) {
      sink.end('lost');
      return;
    }
    this.#toSource = new ToSource({
      sink,
      clock,
      wantKey: (key) => this.#receiver?.requestKey(key, monotonic()),
      refuse: (reason) => this.disconnect(reason),
      dropped: (kind) => metrics.droppedUnits.inc({ kind }),
    });
    for (const { kind, codecs } of negotiated.unusable) {
      const needed = kind === 'video' ? 'H.264, VP8, VP9 or AV1' : 'Opus';
      sink.warn(
        `whip/no-usable-${kind}-codec`,
        `The ${kind === 'video' ? 'picture' : 'sound'} is offered as ${codecs.join(', ') || 'nothing that is known'} only and is left out. Choose ${needed} in the encoder.`,
      );
    }
  }

  /** What the publisher may know of itself; undefined once the session is over, and before the first second is. */
  get health(): IngestHealth | undefined {
    return this.#over ? undefined : this.#sink?.health;
  }

  /** Asks for a key frame of each picture that the publisher sends. */
  requestKey(): void {
    this.#toSource?.requestKeys();
  }

  iceRestart(fragment: SdpFragment): RestartAnswer {
    if (!fragment.ice) {
      throw new MillraceError('sdp/malformed', 'An ICE restart needs new credentials.');
    }
    return { ice: this.#rtc.restart(fragment.ice), candidates: this.#options.rtc.candidates };
  }

  trickle(): void {
    // The server is ICE-lite: it answers checks and makes none.
  }

  /** The publisher has taken its resource back (DELETE), or never got the answer. Idempotent. */
  close(): void {
    this.#end('unpublished', 'closed');
  }

  /** The server ends the publisher. WebRTC has no word for the reason: it is logged. Idempotent. */
  disconnect(reason: string): void {
    const { log, request } = this.#options;
    if (!this.#over) {
      log.info({ stream: request.stream, reason }, 'a WHIP publisher is sent away');
    }
    this.#end('lost', 'closed');
  }

  #handler(): SessionHandler {
    return {
      connected: () => this.#connected(),
      rtp: (packet, arrival) => {
        this.#bytes += packet.length;
        this.#sink?.heard();
        this.#work((receiver) => receiver.rtp(bytesOf(packet), arrival));
      },
      rtcp: (compound, arrival) => this.#work((receiver) => receiver.rtcp(bytesOf(compound), arrival)),
      pathChanged: () => this.#receiver?.pathChanged(this.#rtc.rtt),
      closed: (reason) => this.#end('lost', reason),
    };
  }

  #connected(): void {
    const { monotonic, negotiated, log, request } = this.#options;
    this.#receiver = new MediaReceiver({
      plan: negotiated.plan,
      handler: {
        unit: (key, unit) => this.#toSource?.unit(key, unit),
        senderReport: (key, report, clockRate) => this.#toSource?.senderReport(key, report, clockRate),
        restarted: (key) => this.#toSource?.restarted(key),
        send: (rtcp) => this.#rtc.sendRtcp(rtcp),
      },
      now: monotonic(),
      ssrc: randomBytes(4).readUInt32BE(),
      rtt: this.#rtc.rtt,
    });
    this.#arm();
    log.info({ stream: request.stream, protocol: this.#rtc.path?.protocol }, 'a WHIP publisher is connected');
  }

  /** Whatever a publisher sends, nobody else is disturbed. */
  #work(work: (receiver: MediaReceiver) => void): void {
    if (this.#over || !this.#receiver) {
      return;
    }
    try {
      work(this.#receiver);
    } catch (error) {
      this.#options.log.error({ stream: this.#options.request.stream, err: error }, 'a WHIP publisher had to be disconnected');
      this.disconnect('a fault of the server');
      return;
    }
    this.#arm();
  }

  #arm(): void {
    const receiver = this.#receiver;
    if (!receiver || this.#over) {
      return;
    }
    const deadline = Math.min(receiver.deadline, this.#toldAt + REPORT_EVERY);
    if (deadline >= this.#timerAt) {
      return;
    }
    clearTimeout(this.#timer);
    const { monotonic } = this.#options;
    this.#timerAt = deadline;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      // After a stall of the process, packets wait in the socket: they are read before anything is given up for lost.
      setImmediate(() => this.#work((one) => this.#tick(one, monotonic())));
    }, Math.max(LEAST_SLEEP, deadline - monotonic()));
  }

  #tick(receiver: MediaReceiver, now: Millis): void {
    receiver.tick(now);
    if (now - this.#toldAt >= REPORT_EVERY) {
      this.#toldAt = now;
      const { loss, rtt } = this.#tell(receiver);
      const known = rtt ?? this.#rtc.rtt;
      this.#sink?.network({ loss, ...(known === undefined ? {} : { rtt: millis(Math.round(known)) }) });
    }
  }

  /** Counts into the metrics what has come since the last time. */
  #tell(receiver: MediaReceiver): ReceiverStatistics {
    const { metrics } = this.#options;
    const now = receiver.statistics;
    const count = (fate: PacketFate, by: number): void => metrics.packets.inc({ fate }, Math.max(0, by));
    count('received', now.packets - this.#told.packets);
    count('lost', now.lost - this.#told.lost);
    count('recovered', now.recovered - this.#told.recovered);
    count('given-up', now.givenUp - this.#told.givenUp);
    count('unusable', now.unusable - this.#told.unusable);
    metrics.keyRequests.inc(Math.max(0, now.keyRequests - this.#told.keyRequests));
    metrics.receivedBytes.inc(this.#bytes);
    this.#bytes = 0;
    this.#told = now;
    return now;
  }

  #end(how: 'unpublished' | 'lost', reason: CloseReason): void {
    if (this.#over) {
      return;
    }
    this.#over = true;
    clearTimeout(this.#timer);
    const { log, request, metrics } = this.#options;
    if (this.#receiver) {
      this.#tell(this.#receiver);
      this.#receiver.close();
    }
    this.#rtc.close();
    this.#sink?.end(how);
    metrics.sessions.dec();
    log.info({ stream: request.stream, how, reason }, 'a WHIP session has ended');
    this.#ended.resolve();
  }
}

/**
 * The same bytes without what Node adds to them. A transport gives views of memory that it uses again, and the receiver copies what it
 * keeps with `slice()`: a `Buffer`'s gives another view, so that all that waits would become what came last.
 */
function bytesOf(packet: Uint8Array): Uint8Array {
  return new Uint8Array(packet.buffer, packet.byteOffset, packet.byteLength);
}
