/** A source of random numbers that a seed repeats. */
export type Random = {
  /** An integer from 0 up to, not including, `below`. */
  int(below: number): number;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
  /** True with the given probability. */
  chance(probability: number): boolean;
};

/** mulberry32: 32 bits of state, good enough to choose mutations. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return {
    int,
    pick: (values) => {
      const value = values[int(values.length)];
      if (value === undefined) {
        throw new RangeError('nothing to pick from');
      }
      return value;
    },
    chance: (probability) => next() < probability,
  };
}

/** Numbers at which length fields and counters break. */
export const EXTREMES: readonly number[] = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffff, 0xffffff, 0x7fffffff, 0xffffffff];

/** Changes bytes in one to four places: flips, extremes, cuts, copies, insertions. The input is left as it is. */
export function mutate(input: Uint8Array, random: Random): Uint8Array {
  let bytes = Uint8Array.from(input);
  for (let times = 1 + random.int(4); times > 0; times -= 1) {
    bytes = random.pick(MUTATIONS)(bytes, random);
  }
  return bytes;
}

type Mutation = (bytes: Uint8Array<ArrayBuffer>, random: Random) => Uint8Array<ArrayBuffer>;

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) {
      const at = random.int(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
    }
    return bytes;
  },
  function replaceByte(bytes, random) {
    if (bytes.length > 0) {
      bytes[random.int(bytes.length)] = random.int(256);
    }
    return bytes;
  },
  function putExtreme(bytes, random) {
    const size = random.pick([1, 2, 3, 4]);
    if (bytes.length >= size) {
      const at = random.int(bytes.length - size + 1);
      const value = random.pick(EXTREMES);
      for (let i = 0; i < size; i += 1) {
        bytes[at + i] = (value >>> (8 * (size - 1 - i))) & 0xff;
      }
    }
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.int(bytes.length + 1));
  },
  function remove(bytes, random) {
    const at = random.int(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + random.int(64));
    return join(bytes.subarray(0, at), bytes.subarray(end));
  },
  function repeat(bytes, random) {
    const at = random.int(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + random.int(256));
    return join(bytes.subarray(0, end), bytes.subarray(at));
  },
  function insert(bytes, random) {
    const at = random.int(bytes.length + 1);
    const noise = Uint8Array.from({ length: 1 + random.int(32) }, () => random.int(256));
    return join(bytes.subarray(0, at), noise, bytes.subarray(at));
  },
];

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
