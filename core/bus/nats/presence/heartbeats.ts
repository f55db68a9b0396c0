import type { NatsConnection, Subscription } from '@nats-io/transport-node';

import { millis, type Millis } from '../../../media/time.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { Unsubscribe } from '../../bus.ts';
import { NODE_SILENCE } from '../../node.ts';
import type { Session } from '../kv/record.ts';

/** A process says so often that it lives. */
export const HEARTBEAT: Millis = millis(500);

/** Time by a clock that never jumps. */
export type Monotonic = () => Millis;

/** Options of {@link Heartbeats}. */
export type HeartbeatsOptions = {
  readonly connection: NatsConnection;
  readonly session: Session;
  readonly log: Logger;
  readonly now?: Monotonic;
};

/** Told of a process that is heard for the first time or again, and of one that is not any more. */
export type LifeListener = (session: Session, isAlive: boolean) => void;

type Life = { heardAt: Millis; isAlive: boolean; wasHeard: boolean };

/** Its own heartbeats come back to a process that hears; one may be late. */
const DEAF = millis(2 * HEARTBEAT);
const SUBJECT = 'millrace.alive';
/** Answered to whoever asks: he need not wait for the next heartbeats. */
const ROLL_CALL = 'millrace.alive.who';
/** A process that has gone is remembered so long, so that what it held is not taken for held by one that was never heard. */
const REMEMBERED = millis(24 * 3600 * 1000);

const decoder = new TextDecoder();

/**
 * Who lives, by this process's own monotonic clock. Nobody is judged while NATS is away; when it is back, and when this process itself was paused, everybody
 * has the whole time again.
 */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #now: Monotonic;
  readonly #lives = new Map<Session, Life>();
  readonly #listeners = new Set<LifeListener>();
  readonly #subscriptions: Subscription[] = [];
  readonly #timer: NodeJS.Timeout;
  #tickedAt: Millis;
  #beatAt = -Infinity;
  /** When this process heard its own heartbeat. */
  #echoAt: Millis;
  #isOnline = false;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => millis(performance.now()));
    this.#tickedAt = this.#now();
    this.#echoAt = this.#now();
    this.#subscriptions.push(
      options.connection.subscribe(SUBJECT, { callback: (error, message) => (error === null ? this.#heard(decoder.decode(message.data)) : undefined) }),
      options.connection.subscribe(ROLL_CALL, {
        callback: (error, message) => {
          if (error === null && this.#isOnline) {
            message.respond(`+${options.session}`);
          }
        },
      }),
    );
    this.#timer = setInterval(() => this.tick(), HEARTBEAT / 2);
    this.#timer.unref();
  }

  /** A process that was never heard of has the whole time from the first question about it. This process lives. */
  isAlive(session: Session): boolean {
    if (session === this.#options.session) {
      return true;
    }
    return this.#life(session).isAlive;
  }

  /** Whether it lives and was heard, not only named by what it left behind. */
  isHeard(session: Session): boolean {
    const life = this.#lives.get(session);
    return session === this.#options.session || (life?.isAlive === true && life.wasHeard);
  }

  /** The first by name of those who live, this process among them: who does what any one could do. */
  get isFirst(): boolean {
    for (const [session, life] of this.#lives) {
      if (life.isAlive && life.wasHeard && session < this.#options.session) {
        return false;
      }
    }
    return true;
  }

  onLife(listener: LifeListener): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** NATS is there: everybody has the whole time. Settles when those who live had the time to say so. */
  async online(): Promise<void> {
    this.#refresh();
    this.#isOnline = true;
    this.#beat();
    const { connection } = this.#options;
    for await (const message of await connection.requestMany(ROLL_CALL, undefined, { strategy: 'stall', stall: 50, maxWait: 300 })) {
      this.#heard(decoder.decode(message.data));
    }
  }

  /** NATS is away. */
  offline(): void {
    this.#isOnline = false;
  }

  /** Called by a timer, twice as often as the heartbeat. */
  tick(): void {
    const now = this.#now();
    const pause = now - this.#tickedAt;
    this.#tickedAt = now;
    if (!this.#isOnline) {
      return;
    }
    if (pause > NODE_SILENCE / 2) {
      // What was sent meanwhile may still lie in the socket.
      this.#refresh();
    }
    // Where this process does not hear itself it hears nobody, and the time counts for none.
    const isDeaf = now - this.#echoAt > DEAF;
    if (now - this.#beatAt >= HEARTBEAT - HEARTBEAT / 10) {
      this.#beat();
    }
    for (const [session, life] of this.#lives) {
      life.heardAt = isDeaf ? millis(life.heardAt + pause) : life.heardAt;
      const silence = now - life.heardAt;
      if (life.isAlive && silence > NODE_SILENCE) {
        life.isAlive = false;
        this.#tell(session, false);
      } else if (silence > REMEMBERED) {
        this.#lives.delete(session);
      }
    }
  }

  /** Tells all that this process goes. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#subscriptions.splice(0).forEach((subscription) => subscription.unsubscribe());
    if (this.#isOnline) {
      this.#isOnline = false;
      this.#options.connection.publish(SUBJECT, `-${this.#options.session}`);
    }
    this.#listeners.clear();
  }

  #beat(): void {
    this.#beatAt = this.#now();
    this.#options.connection.publish(SUBJECT, `+${this.#options.session}`);
  }

  #refresh(): void {
    const now = this.#now();
    this.#tickedAt = now;
    this.#echoAt = now;
    this.#lives.forEach((life) => {
      life.heardAt = now;
    });
  }

  /** `+` and who lives, `-` and who goes. */
  #heard(text: string): void {
    const session = text.slice(1);
    if (session === this.#options.session) {
      this.#echoAt = this.#now();
      return;
    }
    if (session === '') {
      return;
    }
    const life = this.#life(session);
    const isAlive = text.startsWith('+');
    const isNews = life.isAlive !== isAlive || (isAlive && !life.wasHeard);
    life.heardAt = this.#now();
    life.wasHeard ||= isAlive;
    life.isAlive = isAlive;
    if (isNews) {
      this.#tell(session, isAlive);
    }
  }

  #life(session: Session): Life {
    let life = this.#lives.get(session);
    if (life === undefined) {
      life = { heardAt: this.#now(), isAlive: true, wasHeard: false };
      this.#lives.set(session, life);
    }
    return life;
  }

  #tell(session: Session, isAlive: boolean): void {
    for (const listener of [...this.#listeners]) {
      // What is thrown out of a subscription's callback ends the client's reader for good.
      try {
        listener(session, isAlive);
      } catch (error) {
        this.#options.log.error({ session, isAlive, err: error }, 'that a process lives or is gone was not handled');
      }
    }
  }
}
