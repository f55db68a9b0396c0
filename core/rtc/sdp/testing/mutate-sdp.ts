import type { Random } from '#test/fuzz/mutate.ts';

import { OFFER_NAMES, offerText } from './offers.ts';

/** Lines of every client, for others to get. */
const allLines = OFFER_NAMES.flatMap((name) => offerText(name).split('\r\n'));

/** Pieces at which grammars break. */
const MORSELS = ['', ' ', '  ', ':', ';', '=', '/', '*', '~', ',', '-1', '0', '4294967296', '1e9', '0x10', 'NaN', '\t', '\r', '\n', '\u0000', '\u2028', 'é', '__proto__', 'constructor', 'a=a=a', 'x'.repeat(300)];

type Mutation = (lines: string[], random: Random) => void;

const MUTATIONS: readonly Mutation[] = [
  function removeLine(lines, random) {
    lines.splice(random.int(lines.length), 1);
  },
  function repeatLine(lines, random) {
    const at = random.int(lines.length);
    lines.splice(at, 0, ...Array.from({ length: random.pick([1, 2, 20, 200]) }, () => lines[at] ?? ''));
  },
  function moveLine(lines, random) {
    lines.splice(random.int(lines.length), 0, ...lines.splice(random.int(lines.length), 1));
  },
  function takeLineOfAnother(lines, random) {
    lines.splice(random.int(lines.length), 0, random.pick(allLines));
  },
  function cutLine(lines, random) {
    const at = random.int(lines.length);
    lines[at] = (lines[at] ?? '').slice(0, random.int((lines[at] ?? '').length + 1));
  },
  function insertMorsel(lines, random) {
    const at = random.int(lines.length);
    const line = lines[at] ?? '';
    const where = random.int(line.length + 1);
    lines[at] = line.slice(0, where) + random.pick(MORSELS) + line.slice(where);
  },
  function replaceWord(lines, random) {
    const at = random.int(lines.length);
    const words = (lines[at] ?? '').split(/(?<=[ :;,/=])/);
    words[random.int(words.length)] = random.pick(MORSELS);
    lines[at] = words.join('');
  },
  function replaceNumber(lines, random) {
    const at = random.int(lines.length);
    lines[at] = (lines[at] ?? '').replace(/\d+/, random.pick(['0', '127', '128', '255', '65535', '65536', '4294967295', '99999999999999999999']));
  },
  function swapCharacter(lines, random) {
    const at = random.int(lines.length);
    const line = lines[at] ?? '';
    const where = random.int(line.length + 1);
    lines[at] = line.slice(0, where) + String.fromCharCode(random.int(256)) + line.slice(where + 1);
  },
];

/** Changes a description in one to five places: lines, words, numbers, characters. */
export function mutateSdp(text: string, random: Random): string {
  const lines = text.split('\r\n');
  for (let times = 1 + random.int(5); times > 0; times -= 1) {
    random.pick(MUTATIONS)(lines, random);
  }
  return lines.join(random.chance(0.9) ? '\r\n' : '\n');
}
