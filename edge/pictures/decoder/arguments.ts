/** Size in pixels. */
export type Size = { readonly width: number; readonly height: number };

/** What is made of key frames. */
export type Shape =
  /** One picture of the first, as wide as it is, at most `maxWidth`. */
  | { readonly kind: 'single'; readonly maxWidth: number }
  /** One picture of all, each scaled to `tile`, in rows from the top left. */
  | { readonly kind: 'sprite'; readonly tile: Size; readonly columns: number; readonly rows: number };

/** JPEG's scale from 2 (best) to 31: at 4 a 720p poster has about 100 KB. */
const QUALITY = '4';

/** JFIF knows full range and BT.601 alone; without this, colours of HD sources come out shifted. */
const JFIF_COLOURS = 'out_color_matrix=bt601:out_range=full';

/** Arguments for an ffmpeg that reads what {@link nutInput} makes and writes one JPEG. */
export function pictureArguments(shape: Shape): string[] {
  return [
    '-hide_banner', '-nostdin', '-loglevel', 'error', '-threads', '1',
    // Without it a change of size in the middle begins a new picture.
    '-reinit_filter', '0',
    '-copyts', '-probesize', '32', '-analyzeduration', '0', '-f', 'nut', '-i', 'pipe:0',
    '-an', '-filter_threads', '1', '-vf', filters(shape), '-frames:v', '1',
    '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-q:v', QUALITY, '-threads', '1', '-f', 'image2pipe', 'pipe:1',
  ];
}

function filters(shape: Shape): string {
  if (shape.kind === 'single') {
    // `dar` takes the shape of pixels into account, which a JPEG does not tell.
    return `scale=w='max(2,trunc(min(${shape.maxWidth},iw*sar)/2)*2)':h='max(2,trunc(ow/dar/2)*2)':${JFIF_COLOURS},setsar=1`;
  }
  const { tile, columns, rows } = shape;
  // `fps` fills the place of a frame that could not be decoded with its neighbour.
  return `fps=1:start_time=0,scale=${tile.width}:${tile.height}:${JFIF_COLOURS},setsar=1,tile=${columns}x${rows}`;
}
