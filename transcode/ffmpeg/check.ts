import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { MillraceError } from '#core/runtime/errors.ts';
import { encoders, type EncoderName } from './encoders.ts';

/** What a check found. */
export type FfmpegFacts = {
  /** As ffmpeg prints it: `5.1.9-0+deb12u1`. */
  readonly version: string;
  /** Configurable encoders that this build has. */
  readonly encoders: readonly EncoderName[];
  /** Whether this build encodes Opus. */
  readonly opus: boolean;
};

/** The oldest ffmpeg with `-fps_mode`. */
export const MINIMAL_FFMPEG = '5.1';

const run = promisify(execFile);

/**
 * Asks an ffmpeg for its version and encoders.
 *
 * @param path a command or a path; default `ffmpeg`.
 * @throws {MillraceError} `transcode/ffmpeg-missing` where it does not start or lacks x264, `transcode/ffmpeg-too-old`
 * below {@link MINIMAL_FFMPEG}.
 */
export async function checkFfmpeg(path = 'ffmpeg'): Promise<FfmpegFacts> {
  const version = versionIn(await output(path, ['-version']));
  if (version === undefined) {
    throw new MillraceError('transcode/ffmpeg-missing', `"${path}" is not ffmpeg: install ffmpeg ${MINIMAL_FFMPEG} or newer, or set ffmpegPath to it.`);
  }
  if (isTooOld(version)) {
    throw new MillraceError('transcode/ffmpeg-too-old', `ffmpeg ${version} is too old: install ffmpeg ${MINIMAL_FFMPEG} or newer, or set ffmpegPath to one.`);
  }
  const listed = await output(path, ['-hide_banner', '-encoders']);
  const found = (Object.keys(encoders) as EncoderName[]).filter((name) => new RegExp(`\\s${encoders[name].codec}\\s`).test(listed));
  if (!found.includes('x264')) {
    throw new MillraceError('transcode/ffmpeg-missing', `ffmpeg ${version} was built without x264: install a build that has libx264.`);
  }
  return { version, encoders: found, opus: /\slibopus\s/.test(listed) };
}

/** The version in the first line of `ffmpeg -version`. */
export function versionIn(text: string): string | undefined {
  return /^ffmpeg version (\S+)/m.exec(text)?.[1];
}

/** Tells whether a version is below the minimum. Builds from a repository (`N-109542-g...`) carry no number and pass. */
export function isTooOld(version: string): boolean {
  const numbers = /^n?(\d+)\.(\d+)/.exec(version);
  if (numbers === null) {
    return false;
  }
  const [major, minor] = [Number(numbers[1]), Number(numbers[2])];
  return major < 5 || (major === 5 && minor < 1);
}

async function output(path: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(path, args, { timeout: 10_000, maxBuffer: 4 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    throw new MillraceError('transcode/ffmpeg-missing', `ffmpeg does not start as "${path}": install ffmpeg ${MINIMAL_FFMPEG} or newer, or set ffmpegPath to it.`, { cause });
  }
}
