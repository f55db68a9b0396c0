import { readExtension, type RtpHeader } from '../../media/rtp/rtp-header.ts';
import type { Millis } from '../../media/time.ts';
import { formatOf, type ReceivePlan, type ReceivedFormat, type ReceivedMedia, type StreamKey } from './receive-plan.ts';

/** Where a packet belongs. */
export type Route = {
  readonly key: StreamKey;
  readonly format: ReceivedFormat;
  /** A retransmission (RFC 4588): its payload begins with the sequence number it had. */
  readonly repair: boolean;
};

/** A stream's SSRC is given up for another one once it has been silent for so long: two that take turns must not reset it for ever. */
const SILENT = 200;

type Latched = { readonly key: StreamKey; readonly media: ReceivedMedia; readonly repair: boolean; heardAt: Millis };

/**
 * Tells which stream a packet belongs to (RFC 9143, 9.2, and RFC 8852): by its SSRC once that is known; before, by the
 * header extensions mid, rid and repaired-rid, by the sources that the offer announced, or by a payload type that only one m-line has.
 * What is known is bounded by the plan: one SSRC for each stream, and one for its repair.
 */
export class Demultiplexer {
  readonly #plan: ReceivePlan;
  readonly #keys = new Map<string, StreamKey>();
  readonly #bySsrc = new Map<number, Latched>();
  /** SSRC in force of each stream, and of each stream's repair. */
  readonly #current = new Map<StreamKey, { media?: number; repair?: number }>();
  readonly #decoder = new TextDecoder();

  constructor(plan: ReceivePlan) {
    this.#plan = plan;
    for (const media of plan.media) {
      for (const rid of ridsOf(media)) {
        const key = { mid: media.mid, kind: media.kind, rid };
        this.#keys.set(idOf(media.mid, rid), key);
        this.#current.set(key, {});
      }
    }
  }

  /** Every stream that may come. */
  get streams(): readonly StreamKey[] {
    return [...this.#keys.values()];
  }

  /** The stream whose packets or repairs have this SSRC. */
  streamOf(ssrc: number): StreamKey | undefined {
    return this.#bySsrc.get(ssrc)?.key;
  }

  /** The SSRC that a stream has now; undefined before its first packet. */
  ssrcOf(key: StreamKey): number | undefined {
    return this.#current.get(key)?.media;
  }

  /** Where a packet belongs; undefined where that cannot be told, or its payload type was not negotiated there. */
  route(packet: Uint8Array, header: RtpHeader, now: Millis): Route | undefined {
    const latched = this.#bySsrc.get(header.ssrc) ?? this.#identify(packet, header, now);
    if (!latched) {
      return undefined;
    }
    const found = formatOf(latched.media, header.payloadType);
    if (!found || found.repair !== latched.repair) {
      return undefined;
    }
    latched.heardAt = now;
    return { key: latched.key, ...found };
  }

  /** Forgets an SSRC: its source said goodbye. */
  forget(ssrc: number): void {
    const latched = this.#bySsrc.get(ssrc);
    const current = latched && this.#current.get(latched.key);
    this.#bySsrc.delete(ssrc);
    if (current?.media === ssrc) {
      delete current.media;
    } else if (current?.repair === ssrc) {
      delete current.repair;
    }
  }

  #identify(packet: Uint8Array, header: RtpHeader, now: Millis): Latched | undefined {
    const media = this.#mediaOf(packet, header);
    const found = media && formatOf(media, header.payloadType);
    if (!media || !found) {
      return undefined;
    }
    const key = this.#keyOf(media, found.repair, packet, header);
    return key && this.#latch(header.ssrc, { key, media, repair: found.repair, heardAt: now });
  }

  #mediaOf(packet: Uint8Array, header: RtpHeader): ReceivedMedia | undefined {
    const mid = this.#text(packet, header, this.#plan.extensions.mid);
    if (mid !== undefined) {
      return this.#plan.media.find((media) => media.mid === mid);
    }
    const announced = this.#plan.media.find((media) => media.sources.some(({ ssrc, rtxSsrc }) => ssrc === header.ssrc || rtxSsrc === header.ssrc));
    if (announced) {
      return announced;
    }
    const able = this.#plan.media.filter((media) => formatOf(media, header.payloadType));
    return able.length === 1 ? able[0] : undefined;
  }

  #keyOf(media: ReceivedMedia, repair: boolean, packet: Uint8Array, header: RtpHeader): StreamKey | undefined {
    const { rid, repairedRid } = this.#plan.extensions;
    const named = (repair ? this.#text(packet, header, repairedRid) : undefined) ?? this.#text(packet, header, rid);
    if (named !== undefined && media.rids.length > 0) {
      return this.#keys.get(idOf(media.mid, named));
    }
    const source = media.sources.find(({ ssrc, rtxSsrc }) => (repair ? rtxSsrc : ssrc) === header.ssrc);
    const rids = ridsOf(media);
    if (source) {
      return this.#keys.get(idOf(media.mid, source.rid));
    }
    return rids.length === 1 ? this.#keys.get(idOf(media.mid, rids[0])) : undefined;
  }

  #latch(ssrc: number, latched: Latched): Latched | undefined {
    const current = this.#current.get(latched.key);
    if (!current) {
      return undefined;
    }
    const place = latched.repair ? 'repair' : 'media';
    const former = current[place];
    if (former !== undefined) {
      const heardAt = this.#bySsrc.get(former)?.heardAt ?? -Infinity;
      if (latched.heardAt - heardAt < SILENT) {
        return undefined;
      }
      this.#bySsrc.delete(former);
    }
    current[place] = ssrc;
    this.#bySsrc.set(ssrc, latched);
    return latched;
  }

  #text(packet: Uint8Array, header: RtpHeader, id: number | undefined): string | undefined {
    const data = id === undefined ? undefined : readExtension(packet, header, id);
    return data && this.#decoder.decode(data);
  }
}

function ridsOf(media: ReceivedMedia): readonly (string | undefined)[] {
  return media.rids.length > 0 ? media.rids : [undefined];
}

function idOf(mid: string, rid: string | undefined): string {
  return JSON.stringify([mid, rid ?? null]);
}
