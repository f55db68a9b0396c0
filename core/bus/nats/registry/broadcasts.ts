import type { BroadcastId } from '../../../media/frame.ts';
import { millis, type Clock, type Millis } from '../../../media/time.ts';
import type { Unsubscribe } from '../../bus.ts';
import type { BroadcastInfo } from '../../catalog.ts';
import type { Session } from '../kv/record.ts';
import { decodeValue, encodeValue } from '../kv/values.ts';
import type { Heartbeats, Monotonic } from '../presence/heartbeats.ts';
import type { Registers } from './registers.ts';

/** Options of {@link NatsBroadcasts}. */
export type NatsBroadcastsOptions = {
  readonly registers: Pick<Registers, 'get' | 'set' | 'remove' | 'drop'>;
  readonly heartbeats: Pick<Heartbeats, 'isAlive' | 'isFirst' | 'onLife'>;
  readonly session: Session;
  readonly clock: Clock;
  readonly now: Monotonic;
  /** How long an ended broadcast stays known. */
  readonly forgetAfter: Millis;
  /** Called once where a broadcast ended, wherever. */
  readonly ended: (broadcast: BroadcastId) => void;
  /** Called where one is no longer known. */
  readonly forgotten: (broadcast: BroadcastId) => void;
};

/**
 * A broadcast whose process has gone, and that no other has taken over for so long, is ended by whoever is there: beyond any time that a publisher is given to
 * return, and long enough for an operator to bring an ingest back.
 */
const ABANDONED = millis(15 * 60 * 1000);

/**
 * A broadcast that is gone from the server without a word of its end, ended while this process was cut off, or was lost with the store: then who wrote it
 * writes it anew long before this.
 */
const VANISHED = millis(20_000);

type Broadcast = {
  /** As it was written. */
  info: BroadcastInfo;
  by: Session;
  /** As listeners were told last. */
  told: BroadcastInfo | undefined;
  endedAt: Millis | undefined;
  /** Since when its process is gone. */
  abandonedAt: Millis | undefined;
  /** Since when the server has nothing of it, though it was not told to have ended. */
  vanishedAt: Millis | undefined;
};

/** The broadcasts there are. Those whose writer cannot be heard are told as interrupted, until it can, or another took over. */
export class NatsBroadcasts {
  readonly #options: NatsBroadcastsOptions;
  readonly #broadcasts = new Map<BroadcastId, Broadcast>();
  readonly #listeners = new Set<(info: BroadcastInfo) => void>();
  #isCutOff = false;

  constructor(options: NatsBroadcastsOptions) {
    this.#options = options;
    options.heartbeats.onLife((session) => {
      for (const broadcast of [...this.#broadcasts.values()]) {
        if (broadcast.by === session) {
          this.#tell(broadcast);
        }
      }
    });
  }

  announce(info: BroadcastInfo): void {
    this.#options.registers.set(info.broadcast, info.fence ?? 0, encodeValue(info));
  }

  subscribe(listener: (info: BroadcastInfo) => void): Unsubscribe {
    const entry = (info: BroadcastInfo): void => listener(info);
    this.#listeners.add(entry);
    for (const { told } of [...this.#broadcasts.values()]) {
      if (told !== undefined) {
        listener(told);
      }
    }
    return () => this.#listeners.delete(entry);
  }

  has(broadcast: BroadcastId): boolean {
    return this.#broadcasts.has(broadcast);
  }

  isEnded(broadcast: BroadcastId): boolean {
    return this.#broadcasts.get(broadcast)?.info.state === 'ended';
  }

  /** The registers have something else of a broadcast. */
  changed(id: BroadcastId): void {
    const record = this.#options.registers.get(id);
    if (record === undefined) {
      this.#vanished(id);
      return;
    }
    const info = decodeValue(record.body) as BroadcastInfo;
    let broadcast = this.#broadcasts.get(id);
    const wasEnded = broadcast?.info.state === 'ended';
    if (broadcast === undefined) {
      broadcast = { info, by: record.by, told: undefined, endedAt: undefined, abandonedAt: undefined, vanishedAt: undefined };
      this.#broadcasts.set(id, broadcast);
    }
    broadcast.info = info;
    broadcast.by = record.by;
    broadcast.abandonedAt = undefined;
    broadcast.vanishedAt = undefined;
    broadcast.endedAt = info.state === 'ended' ? (broadcast.endedAt ?? this.#options.now()) : undefined;
    this.#tell(broadcast, true);
    if (info.state === 'ended' && !wasEnded) {
      this.#options.ended(id);
    }
  }

  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** NATS is away long enough to say so, or is back. */
  set isCutOff(isCutOff: boolean) {
    if (this.#isCutOff !== isCutOff) {
      this.#isCutOff = isCutOff;
      [...this.#broadcasts.values()].forEach((broadcast) => this.#tell(broadcast));
    }
  }

  /** Forgets what ended, ends what nobody looks after. Called about every second. */
  sweep(): void {
    const { registers, heartbeats, session, now, forgetAfter, clock } = this.#options;
    for (const [id, broadcast] of [...this.#broadcasts]) {
      if (broadcast.vanishedAt !== undefined) {
        this.#endVanished(id, broadcast, broadcast.vanishedAt);
        continue;
      }
      const isMine = broadcast.by === session || (!heartbeats.isAlive(broadcast.by) && heartbeats.isFirst);
      if (broadcast.endedAt !== undefined) {
        const age = now() - broadcast.endedAt;
        if (age > forgetAfter && isMine && !this.#isCutOff) {
          registers.remove(id);
        } else if (age > forgetAfter) {
          registers.drop(id);
        }
      } else if (this.#isCutOff || heartbeats.isAlive(broadcast.by)) {
        broadcast.abandonedAt = undefined;
      } else {
        broadcast.abandonedAt ??= now();
        const graceIsOver = (broadcast.info.graceEnds ?? 0) < clock();
        if (isMine && graceIsOver && now() - broadcast.abandonedAt > ABANDONED) {
          const { graceEnds: _, ...info } = broadcast.info;
          this.announce({ ...info, state: 'ended' });
        }
      }
    }
  }

  close(): void {
    this.#listeners.clear();
    this.#broadcasts.clear();
  }

  #vanished(id: BroadcastId): void {
    const broadcast = this.#broadcasts.get(id);
    if (broadcast?.info.state === 'ended') {
      this.#broadcasts.delete(id);
      this.#options.forgotten(id);
    } else if (broadcast !== undefined) {
      broadcast.vanishedAt = this.#options.now();
    }
  }

  /** Listeners would wait for ever for what will never be told. */
  #endVanished(id: BroadcastId, broadcast: Broadcast, since: Millis): void {
    const now = this.#options.now();
    if (this.#isCutOff) {
      broadcast.vanishedAt = now;
    } else if (now - since > VANISHED) {
      const { graceEnds: _, ...info } = broadcast.info;
      broadcast.info = { ...info, state: 'ended' };
      this.#broadcasts.delete(id);
      this.#tell(broadcast, true);
      this.#options.ended(id);
      this.#options.forgotten(id);
    }
  }

  #tell(broadcast: Broadcast, always = false): void {
    const { info, by } = broadcast;
    const { heartbeats, session } = this.#options;
    const isUnheard = info.state === 'live' && by !== session && (this.#isCutOff || broadcast.vanishedAt !== undefined || !heartbeats.isAlive(by));
    // Nobody knows how long: there is no end of the grace time to tell.
    const told: BroadcastInfo = isUnheard ? { ...info, state: 'interrupted' } : info;
    if (always || told.state !== broadcast.told?.state) {
      broadcast.told = told;
      [...this.#listeners].forEach((listener) => listener(told));
    }
  }
}
