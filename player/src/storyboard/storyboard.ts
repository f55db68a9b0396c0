/** A part of a larger picture, in pixels. */
export type Tile = { readonly url: string; readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/** A tile and from when to when it shows what is there, seconds. */
type Cue = { readonly from: number; readonly to: number; readonly tile: Tile };

/** A tile stands for what is missing beside it, for so long, seconds: key frames do not come on the second. */
const standsIn = 5;

/** `storyboard-3.jpg#xywh=160,90,160,90` (Media Fragments URI 1.0, 4.2.2), in pixels. */
const spatial = /#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/;

/** Timestamps of WebVTT, 4.1: hours may be missing. */
const timing = /^((?:\d+:)?\d{2}:\d{2}\.\d{3})[ \t]+-->[ \t]+((?:\d+:)?\d{2}:\d{2}\.\d{3})/;

/** Small pictures along a timeline: a WebVTT file whose cues are tiles of larger pictures. */
export class Storyboard {
  /** The instant that its times count from, milliseconds since 1970; undefined where they count from the beginning of the recording. */
  readonly start: number | undefined;
  readonly #cues: readonly Cue[];

  /** Reads a file; `url` is the file's own, absolute. What cannot be read is left out. */
  constructor(file: string, url: string) {
    const blocks = file.replace(/\r\n?/g, '\n').split(/\n{2,}/);
    const start = Date.parse(/^NOTE start (\S+)/m.exec(file)?.[1] ?? '');
    this.start = Number.isNaN(start) ? undefined : start;
    this.#cues = blocks.map((block) => readCue(block, url)).filter((cue) => cue !== undefined).sort((a, b) => a.from - b.from);
  }

  /** How many tiles there are. */
  get size(): number {
    return this.#cues.length;
  }

  /** The tile that shows what is there at a time; undefined where there is none. */
  tileAt(seconds: number): Tile | undefined {
    const cue = this.#cues.findLast(({ from }) => from <= seconds) ?? this.#cues[0];
    return cue !== undefined && seconds >= cue.from - standsIn && seconds <= cue.to + standsIn ? cue.tile : undefined;
  }
}

function readCue(block: string, url: string): Cue | undefined {
  const lines = block.split('\n');
  const at = lines.findIndex((line) => timing.test(line));
  const [, from = '', to = ''] = timing.exec(lines[at] ?? '') ?? [];
  const target = lines[at + 1] ?? '';
  const [, x, y, width, height] = spatial.exec(target) ?? [];
  if (at < 0 || height === undefined) {
    return undefined;
  }
  const picture = new URL(target.replace(spatial, ''), url).href;
  return { from: readTime(from), to: readTime(to), tile: { url: picture, x: Number(x), y: Number(y), width: Number(width), height: Number(height) } };
}

/** `01:02:03.456` or `02:03.456`, in seconds. */
function readTime(time: string): number {
  return time.split(':').reduce((sum, field) => sum * 60 + Number(field), 0);
}
