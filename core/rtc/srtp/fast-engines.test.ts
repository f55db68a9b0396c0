import { expect, test } from 'vitest';

import type { EngineMaker } from './engine.ts';
import { sameBytes } from './fast-engines.ts';
import { portableEngines } from './portable-engines.ts';

test('the self-test passes an engine that does as the portable one', () => {
  expect(sameBytes(portableEngines, portableEngines)).toBe(true);
});

/** Engines with one fault each. */
const faulty: readonly (readonly [string, Partial<EngineMaker>])[] = [
  ['another key', { aead: (key, ...how) => portableEngines.aead(Buffer.from(key).reverse(), ...how) }],
  ['a tag that is not written', {
    aead: (key, direction, use) => {
      const engine = portableEngines.aead(key, direction, use);
      return {
        close: () => {},
        run: (iv, aad, aadAt, aadLength, text, at, length) => {
          const done = engine.run(iv, aad, aadAt, aadLength, text, at, length);
          text.bytes[at + length] = 0;
          return done;
        },
      };
    },
  }],
  ['an opener that takes anything', {
    aead: (key, direction, use) => {
      const engine = portableEngines.aead(key, direction, use);
      return direction === 'seal' ? engine : { close: () => {}, run: (...values) => engine.run(...values) || true };
    },
  }],
  ['a counter that stands still', {
    keystream: (key) => {
      const engine = portableEngines.keystream(key);
      return { close: () => {}, flush: () => engine.flush(), queue: (iv, text, at, length) => engine.queue(iv, text, at, Math.min(length, 16)) };
    },
  }],
  ['a digest that fails', { mac: () => ({ close: () => {}, digest: () => undefined }) }],
];

test.each(faulty)('the self-test refuses %s', (_, fault) => {
  expect(sameBytes({ ...portableEngines, ...fault }, portableEngines)).toBe(false);
});
