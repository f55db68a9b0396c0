import { unescapeRbsp } from '#core/media/codecs/h264/nal-unit.ts';
import { BitReader } from '#core/media/codecs/bit-reader.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** Parameter sets in use have tens of bytes, with scaling lists some hundred. */
const MAX_SET_BYTES = 4096;
/** All sets together: they are copied, compared and hashed as one configuration whenever one of them changes. */
const MAX_ALL_BYTES = 16_384;
const MAX_SPS_ID = 31;
const MAX_PPS_ID = 255;

/** The H.264 parameter sets in force, by their ids, as they come in sequence headers and between slices. */
export class ParameterSets {
  #sps = new Map<number, Uint8Array>();
  #pps = new Map<number, Uint8Array>();
  #bytes = 0;

  /** True once there is one of each. */
  get complete(): boolean {
    return this.#sps.size > 0 && this.#pps.size > 0;
  }

  /** In the order of their ids. */
  get sps(): Uint8Array[] {
    return inOrder(this.#sps);
  }

  /** In the order of their ids. */
  get pps(): Uint8Array[] {
    return inOrder(this.#pps);
  }

  /** Forgets all: a sequence header says everything anew. */
  clear(): void {
    this.#sps.clear();
    this.#pps.clear();
    this.#bytes = 0;
  }

  /**
   * Puts sets in force, each in the place of the one with its id.
   *
   * @returns whether anything differs from what was in force.
   * @throws {MillraceError} `media/malformed` or `media/truncated` where an id cannot be read, or a set or all of them are
   *   absurdly long.
   */
  update(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): boolean {
    let changed = false;
    for (const nal of sps) {
      // profile_idc, constraint flags and level_idc come before seq_parameter_set_id (H.264, 7.3.2.1.1).
      changed = this.#put(this.#sps, idOf(nal, 3, MAX_SPS_ID), nal) || changed;
    }
    for (const nal of pps) {
      changed = this.#put(this.#pps, idOf(nal, 0, MAX_PPS_ID), nal) || changed;
    }
    return changed;
  }

  #put(sets: Map<number, Uint8Array>, id: number, nal: Uint8Array): boolean {
    const known = sets.get(id);
    if (sameBytes(known, nal)) {
      return false;
    }
    const bytes = this.#bytes + nal.length - (known?.length ?? 0);
    if (bytes > MAX_ALL_BYTES) {
      throw new MillraceError('media/malformed', `parameter sets of ${bytes} bytes in all`);
    }
    this.#bytes = bytes;
    sets.set(id, nal.slice());
    return true;
  }
}

/** Tells whether two byte strings are equal. */
export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function idOf(nal: Uint8Array, before: number, max: number): number {
  if (nal.length > MAX_SET_BYTES) {
    throw new MillraceError('media/malformed', `parameter set of ${nal.length} bytes`);
  }
  const reader = new BitReader(unescapeRbsp(nal.subarray(1, 16)));
  reader.skip(8 * before);
  return reader.ue(max);
}

function inOrder(sets: ReadonlyMap<number, Uint8Array>): Uint8Array[] {
  return [...sets.entries()].sort(([a], [b]) => a - b).map(([, nal]) => nal);
}
