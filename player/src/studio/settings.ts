import { videoCodecs } from './whip/codecs.ts';
import type { VideoCodec } from './whip/codecs.ts';

/** Where the picture comes from. */
export type PictureKind = 'camera' | 'screen' | 'none';

/** What is chosen on the page; all of it is remembered on the device. */
export type Settings = {
  readonly picture: PictureKind;
  readonly microphone: boolean;
  /** Undefined: whichever the browser likes. */
  readonly cameraId: string | undefined;
  readonly microphoneId: string | undefined;
  /** Echo and noise are taken out. */
  readonly cleanVoice: boolean;
  readonly height: number;
  readonly frameRate: number;
  /** Bits per second; 0: what suits height and frame rate. */
  readonly bitrate: number;
  readonly simulcast: boolean;
  readonly codec: VideoCodec;
  /** What a screen shows: texts want sharp pixels, films and games want every frame. */
  readonly content: 'motion' | 'detail';
  /** What is kept where line or computer are too slow. A picture that changes its size interrupts viewers over HLS for a moment. */
  readonly keep: 'size' | 'frames';
};

/** Choices of the page. */
export const choices = {
  height: [360, 480, 720, 1080, 1440],
  frameRate: [15, 24, 30, 60],
  bitrate: [0, 400_000, 800_000, 1_500_000, 2_500_000, 4_000_000, 6_000_000, 9_000_000],
} as const;

/** What a first visit begins with. */
export const defaults: Settings = {
  picture: 'camera',
  microphone: true,
  cameraId: undefined,
  microphoneId: undefined,
  cleanVoice: true,
  height: 720,
  frameRate: 30,
  bitrate: 0,
  simulcast: true,
  codec: 'h264',
  content: 'detail',
  keep: 'size',
};

/** Reads what was remembered, and takes defaults for what is missing or makes no sense. */
export function readSettings(text: string | null): Settings {
  const value = parse(text);
  const oneOf = <T>(name: keyof Settings, all: readonly T[], otherwise: T): T => all.find((one) => one === value[name]) ?? otherwise;
  const id = (name: keyof Settings): string | undefined => (typeof value[name] === 'string' && value[name] !== '' ? value[name] : undefined);
  return {
    // A screen is asked for anew at each visit, so it is not begun with.
    picture: oneOf('picture', ['camera', 'none'], defaults.picture),
    microphone: oneOf('microphone', [true, false], defaults.microphone),
    cameraId: id('cameraId'),
    microphoneId: id('microphoneId'),
    cleanVoice: oneOf('cleanVoice', [true, false], defaults.cleanVoice),
    height: oneOf<number>('height', choices.height, defaults.height),
    frameRate: oneOf<number>('frameRate', choices.frameRate, defaults.frameRate),
    bitrate: oneOf<number>('bitrate', choices.bitrate, defaults.bitrate),
    simulcast: oneOf('simulcast', [true, false], defaults.simulcast),
    codec: oneOf('codec', videoCodecs, defaults.codec),
    content: oneOf('content', ['motion', 'detail'], defaults.content),
    keep: oneOf('keep', ['size', 'frames'], defaults.keep),
  };
}

function parse(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
