import { setTimeout as pause } from 'node:timers/promises';

import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { TranscodeHealth } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';
import { messageOf, MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive, ArchivedBroadcast } from '../../archive/archive.ts';
import type { Decoder } from '../decoder/decoder.ts';
import { makePoster } from './recording-poster.ts';
import { Storyboard } from './storyboard.ts';
import { TILES_PER_SPRITE } from './tiles.ts';

/** Options of {@link Storyboards}. */
export type StoryboardsOptions = {
  readonly archive: Archive;
  readonly bus: Bus;
  readonly decoder: Decoder;
  readonly log: Logger;
};

/** A broadcast that is kept, or may be. */
type Followed = { ended: boolean; health: TranscodeHealth | undefined; readonly unsubscribe: Unsubscribe };

/** How often broadcasts are looked over: as often as a tile comes. */
const INTERVAL = millis(10_000);
/** Recordings that are looked at after a start for what a crash has left out. Older ones are when somebody asks for their pictures. */
const LOOKED_AT = 64;
/** Between two of them: each is an index to be read. */
const PAUSE = millis(250);
/** Storyboards of broadcasts that are over which are kept in memory, for who watches them. */
const REMEMBERED = 32;

/** Makes the storyboards and posters of what is kept: while it grows, when it is over, and after a crash. Never more than one picture at a time, none while encoders fall behind. */
export class Storyboards {
  readonly #options: StoryboardsOptions;
  readonly #followed = new Map<BroadcastId, Followed>();
  readonly #boards = new Map<BroadcastId, Promise<Storyboard>>();
  readonly #wanted = new Set<BroadcastId>();
  readonly #unsubscribe: Unsubscribe;
  readonly #timer: NodeJS.Timeout;
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;

  constructor(options: StoryboardsOptions) {
    this.#options = options;
    this.#unsubscribe = options.bus.onBroadcast(({ broadcast, state }) => this.#follow(broadcast, state === 'ended'));
    this.#timer = setInterval(() => void this.work(), INTERVAL);
    // What crashed while it was on air is finished by the archive once its publisher cannot return: it is followed until then.
    for (const { id, state } of options.archive.recordings().slice(0, LOOKED_AT)) {
      if (state === 'open') {
        this.#follow(id, true);
      } else {
        this.#wanted.add(id);
      }
    }
  }

  /** The storyboard of a kept broadcast. */
  of(broadcast: ArchivedBroadcast): Promise<Storyboard> {
    const { id } = broadcast.facts;
    const known = this.#boards.get(id);
    const board = this.#current(known, broadcast);
    // Set anew, so that the one asked for last is forgotten last.
    this.#boards.delete(id);
    this.#boards.set(id, board);
    for (const other of this.#boards.keys()) {
      if (this.#boards.size <= REMEMBERED + this.#followed.size) {
        break;
      }
      this.#boards.delete(other);
    }
    return board;
  }

  /** Somebody asked for pictures of a recording that are not there: they are made, unless they cannot be. */
  want({ facts: { id, isRecording, state } }: ArchivedBroadcast): void {
    if (isRecording && state === 'finished' && this.#wanted.size < LOOKED_AT) {
      this.#wanted.add(id);
    }
  }

  /** Looks over every broadcast and makes what is due. One at a time: a call while another works gives that one. */
  work(): Promise<void> {
    return (this.#working ??= this.#work()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'storyboards are in trouble'))
      .finally(() => {
        this.#working = undefined;
      }));
  }

  /** Begins nothing more; what is begun has been ended with the decoder. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#timer);
    this.#unsubscribe();
    [...this.#followed.keys()].forEach((id) => this.#forget(id));
    await this.#working;
  }

  #follow(id: BroadcastId, ended: boolean): void {
    const known = this.#followed.get(id);
    if (known !== undefined) {
      known.ended = ended;
      return;
    }
    const followed: Followed = { ended, health: undefined, unsubscribe: () => unsubscribe() };
    const unsubscribe = this.#options.bus.onCatalog(id, 'transcode', (health) => {
      followed.health = health;
    });
    this.#followed.set(id, followed);
  }

  #forget(id: BroadcastId): void {
    this.#followed.get(id)?.unsubscribe();
    this.#followed.delete(id);
  }

  async #current(known: Promise<Storyboard> | undefined, broadcast: ArchivedBroadcast): Promise<Storyboard> {
    const board = await known?.catch(() => undefined);
    // The archive has another object for it once it is over.
    return board?.broadcast === broadcast ? board : Storyboard.open(broadcast, this.#options.decoder);
  }

  async #work(): Promise<void> {
    for (const [id, { ended }] of [...this.#followed]) {
      if (this.#stop.signal.aborted) {
        return;
      }
      const open = this.#options.archive.open(id);
      // The archive holds what is over a little longer, for viewers who have gone back in it.
      if (open?.facts.state === 'open') {
        await this.#attempt(id, () => this.#advance(open));
      } else if (ended) {
        await this.#attempt(id, () => this.#end(id));
      }
    }
    for (const id of [...this.#wanted]) {
      await pause(PAUSE, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) {
        return;
      }
      this.#wanted.delete(id);
      await this.#attempt(id, async () => this.#complete(await this.#options.archive.find(id)));
    }
  }

  /** What goes wrong with one broadcast is tried again the next time and harms no other. */
  async #attempt(id: BroadcastId, job: () => Promise<void>): Promise<void> {
    try {
      await job();
    } catch (error) {
      const code = error instanceof MillraceError ? error.code : undefined;
      this.#options.log.debug({ broadcast: id, code, reason: messageOf(error) }, 'pictures of a kept broadcast could not be made');
    }
  }

  async #advance(broadcast: ArchivedBroadcast): Promise<void> {
    const board = await this.of(broadcast);
    await board.trim();
    // Behind: what is due waits. A recording has it all the same when it is over, a rewind window loses what leaves it meanwhile.
    if (this.#isBehind()) {
      return;
    }
    if (broadcast.facts.isRecording) {
      await makePoster(broadcast, this.#options.decoder, false);
    }
    if (board.pending().length >= TILES_PER_SPRITE) {
      await board.makeSprite();
    }
  }

  async #end(id: BroadcastId): Promise<void> {
    const broadcast = await this.#options.archive.find(id);
    if (broadcast?.facts.state === 'open') {
      return;
    }
    this.#forget(id);
    await this.#complete(broadcast);
  }

  /** Makes all that is missing of a recording that is over. */
  async #complete(broadcast: ArchivedBroadcast | undefined): Promise<void> {
    if (broadcast?.facts.isRecording !== true || broadcast.facts.state !== 'finished') {
      return;
    }
    const board = await this.of(broadcast);
    if (board.done) {
      return;
    }
    await this.#attempt(broadcast.facts.id, () => makePoster(broadcast, this.#options.decoder, true));
    while (board.pending().length > 0 && !this.#stop.signal.aborted) {
      await board.makeSprite();
    }
    if (!this.#stop.signal.aborted) {
      await board.finish();
    }
  }

  /** Whether encoders do not keep up: they need the processor more. */
  #isBehind(): boolean {
    return [...this.#followed.values()].some(({ ended, health }) => !ended && health?.warnings.some(({ code }) => code === 'transcode/falling-behind') === true);
  }
}
