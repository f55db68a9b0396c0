import { opusConfig } from '../../codecs/opus/config.ts';
import { opusDuration } from '../../codecs/opus/packet.ts';
import type { AccessUnit, Depacketizer, DepacketizerInput } from '../access-unit.ts';

/** RFC 7587, 4.2: "Each Opus packet is the payload of one RTP packet", so each is a unit and none is damaged by another's loss. */
export class OpusDepacketizer implements Depacketizer {
  #lastSequence: number | undefined;
  #frameDuration: number | undefined;

  push({ payload, timestamp, sequence }: DepacketizerInput): AccessUnit | undefined {
    if (this.#lastSequence !== undefined && sequence <= this.#lastSequence) {
      return undefined;
    }
    this.#lastSequence = sequence;
    const duration = opusDuration(payload);
    if (duration === undefined) {
      return undefined;
    }
    const unit = { timestamp, key: true, data: payload.slice(), duration };
    if (this.#frameDuration !== undefined) {
      return unit;
    }
    this.#frameDuration = duration;
    return { ...unit, config: opusConfig(2, duration) };
  }

  gap(): void {
    // Nothing is joined.
  }
}
