import { millis } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import type { KeyFrame } from '../key-frame.ts';
import type { PictureKind } from '../metrics.ts';
import { pictureArguments, type Shape } from './arguments.ts';
import { FfmpegThread } from './ffmpeg-thread.ts';
import { nutInput } from './nut-input.ts';
import { Turns } from './turns.ts';

/** What is wanted of a {@link Decoder}. */
export type Wish = {
  readonly kind: PictureKind;
  readonly shape: Shape;
  /** Whether somebody waits for it: those come first. */
  readonly urgent: boolean;
  /** Asked when its turn has come. Undefined for a place without a frame. */
  readonly frames: () => Promise<readonly (KeyFrame | undefined)[]> | readonly (KeyFrame | undefined)[];
};

/** Makes pictures of key frames. */
export interface Decoder {
  /**
   * Makes a JPEG.
   *
   * @throws {MillraceError} `pictures/undecodable`, `pictures/timeout`; `pictures/ffmpeg`, `pictures/busy`, `pictures/stopped`, which are not the frames' fault.
   */
  make(wish: Wish): Promise<Buffer>;
}

/** Options of an {@link FfmpegDecoder}. */
export type FfmpegDecoderOptions = {
  readonly path: string;
  /** Told of each run. */
  readonly ran: (kind: PictureKind, result: 'made' | 'failed') => void;
};

/** A picture of one key frame takes 0.1 s, a sprite of 25 small ones 0.2 s, of an idle core. What takes this long has gone wrong. */
const TIMEOUT = millis(5000);

/** Makes pictures by ffmpeg, one at a time. */
export class FfmpegDecoder implements Decoder {
  readonly #options: FfmpegDecoderOptions;
  readonly #turns = new Turns();
  readonly #thread = new FfmpegThread();

  constructor(options: FfmpegDecoderOptions) {
    this.#options = options;
  }

  /** Pictures that wait for their turn. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  make(wish: Wish): Promise<Buffer> {
    return this.#turns.take(wish.urgent, () => this.#make(wish));
  }

  /** Ends the ffmpeg that runs; no other is started. Idempotent. */
  async close(): Promise<void> {
    this.#turns.close();
    await this.#thread.close();
  }

  async #make({ kind, shape, frames }: Wish): Promise<Buffer> {
    const { path, ran } = this.#options;
    const input = inputOf(await frames());
    try {
      const picture = await this.#thread.run({ path, args: pictureArguments(shape), input, timeout: TIMEOUT });
      ran(kind, 'made');
      return picture;
    } catch (error) {
      ran(kind, 'failed');
      throw error;
    }
  }
}

function inputOf(frames: readonly (KeyFrame | undefined)[]): readonly Uint8Array[] {
  let input: readonly Uint8Array[];
  try {
    input = nutInput(frames);
  } catch (cause) {
    throw new MillraceError('pictures/undecodable', 'A key frame cannot be taken apart.', { cause });
  }
  if (input.length === 0) {
    throw new MillraceError('pictures/undecodable', 'There is no key frame.');
  }
  return input;
}
