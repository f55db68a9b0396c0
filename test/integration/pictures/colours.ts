import { execFileSync, spawn, type ChildProcess } from 'node:child_process';

/** Each ten seconds of the broadcast have a colour, so that a picture tells when it was on air. */
export const COLOURS = ['red', 'lime', 'blue', 'yellow', 'magenta', 'cyan', 'white'] as const;

/** A colour that a picture may have. */
export type Colour = (typeof COLOURS)[number] | 'black';

const BITS: Readonly<Record<string, Colour>> = { '000': 'black', '100': 'red', '010': 'lime', '001': 'blue', '110': 'yellow', '101': 'magenta', '011': 'cyan', '111': 'white' };

/** Publishes {@link COLOURS} over RTMP at real-time speed, ten seconds each. A key frame each second. */
export function publishColours(url: string, seconds: number): ChildProcess {
  const boxes = COLOURS.map((colour, n) => `drawbox=c=${colour}:t=fill:enable='between(t,${n * 10},${n * 10 + 9.99})'`);
  return spawn(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-re', '-f', 'lavfi', '-i', `color=black:s=640x360:r=25,${boxes.join()}`, '-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p', '-threads', '1', '-g', '25', '-sc_threshold', '0', '-c:a', 'aac', '-b:a', '96k'],
      ...['-t', String(seconds), '-flush_packets', '1', '-f', 'flv', url],
    ],
    { stdio: 'ignore' },
  );
}

/** A picture, taken apart by an ffmpeg of the test's own. */
export type Pixels = { readonly width: number; readonly height: number; readonly at: (x: number, y: number) => Colour };

/** Decodes a JPEG. */
export function pixelsOf(jpeg: Uint8Array): Pixels {
  const ppm = execFileSync('ffmpeg', ['-v', 'error', '-f', 'mjpeg', '-i', 'pipe:0', '-f', 'image2pipe', '-c:v', 'ppm', 'pipe:1'], { input: jpeg, maxBuffer: 64 * 1024 * 1024 });
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(ppm.subarray(0, 40).toString('latin1'));
  const [width, height, from] = [Number(header?.[1]), Number(header?.[2]), header?.[0].length ?? 0];
  return {
    width, height,
    at: (x, y) => {
      const start = from + (y * width + x) * 3;
      return BITS[[...ppm.subarray(start, start + 3)].map((value) => (value > 127 ? 1 : 0)).join('')] ?? 'black';
    },
  };
}
