import { parseVp9FrameHeader, superframe } from '../../codecs/vp9/frame-header.ts';
import { vp9Config, vp9Level } from '../../codecs/vp9/vpcc.ts';
import type { RtpConfig } from '../access-unit.ts';
import type { AssembledUnit, PayloadReader } from '../unit-assembler.ts';
import { UnitBuffer } from '../unit-buffer.ts';
import { parseVp9Descriptor, type Vp9Descriptor } from './payload-descriptor.ts';

/** Layer frames of one picture at most: SID has three bits, and so has the superframe index. */
const MAX_LAYERS = 8;

/** Pictures out of RFC 9628 payloads, flexible mode or not. Spatial layers are joined to a superframe. */
export class Vp9Reader implements PayloadReader {
  readonly #unit = new UnitBuffer();
  /** Where each layer frame begins. */
  #starts: number[] = [];
  #ended = true;
  #layer = 0;
  #sizes: Vp9Descriptor['sizes'];
  #config: string | undefined;

  begin(): void {
    this.#unit.clear();
    this.#starts = [];
    this.#ended = true;
    this.#layer = 0;
    this.#sizes = undefined;
  }

  take(payload: Uint8Array): boolean {
    const descriptor = parseVp9Descriptor(payload);
    // A layer frame goes from B to E; the picture's first is of layer 0, each next of a higher one.
    if (descriptor === undefined || descriptor.begins !== this.#ended) {
      return false;
    }
    const { spatialLayer } = descriptor;
    if (descriptor.begins) {
      const first = this.#starts.length === 0;
      if ((first ? spatialLayer !== 0 : spatialLayer <= this.#layer) || this.#starts.length === MAX_LAYERS) {
        return false;
      }
      this.#starts.push(this.#unit.length);
      this.#layer = spatialLayer;
    } else if (spatialLayer !== this.#layer) {
      return false;
    }
    this.#ended = descriptor.ends;
    this.#sizes = descriptor.sizes ?? this.#sizes;
    return this.#unit.append(payload.subarray(descriptor.length));
  }

  finish(): AssembledUnit | undefined {
    if (!this.#ended || this.#starts.length === 0) {
      return undefined;
    }
    const header = parseVp9FrameHeader(this.#unit.view(0));
    if (header === undefined) {
      return undefined;
    }
    const { key, profile, format, size } = header;
    let changed: RtpConfig | undefined;
    if (format !== undefined && size !== undefined) {
      // The first frame tells its own layer's size; of the highest layer only the structure tells.
      const shown = (this.#starts.length > 1 ? this.#sizes?.[this.#layer] : undefined) ?? size;
      const config = vp9Config({ profile, level: vp9Level(shown.width, shown.height), colourPrimaries: 2, transferCharacteristics: 2, ...format }, shown);
      const identity = `${config.description.join()} ${config.width}x${config.height}`;
      changed = identity === this.#config ? undefined : config;
      this.#config = identity;
    }
    if (this.#config === undefined) {
      return undefined;
    }
    const ends = [...this.#starts.slice(1), this.#unit.length];
    const data = superframe(this.#unit.view(0), ends.map((end, i) => end - this.#starts[i]!));
    return { key, data, ...(changed !== undefined && { config: changed }) };
  }
}
