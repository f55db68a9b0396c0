import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, LadderCatalog, StreamName } from '#core/bus/catalog.ts';
import { isOvertaken } from '#core/bus/overtaken.ts';

/** Who follows a channel. Calls must not throw. */
export interface ChannelFollower {
  /** Its broadcast, its broadcast's state or its ladder changed. */
  channelChanged(): void;
}

/** One stream as viewers see it: the broadcast that is on air, or was last, and what is offered of it. */
export class Channel {
  readonly stream: StreamName;
  readonly followers = new Set<ChannelFollower>();
  readonly #bus: Bus;
  #info: BroadcastInfo;
  #ladder: LadderCatalog | undefined;
  #unsubscribe: Unsubscribe | undefined;

  constructor(bus: Bus, info: BroadcastInfo) {
    this.#bus = bus;
    this.stream = info.stream;
    this.#info = info;
    this.#subscribe();
  }

  get info(): BroadcastInfo {
    return this.#info;
  }

  /** Undefined until the broadcast's is known. */
  get ladder(): LadderCatalog | undefined {
    return this.#ladder;
  }

  /** Takes what was announced. An earlier broadcast than the present one changes nothing, nor does its end. */
  announced(info: BroadcastInfo): void {
    const isOther = info.broadcast !== this.#info.broadcast;
    if (isOther && (info.state === 'ended' || (this.#info.state !== 'ended' && isOvertaken(info, this.#info)))) {
      return;
    }
    this.#info = info;
    if (isOther) {
      this.#ladder = undefined;
      this.#subscribe();
    }
    this.#tell();
  }

  /** Idempotent. */
  close(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #subscribe(): void {
    this.close();
    const { broadcast } = this.#info;
    this.#unsubscribe = this.#bus.onCatalog(broadcast, 'ladder', (ladder) => {
      if (this.#info.broadcast === broadcast) {
        this.#ladder = ladder;
        this.#tell();
      }
    });
  }

  #tell(): void {
    for (const follower of this.followers) {
      follower.channelChanged();
    }
  }
}
