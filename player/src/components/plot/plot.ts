import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** How a plot is drawn. */
export type PlotOptions = {
  /** Lines after the first are dashed. */
  readonly lines: number;
  /** The scale reaches from nothing to at least this. */
  readonly least: number;
  readonly stepped: boolean;
  /** Seconds from the left edge to the right one. */
  readonly span: number;
  /** A value as the axis names it. */
  readonly label: (value: number) => string;
};

/** Values of each line over time; null where there is none. */
export type PlotData = { readonly times: readonly number[]; readonly values: readonly (readonly (number | null)[])[] };

/** A plot on the page. */
export interface PlotHandle {
  update(data: PlotData): void;
  resize(width: number): void;
  destroy(): void;
}

/** Height, and room for the axis, CSS pixels. */
const height = 76;
const axisSize = 46;

/** Draws a plot into an element, in the colours that its custom properties `--plot-line`, `--plot-second`, `--plot-grid` and `--plot-ink` name. */
export function drawPlot(element: HTMLElement, options: PlotOptions, width: number): PlotHandle {
  const { lines, least, stepped, span, label } = options;
  const colour = (name: string) => (): string => getComputedStyle(element).getPropertyValue(name).trim();
  const stairs = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const paths = stairs === undefined ? {} : { paths: stairs };
  const plot = new uPlot(
    {
      width,
      height,
      padding: [8, 6, 4, 0],
      cursor: { show: false },
      legend: { show: false },
      scales: {
        x: { time: false, range: (_plot, _min, max) => [max - span, max] },
        y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, least)] },
      },
      series: [
        {},
        ...Array.from({ length: lines }, (_, index) => ({
          stroke: colour(index === 0 ? '--plot-line' : '--plot-second'),
          width: index === 0 ? 2 : 1.5,
          ...(index === 0 ? {} : { dash: [5, 4] }),
          points: { show: false },
          spanGaps: false,
          ...paths,
        })),
      ],
      axes: [
        { show: false },
        {
          size: axisSize,
          gap: 4,
          space: 26,
          stroke: colour('--plot-ink'),
          font: '11px ui-sans-serif, system-ui, sans-serif',
          values: (_plot, splits) => splits.map(label),
          grid: { stroke: colour('--plot-grid'), width: 1 },
          ticks: { show: false },
        },
      ],
    },
    [[], ...Array.from({ length: lines }, () => [])],
    element,
  );
  // Another theme has other colours.
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const redraw = (): void => plot.redraw(false);
  scheme.addEventListener('change', redraw);
  return {
    update: ({ times, values }) => plot.setData([[...times], ...values.map((line) => [...line])]),
    resize: (to) => plot.setSize({ width: to, height }),
    destroy: () => {
      scheme.removeEventListener('change', redraw);
      plot.destroy();
    },
  };
}
