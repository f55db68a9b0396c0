import type { PublishPolicy } from '#core/access/publish-policy.ts';
import { millis, type Clock, type Millis } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { PublisherRegistry } from '../source.ts';
import { ChunkReader, type RtmpMessage } from './chunk-reader.ts';
import { keyOf, parseCommand, refusalOfApp, wantsBackup, type Command } from './command.ts';
import type { RefusalReason, RtmpMetrics } from './metrics.ts';
import type { RtmpConfig } from './options.ts';
import { EVENT, MESSAGE, RtmpProtocol } from './protocol.ts';
import { Publication, type Verdict } from './publication.ts';

/** The wire below a session: a socket, or what stands for one in tests. */
export interface Wire {
  write(bytes: Uint8Array): void;
  /** Stops and resumes reading. What was read already may still come. */
  hold(held: boolean): void;
  /** Sends what is written, then closes. */
  end(): void;
}

/** What a session needs. */
export type SessionOptions = {
  readonly wire: Wire;
  /** Remote address without the port. */
  readonly address: string;
  readonly protocol: 'rtmp' | 'rtmps';
  readonly config: Pick<RtmpConfig, 'rtmpMaxMessageBytes' | 'rtmpMaxChunkStreams' | 'rtmpMaxUnauthorisedBytes' | 'rtmpHandshakeTimeout' | 'rtmpIdleTimeout'>;
  readonly policy: PublishPolicy;
  readonly registry: PublisherRegistry;
  readonly log: Logger;
  readonly metrics: RtmpMetrics;
  readonly clock: Clock;
};

/** Bytes of unfinished messages before authorisation: commands have a few hundred. */
const MAX_COMMAND_BYTES = 65_536;
/**
 * Messages taken between two ticks (half a second): ten times what 240 frames a second with sound send. Who sends more, a
 * file at full speed or a flood of one-byte messages, is read no faster, and nobody else waits for it.
 */
const MAX_MESSAGES_PER_TICK = 2000;
/** Message streams that one connection may create; publishers create one. */
const MAX_MESSAGE_STREAMS = 16;
/** Acknowledgement window until the peer sets one, and the smallest that is honoured: a smaller one would make a message for every packet. */
const DEFAULT_WINDOW = 2_500_000;
const MIN_WINDOW = 65_536;

/**
 * One RTMP connection without its socket: bytes in by {@link receive}, bytes out by its wire. It takes one publisher at a
 * time; whatever the peer sends, nothing is thrown and nobody else is disturbed.
 */
export class RtmpSession {
  readonly #options: SessionOptions;
  readonly #protocol: RtmpProtocol;
  readonly #reader: ChunkReader;
  #state: 'handshake' | 'connected' | 'closed' = 'handshake';
  #publication: Publication | undefined;
  /** The server's address said so. */
  #isBackup = false;
  /** Why nothing is read: the authorisation is under way; this tick's messages are used up. */
  #deciding = false;
  #paced = false;
  #messages = 0;
  #received = 0;
  #acknowledged = 0;
  #window = DEFAULT_WINDOW;
  /** Bytes received before the connection was last without an accepted key. */
  #unauthorisedFrom = 0;
  /** Time without an accepted key, and time without a byte, as {@link tick} counts them. */
  #unauthorised = millis(0);
  #silent = millis(0);

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#protocol = new RtmpProtocol((bytes) => this.#reader.push(bytes), (bytes) => options.wire.write(bytes));
    this.#reader = new ChunkReader(this.#unauthorisedLimits(), (message) => this.#onMessage(message));
  }

  /** True once nothing more is taken or sent. */
  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** True while the session's publisher is in the bus. */
  get publishing(): boolean {
    return this.#publication?.live ?? false;
  }

  /** Bytes held for unfinished messages and for those that wait for the authorisation. */
  get buffered(): number {
    return this.#reader.buffered;
  }

  /** Takes the next bytes from the peer. The bytes are not kept. Never throws. */
  receive(bytes: Uint8Array): void {
    if (this.closed) {
      return;
    }
    this.#received += bytes.length;
    this.#silent = millis(0);
    this.#publication?.heard();
    this.#options.metrics.receivedBytes.inc({ protocol: this.#options.protocol }, bytes.length);
    this.#guarded(() => {
      if (!this.publishing && this.#received - this.#unauthorisedFrom > this.#options.config.rtmpMaxUnauthorisedBytes) {
        throw new MillraceError('rtmp/limit', `more than ${this.#options.config.rtmpMaxUnauthorisedBytes} bytes without an accepted stream key`);
      }
      this.#protocol.receive(bytes);
      this.#acknowledge();
    });
  }

  /** Counts time towards the time-outs; to be called about once a second with the time that passed. */
  tick(passed: Millis): void {
    if (this.closed) {
      return;
    }
    const { rtmpHandshakeTimeout, rtmpIdleTimeout } = this.#options.config;
    this.#silent = millis(this.#silent + passed);
    this.#unauthorised = millis(this.publishing ? 0 : this.#unauthorised + passed);
    if (this.publishing && this.#silent > rtmpIdleTimeout * 1000) {
      this.#options.log.info({ stream: this.#publication?.stream }, 'RTMP publisher sent nothing for too long');
      this.close(`Nothing was received for ${rtmpIdleTimeout} seconds.`);
    } else if (this.#unauthorised > rtmpHandshakeTimeout * 1000) {
      this.#refuse('handshake-timeout', `No stream key was accepted within ${rtmpHandshakeTimeout} seconds.`);
    }
    this.#messages = 0;
    if (this.#paced) {
      this.#paced = false;
      this.#guarded(() => this.#readOn());
    }
  }

  /** Ends the connection; its publisher counts as lost. With a reason, its software is told. Idempotent. */
  close(reason?: string): void {
    if (this.closed) {
      return;
    }
    // Who has not said `connect` may not speak RTMP at all.
    if (reason !== undefined && this.#state === 'connected') {
      this.#protocol.status(this.#publication?.streamId ?? 0, 'error', 'NetStream.Failed', reason);
    }
    this.#state = 'closed';
    this.#publication?.end('lost');
    this.#publication = undefined;
    this.#reader.end();
    this.#options.wire.end();
  }

  #onMessage(message: RtmpMessage): void {
    if (this.closed) {
      return;
    }
    this.#messages += 1;
    if (this.#messages >= MAX_MESSAGES_PER_TICK) {
      this.#paced = true;
      this.#hold();
    }
    switch (message.type) {
      case MESSAGE.setChunkSize:
        this.#reader.setChunkSize(uint32(message.payload));
        break;
      case MESSAGE.abort:
        this.#reader.abort(uint32(message.payload));
        break;
      case MESSAGE.windowAcknowledgementSize:
        this.#window = Math.max(MIN_WINDOW, uint32(message.payload));
        break;
      case MESSAGE.userControl:
        this.#onUserControl(message.payload);
        break;
      case MESSAGE.commandAmf0:
        this.#onCommand(message.streamId, parseCommand(message.payload));
        break;
      case MESSAGE.commandAmf3:
        // A byte for the AMF version comes first; encoders then write AMF0.
        this.#onCommand(message.streamId, parseCommand(message.payload.subarray(1)));
        break;
      case MESSAGE.audio:
      case MESSAGE.video:
      case MESSAGE.dataAmf0:
      case MESSAGE.dataAmf3:
        // Who may not publish is not listened to.
        this.#publication?.message(message);
        break;
      case MESSAGE.aggregate:
        if (this.publishing) {
          this.#refuse('unsupported', 'The encoder sends aggregate messages, which this server does not take.');
        }
        break;
      default:
    }
  }

  #onUserControl(payload: Uint8Array): void {
    if (payload.length >= 6 && ((payload[0] ?? 0) << 8 | (payload[1] ?? 0)) === EVENT.pingRequest) {
      this.#protocol.pong(uint32(payload.subarray(2)));
    }
  }

  #onCommand(streamId: number, command: Command): void {
    if (this.#state === 'handshake' && command.name !== 'connect') {
      throw new MillraceError('rtmp/malformed', 'command before connect');
    }
    switch (command.name) {
      case 'connect':
        this.#onConnect(command);
        break;
      case 'createStream':
        this.#onCreateStream(command);
        break;
      case 'publish':
        this.#onPublish(streamId, command);
        break;
      case 'play':
      case 'play2':
        this.#protocol.status(streamId, 'error', 'NetStream.Play.Failed', 'This server does not play over RTMP: open the watch page or the HLS address.');
        this.#turnAway('play', 'a player over RTMP');
        break;
      case 'releaseStream':
      case 'FCPublish':
        if (command.transaction > 0) {
          this.#protocol.command(0, '_result', command.transaction, null, undefined);
        }
        break;
      case 'FCUnpublish':
      case 'closeStream':
        this.#unpublish();
        break;
      case 'deleteStream':
        if (command.args[0] === undefined || command.args[0] === this.#publication?.streamId) {
          this.#unpublish();
        }
        break;
      default:
        this.#options.log.debug({ command: command.name.slice(0, 32) }, 'RTMP command ignored');
    }
  }

  #onConnect(command: Command): void {
    const refusal = refusalOfApp(command.object['app']);
    if (refusal !== undefined) {
      this.#protocol.refuseConnect(command.transaction, 'NetConnection.Connect.InvalidApp', refusal);
      this.#turnAway('app', 'another app');
      return;
    }
    this.#state = 'connected';
    this.#isBackup = wantsBackup(command.object['app'], command.object['tcUrl']);
    const encoding = command.object['objectEncoding'];
    this.#protocol.acceptConnect(command.transaction, encoding === 3 ? 3 : 0);
  }

  #onCreateStream(command: Command): void {
    if (this.#protocol.streams >= MAX_MESSAGE_STREAMS) {
      throw new MillraceError('rtmp/limit', `more than ${MAX_MESSAGE_STREAMS} message streams`);
    }
    this.#protocol.streams += 1;
    this.#protocol.command(0, '_result', command.transaction, null, this.#protocol.streams);
  }

  #onPublish(streamId: number, command: Command): void {
    if (this.#publication !== undefined) {
      this.#protocol.status(streamId, 'error', 'NetStream.Publish.BadName', 'This connection publishes already.');
      return;
    }
    const key = keyOf(command.args[0]);
    if (key === undefined) {
      this.#protocol.status(streamId, 'error', 'NetStream.Publish.Denied', 'The stream key is missing: paste it into the encoder\'s field for the stream key.');
      this.#turnAway('key', 'no stream key');
      return;
    }
    const { address, protocol, policy, registry, clock, log, metrics } = this.#options;
    const publication = new Publication({
      streamId,
      address,
      protocol,
      backup: this.#isBackup || wantsBackup(command.args[0]),
      registry,
      clock,
      log,
      metrics,
      disconnect: (reason) => this.#guarded(() => this.close(reason)),
      refuse: (reason) => this.#refuse('unsupported', reason),
    });
    this.#publication = publication;
    this.#deciding = true;
    this.#hold();
    void publication.authorise(policy, key).then((verdict) => this.#guarded(() => this.#onVerdict(publication, verdict)));
  }

  /** What the peer sends from here on stays unread: here, then in the socket, then at the peer. */
  #hold(): void {
    this.#reader.hold();
    this.#options.wire.hold(true);
  }

  #readOn(): void {
    if (this.closed || this.#deciding || this.#paced) {
      return;
    }
    this.#reader.release();
    // What waited may have unpublished and wished to publish again.
    this.#options.wire.hold(this.#reader.held && !this.closed);
  }

  #onVerdict(publication: Publication, verdict: Verdict): void {
    this.#deciding = false;
    if (this.closed || this.#publication !== publication) {
      publication.end('lost');
      return;
    }
    if (!verdict.accepted) {
      this.#protocol.status(publication.streamId, 'error', verdict.status, verdict.message);
      this.#turnAway(verdict.reason, verdict.message);
      return;
    }
    const { rtmpMaxMessageBytes, rtmpMaxChunkStreams } = this.#options.config;
    this.#reader.limits = { maxMessageBytes: rtmpMaxMessageBytes, maxChunkStreams: rtmpMaxChunkStreams, maxBufferedBytes: 2 * rtmpMaxMessageBytes };
    this.#silent = millis(0);
    this.#protocol.streamBegin(publication.streamId);
    this.#protocol.status(publication.streamId, 'status', 'NetStream.Publish.Start', 'Publishing.');
    this.#options.log.info({ stream: publication.stream, address: this.#options.address, protocol: this.#options.protocol }, 'RTMP publisher accepted');
    this.#readOn();
  }

  #unpublish(): void {
    const publication = this.#publication;
    if (publication === undefined) {
      return;
    }
    publication.end('unpublished');
    this.#protocol.status(publication.streamId, 'status', 'NetStream.Unpublish.Success', 'Stopped publishing.');
    this.#publication = undefined;
    this.#unauthorisedFrom = this.#received;
    this.#unauthorised = millis(0);
    this.#reader.limits = this.#unauthorisedLimits();
  }

  /** Tells the publisher's software why, then closes. */
  #refuse(reason: RefusalReason, message: string): void {
    if (this.closed) {
      return;
    }
    if (this.#state === 'connected') {
      this.#protocol.status(this.#publication?.streamId ?? 0, 'error', 'NetStream.Publish.Rejected', message);
    }
    this.#turnAway(reason, message);
  }

  #turnAway(reason: RefusalReason, why: string): void {
    this.#options.metrics.refused.inc({ reason });
    this.#options.log.info({ address: this.#options.address, reason, why }, 'RTMP connection turned away');
    this.close();
  }

  #acknowledge(): void {
    // "The client or the server MUST send an acknowledgment to the peer after receiving bytes equal to the window size." (5.4.3)
    if (!this.closed && this.#received - this.#acknowledged >= this.#window) {
      this.#acknowledged = this.#received;
      this.#protocol.sendACK(this.#received >>> 0);
    }
  }

  #unauthorisedLimits(): ChunkReader['limits'] {
    return { maxMessageBytes: MAX_COMMAND_BYTES, maxChunkStreams: this.#options.config.rtmpMaxChunkStreams, maxBufferedBytes: MAX_COMMAND_BYTES };
  }

  /** The one place where a fault of the peer, or ours, ends this connection and nothing else. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof MillraceError) {
        this.#options.metrics.refused.inc({ reason: error.code === 'rtmp/limit' ? 'limit' : 'malformed' });
        this.#options.log.info({ address: this.#options.address, code: error.code }, `RTMP connection closed: ${error.message}`);
      } else {
        this.#options.metrics.refused.inc({ reason: 'failed' });
        this.#options.log.error({ err: error, address: this.#options.address }, 'RTMP connection closed by a fault of the server');
      }
      try {
        this.close(error instanceof MillraceError ? `The connection is closed: ${error.message}.` : 'The server had a fault. Try again.');
      } catch (fault) {
        this.#options.log.error({ err: fault }, 'RTMP connection could not be closed in order');
      }
    }
  }
}

/**
 * The 32-bit value that a protocol control message begins with.
 *
 * @throws {MillraceError} `rtmp/malformed` where the message is shorter.
 */
function uint32(payload: Uint8Array): number {
  if (payload.length < 4) {
    throw new MillraceError('rtmp/malformed', `control message of ${payload.length} bytes`);
  }
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(0);
}
