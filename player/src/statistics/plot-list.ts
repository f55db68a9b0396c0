import type { EngineKind } from '../engine/engine.ts';
import type { Sample, SampleKey } from './history.ts';

/** One line of a plot. The second one is dashed. */
export type PlotLine = { readonly key: SampleKey; readonly name: string };

/** One plot: what it shows, and in which unit. */
export type PlotDescription = {
  readonly title: string;
  readonly unit: 'ms' | '%' | 'Mbit/s' | 'p' | '';
  readonly lines: readonly [PlotLine, ...PlotLine[]];
  /** The scale reaches at least this far, so that small changes do not look large. */
  readonly least: number;
  /** Drawn in steps: what is counted, or chosen. */
  readonly stepped: boolean;
};

const latency: PlotDescription = { title: 'Latency', unit: 'ms', lines: [{ key: 'latency', name: 'now' }], least: 100, stepped: false };
const aimedLatency: PlotDescription = { ...latency, lines: [{ key: 'latency', name: 'now' }, { key: 'targetLatency', name: 'target' }], least: 1_000 };
const rung: PlotDescription = { title: 'Rendition', unit: 'p', lines: [{ key: 'rung', name: 'shown' }], least: 360, stepped: true };
const stalls: PlotDescription = { title: 'Stalls', unit: '', lines: [{ key: 'stalls', name: 'in all' }], least: 2, stepped: true };

const webrtc: readonly PlotDescription[] = [
  latency,
  { title: 'Round trip', unit: 'ms', lines: [{ key: 'roundTrip', name: 'now' }], least: 20, stepped: false },
  { title: 'Loss', unit: '%', lines: [{ key: 'loss', name: 'of packets' }], least: 2, stepped: false },
  { title: 'Jitter buffer', unit: 'ms', lines: [{ key: 'jitterBuffer', name: 'now' }, { key: 'jitterBufferTarget', name: 'at least' }], least: 50, stepped: false },
  { title: 'Bandwidth', unit: 'Mbit/s', lines: [{ key: 'received', name: 'used' }, { key: 'estimate', name: 'limit' }], least: 1, stepped: false },
  rung,
];

const overHttp: readonly PlotDescription[] = [
  aimedLatency,
  { title: 'Buffer', unit: 'ms', lines: [{ key: 'buffer', name: 'now' }], least: 500, stepped: false },
  { title: 'Throughput', unit: 'Mbit/s', lines: [{ key: 'estimate', name: 'estimate' }], least: 1, stepped: false },
  rung,
  stalls,
];

/** The plots that say something about a way. */
export function plotsFor(engine: EngineKind | null): readonly PlotDescription[] {
  return engine === 'webrtc' ? webrtc : overHttp;
}

/** A value beside an axis: `50 ms`, `0.5 %`, `2.5` (of Mbit/s), `720p`. */
export function axisText(value: number, unit: PlotDescription['unit']): string {
  const text = String(Number(value.toFixed(2)));
  return unit === 'p' ? `${text}p` : unit === '' || unit === 'Mbit/s' ? text : `${text} ${unit}`;
}

/** A figure with its unit, as short as it can be read: `42 ms`, `0.5 %`, `2.41 Mbit/s`, `720p`, `3`. `withUnit`: where several stand in a row, the last has it. */
export function figureText(value: number | null, unit: PlotDescription['unit'], withUnit = true): string {
  if (value === null) {
    return '–';
  }
  const digits = unit === 'Mbit/s' ? 2 : unit === '%' && value < 10 && value > 0 ? 1 : 0;
  const text = value.toFixed(digits);
  return unit === '' || unit === 'p' ? `${text}${unit}` : withUnit ? `${text} ${unit}` : text;
}

/** A plot in words, for those who cannot see it: what it is now, and between what it was. */
export function plotText({ title, unit, lines: [{ key }] }: PlotDescription, samples: readonly Sample[]): string {
  const values = samples.map((sample) => sample[key]).filter((value) => value !== null);
  const now = samples.at(-1)?.[key] ?? null;
  return values.length === 0
    ? `${title}: not known yet`
    : `${title} in the last two minutes: now ${figureText(now, unit)}, from ${figureText(Math.min(...values), unit)} to ${figureText(Math.max(...values), unit)}`;
}
