import { randomBytes } from 'node:crypto';

import type { StreamName } from '#core/bus/catalog.ts';
import { broadcastId, type BroadcastId, type Frame } from '#core/media/frame.ts';
import { millis, wallTime, type WallTime } from '#core/media/time.ts';

import type { EpochGrant } from '../timeline/grant.ts';
import type { SourceMemory } from '../timeline/timeline.ts';
import type { LedgerEntry } from './ledger.ts';

/** Groups and media that a live broadcast's entry reserves ahead. It is written every second; a slow disk has three more. */
const RESERVED_GROUPS = 4;
const RESERVED_MEDIA = 4000;
/**
 * Less where another process may go on within two seconds: its epoch begins above what was reserved, and what lies ahead of the clock
 * there makes players wait. A store that takes a second longer still keeps up.
 */
const SHARED_GROUPS = 2;
const SHARED_MEDIA = 2000;

/** The numbers of one broadcast: what was given out, and from where the next epoch starts (ADR 0001, numbers across epochs). */
export class BroadcastNumbers {
  readonly stream: StreamName;
  readonly broadcast: BroadcastId;
  readonly startedAt: WallTime;
  #epoch: number;
  /** True while the newest epoch has been granted but no frame was given out in it. */
  #unused: boolean;
  #groupFloor: number;
  #mediaFloor: number;
  /** Where the epoch granted may begin: after a pause far above what was given out before. */
  #granted = { group: 0, media: 0 };
  /** True once this process knows the last group for certain. */
  #certain: boolean;

  private constructor(facts: Pick<LedgerEntry, 'epoch' | 'groupFloor' | 'mediaFloor' | 'exact'> & { stream: StreamName; broadcast: BroadcastId; startedAt: WallTime }, unused: boolean) {
    this.stream = facts.stream;
    this.broadcast = facts.broadcast;
    this.startedAt = facts.startedAt;
    this.#epoch = facts.epoch;
    this.#groupFloor = facts.groupFloor;
    this.#mediaFloor = facts.mediaFloor;
    this.#unused = unused;
    this.#certain = facts.exact ?? false;
  }

  /** A new broadcast. Its first epoch is 0. */
  static fresh(stream: StreamName, now: WallTime): BroadcastNumbers {
    const broadcast = broadcastId(randomBytes(8).toString('hex'));
    return new BroadcastNumbers({ stream, broadcast, startedAt: now, epoch: 0, groupFloor: 0, mediaFloor: 0 }, true);
  }

  /** A broadcast of an earlier process. */
  static restored(entry: LedgerEntry): BroadcastNumbers {
    return new BroadcastNumbers({ ...entry, broadcast: broadcastId(entry.broadcast), startedAt: wallTime(entry.startedAt) }, false);
  }

  /** The newest epoch that was begun or granted. */
  get epoch(): number {
    return this.#epoch;
  }

  /** True while nothing has been given out at all. */
  get untouched(): boolean {
    return this.#unused && this.#epoch === 0;
  }

  /** Grants the next epoch. One that was granted but never begun is granted again. */
  grant(fence: number, now: WallTime): EpochGrant {
    if (!this.#unused) {
      this.#epoch += 1;
      this.#unused = true;
    }
    const firstGroup = this.#certain ? this.#groupFloor : Math.max(this.#groupFloor, Math.floor(now / 1000));
    this.#granted = { group: firstGroup, media: now - this.startedAt };
    return {
      broadcast: this.broadcast,
      epoch: this.#epoch,
      fence,
      firstGroup,
      floor: millis(this.#mediaFloor),
      startedAt: this.startedAt,
    };
  }

  /** Takes note of a frame given out. */
  note(frame: Frame, timescale: number): void {
    this.#unused = false;
    this.#certain = true;
    this.#groupFloor = Math.max(this.#groupFloor, frame.group + 1);
    this.#mediaFloor = Math.max(this.#mediaFloor, ((Math.max(frame.pts, frame.dts) + frame.duration) * 1000) / timescale);
  }

  /**
   * What the ledger has to hold now. `live`: reserves what is given out until the next write. `shared`: other processes may go on from here. `final`: this
   * one gives nothing out any more.
   */
  entry(aliveAt: WallTime, live: boolean, memory: SourceMemory | undefined, { shared = false, final = false } = {}): LedgerEntry {
    const group = live ? Math.max(this.#groupFloor, this.#granted.group) + (shared ? SHARED_GROUPS : RESERVED_GROUPS) : this.#groupFloor;
    const media = live ? Math.max(this.#mediaFloor, this.#granted.media) + (shared ? SHARED_MEDIA : RESERVED_MEDIA) : this.#mediaFloor;
    return {
      version: 1,
      stream: this.stream,
      broadcast: this.broadcast,
      startedAt: this.startedAt,
      epoch: this.#epoch,
      groupFloor: group,
      mediaFloor: Math.ceil(media),
      ...(final && !live && this.#certain ? { exact: true } : {}),
      aliveAt,
      ...(memory ? { memory } : {}),
    };
  }
}
