import type { Settings } from './settings.ts';
import { automaticBitrate, layersOf } from './whip/encodings.ts';
import type { Layer } from './whip/encodings.ts';
import type { Published } from './whip/whip-session.ts';

/** Bits per second of the best layer: as chosen, or what suits. */
export function bitrateOf({ bitrate, frameRate }: Settings, lines: number): number {
  return bitrate > 0 ? bitrate : automaticBitrate(lines, frameRate);
}

/** The layers of a picture of so many lines; they are what is asked for where there is no picture yet. */
export function layersFor(settings: Settings, lines = settings.height): readonly Layer[] {
  return layersOf({ height: lines, frameRate: settings.frameRate, bitrate: bitrateOf(settings, lines), simulcast: settings.simulcast });
}

/** What to publish of these tracks; undefined where there is nothing. */
export function publishedOf(settings: Settings, video: MediaStreamTrack | undefined, audio: MediaStreamTrack | undefined): Published | undefined {
  if (video === undefined && audio === undefined) {
    return undefined;
  }
  return {
    video,
    audio,
    codec: settings.codec,
    layers: layersFor(settings, linesOf(video)),
    degradation: settings.keep === 'size' ? 'maintain-resolution' : 'maintain-framerate',
  };
}

/** Lines of a picture; columns of an upright one, so that phones get as good a picture either way. */
function linesOf(video: MediaStreamTrack | undefined): number | undefined {
  const { width = 0, height = 0 } = video?.getSettings() ?? {};
  return width > 0 && height > 0 ? Math.min(width, height) : undefined;
}
