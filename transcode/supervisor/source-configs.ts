import { parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import type { Frame } from '#core/media/frame.ts';
import type { ConfigId, VideoConfig } from '#core/media/track.ts';

/** Configurations remembered: a browser that adapts goes to and fro between a few sizes. */
const MAX_CONFIGS = 32;

/** The decoder configurations that an epoch's source has shown, since a source may change its picture's size in mid-stream. */
export class SourceConfigs {
  readonly #configs = new Map<ConfigId, VideoConfig>();

  /** Takes what a frame carries. */
  learn(frame: Frame): void {
    if (frame.head?.config.kind !== 'video' || this.#configs.has(frame.config)) {
      return;
    }
    this.#configs.set(frame.config, frame.head.config);
    const oldest = this.#configs.keys().next().value;
    if (this.#configs.size > MAX_CONFIGS && oldest !== undefined) {
      this.#configs.delete(oldest);
    }
  }

  /**
   * H.264 parameter sets of a configuration as NAL units with 4-byte lengths, to go before a key frame; nothing for other
   * codecs, whose key frames carry all that a decoder needs.
   */
  parameterSets(id: ConfigId): Uint8Array | undefined {
    const config = this.#configs.get(id);
    if (config?.codec !== 'h264') {
      return undefined;
    }
    const { sps, pps } = parseAvcC(config.description);
    const units = [...sps, ...pps];
    const sets = new Uint8Array(units.reduce((sum, unit) => sum + 4 + unit.byteLength, 0));
    const view = new DataView(sets.buffer);
    let at = 0;
    for (const unit of units) {
      view.setUint32(at, unit.byteLength);
      sets.set(unit, at + 4);
      at += 4 + unit.byteLength;
    }
    return sets;
  }
}
