import { createHash, timingSafeEqual } from 'node:crypto';

import type { PublishDecision, PublishPolicy, PublishRequest } from '#core/access/publish-policy.ts';
import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { elapsed, later, millis, systemClock, wallTime, type Clock, type Millis } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';

import type { Card, StartCard } from './card.ts';
import { DEMO_STREAM, makeKey } from './demo-key.ts';

/** How long a broadcaster who was let in has for the first frames before the card returns. */
const YIELD_FOR = millis(5000);
/** A broadcaster who lost the connection for a moment finds the channel empty. */
const RETURN_AFTER = millis(1000);
/** How long ingest has to see that the card is gone. */
const NOTICE_WITHIN = millis(1000);
/** A card that ran so long was well: the next failure counts as the first. */
const WELL_AFTER = millis(10_000);
const LONGEST_BACK_OFF = millis(30_000);

/** What a {@link DemoChannel} works with. */
export type DemoChannelOptions = {
  readonly bus: Bus;
  /** Who may publish otherwise; knows the demo's key as any other. */
  readonly policy: PublishPolicy;
  readonly log: Logger;
  readonly clock?: Clock;
};

/**
 * Keeps the stream `demo` on air with a test card while nobody else sends to it.
 *
 * The card is an ordinary publisher over RTMP, and a live publisher is never replaced (design, rule 11). So it yields
 * before the question is answered: it is this policy that learns first of a broadcaster with the demo's key, and it answers
 * once the card is gone. The card itself comes with a ticket that is good for one connection and known to this process alone.
 */
export class DemoChannel implements PublishPolicy, Stage {
  readonly closed: Promise<void>;
  readonly #options: DemoChannelOptions;
  readonly #clock: Clock;
  readonly #ended = Promise.withResolvers<void>();
  readonly #unsubscribe: Unsubscribe;
  readonly #offAir = new Set<() => void>();
  #start: { readonly card: StartCard; readonly url: string } | undefined;
  #info: BroadcastInfo | undefined;
  #card: Card | undefined;
  #ticket: string | undefined;
  #failures = 0;
  #notBefore = wallTime(0);
  #timer: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(options: DemoChannelOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.closed = this.#ended.promise;
    this.#unsubscribe = options.bus.onBroadcast((info) => this.#heard(info));
  }

  /** Puts the card on air. @param url where ingest listens, without a key: `rtmp://127.0.0.1:1935/live`. */
  broadcast(card: StartCard, url: string): void {
    this.#start = { card, url };
    this.#consider();
  }

  async decide(request: PublishRequest): Promise<PublishDecision> {
    if (this.#ticket !== undefined && isSame(request.key, this.#ticket)) {
      this.#ticket = undefined;
      return { allowed: true, stream: DEMO_STREAM };
    }
    const decision = await this.#options.policy.decide(request);
    if (decision.allowed && decision.stream === DEMO_STREAM) {
      await this.#stepAside();
    }
    return decision;
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      clearTimeout(this.#timer);
      this.#unsubscribe();
      await this.#stopCard();
      this.#ended.resolve();
    }
    return this.closed;
  }

  #heard(info: BroadcastInfo): void {
    // An older broadcast of the stream ends after a newer one has begun.
    if (info.stream !== DEMO_STREAM || (this.#info !== undefined && info.startedAt < this.#info.startedAt)) {
      return;
    }
    const wasLive = this.#info?.state === 'live';
    this.#info = info;
    if (info.state === 'live') {
      return;
    }
    [...this.#offAir].forEach((tell) => tell());
    if (wasLive && this.#card === undefined) {
      this.#wait(RETURN_AFTER);
    }
    this.#consider();
  }

  async #stepAside(): Promise<void> {
    this.#notBefore = later(this.#clock(), YIELD_FOR);
    if (this.#card !== undefined) {
      this.#options.log.info({ stream: DEMO_STREAM }, 'the test card steps aside for a broadcaster');
      await this.#stopCard();
      await this.#waitUntilOffAir();
    }
    this.#consider();
  }

  async #stopCard(): Promise<void> {
    const card = this.#card;
    this.#card = undefined;
    this.#ticket = undefined;
    await card?.stop();
  }

  #waitUntilOffAir(): Promise<void> {
    if (this.#info?.state !== 'live') {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#offAir.delete(done);
        resolve();
      };
      const timer = setTimeout(done, NOTICE_WITHIN);
      this.#offAir.add(done);
    });
  }

  /** Puts the card on air where nobody is and it is time; else looks again when it is. */
  #consider(): void {
    clearTimeout(this.#timer);
    if (this.#closing || this.#start === undefined || this.#card !== undefined || this.#info?.state === 'live') {
      return;
    }
    const wait = elapsed(this.#clock(), this.#notBefore);
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#consider(), wait);
      return;
    }
    this.#ticket = makeKey();
    const began = this.#clock();
    const card = this.#start.card(`${this.#start.url}/${this.#ticket}`);
    this.#card = card;
    card.exited.then((said) => this.#cardEnded(card, said, elapsed(began, this.#clock()))).catch((error: unknown) => this.#cardEnded(card, messageOf(error), millis(0)));
  }

  #cardEnded(card: Card, said: string, ran: Millis): void {
    if (this.#card !== card || this.#closing) {
      return;
    }
    this.#card = undefined;
    this.#failures = ran >= WELL_AFTER ? 1 : this.#failures + 1;
    const wait = millis(Math.min(1000 * 2 ** (this.#failures - 1), LONGEST_BACK_OFF));
    // What ffmpeg says names its URL, and with it a ticket; that was used or is void by now, but is nobody's business.
    this.#options.log.warn({ stream: DEMO_STREAM, said: said.replaceAll(/demo_[\w-]+/g, 'demo_...'), again: `${wait / 1000} s` }, 'the test card ended by itself');
    this.#wait(wait);
    this.#consider();
  }

  #wait(time: Millis): void {
    this.#notBefore = wallTime(Math.max(this.#notBefore, later(this.#clock(), time)));
  }
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
