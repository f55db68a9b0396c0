import { MillraceError } from '../../../runtime/errors.ts';
import { BitReader } from '../../codecs/bit-reader.ts';
import { unescapeRbsp } from '../../codecs/h264/nal-unit.ts';

/** Parameter sets in use have tens of bytes, with scaling lists some hundred. */
const MAX_SET_BYTES = 4096;
/** All sets together: they are copied, compared and hashed as one configuration whenever one of them changes. */
const MAX_ALL_BYTES = 16_384;
const MAX_SPS_ID = 31;
const MAX_PPS_ID = 255;

/** The H.264 parameter sets in force, each in the order of ids. Never changed in place. */
export type ParameterSets = {
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
};

/**
 * The sets in force after an access unit that brought some: each takes the place of the one with its id. Where it brought
 * sequence parameter sets of other ids only, an encoder began anew, and what was in force before is gone.
 *
 * @returns `known` itself where nothing differs.
 * @throws {MillraceError} `media/malformed` or `media/truncated` where an id cannot be read, or a set or all of them are
 *   absurdly long.
 */
export function updateSets(known: ParameterSets, sps: readonly Uint8Array[], pps: readonly Uint8Array[]): ParameterSets {
  const knownSps = byId(known.sps, spsId);
  const newSps = byId(sps, spsId);
  const newPps = byId(pps, ppsId);
  const anew = newSps.size > 0 && newPps.size > 0 && [...newSps.keys()].every((id) => !knownSps.has(id));
  const next = {
    sps: inOrder(anew ? newSps : new Map([...knownSps, ...newSps])),
    pps: inOrder(anew ? newPps : new Map([...byId(known.pps, ppsId), ...newPps])),
  };
  if (sameSets(next.sps, known.sps) && sameSets(next.pps, known.pps)) {
    return known;
  }
  const bytes = [...next.sps, ...next.pps].reduce((sum, set) => sum + set.length, 0);
  if (bytes > MAX_ALL_BYTES) {
    throw new MillraceError('media/malformed', `parameter sets of ${bytes} bytes in all`);
  }
  return next;
}

/** `profile_idc`, constraint flags and `level_idc` come before `seq_parameter_set_id` (H.264, 7.3.2.1.1). */
function spsId(nal: Uint8Array): number {
  return idOf(nal, 3, MAX_SPS_ID);
}

function ppsId(nal: Uint8Array): number {
  return idOf(nal, 0, MAX_PPS_ID);
}

function idOf(nal: Uint8Array, before: number, max: number): number {
  if (nal.length > MAX_SET_BYTES) {
    throw new MillraceError('media/malformed', `parameter set of ${nal.length} bytes`);
  }
  const reader = new BitReader(unescapeRbsp(nal.subarray(1, 16)));
  reader.skip(8 * before);
  return reader.ue(max);
}

function byId(sets: readonly Uint8Array[], id: (nal: Uint8Array) => number): Map<number, Uint8Array> {
  return new Map(sets.map((set) => [id(set), set]));
}

function inOrder(sets: ReadonlyMap<number, Uint8Array>): Uint8Array[] {
  return [...sets.entries()].sort(([a], [b]) => a - b).map(([, nal]) => nal);
}

function sameSets(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((set, i) => sameBytes(set, b[i]));
}

/** Tells whether two byte strings are equal. */
export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
