import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';

import { drawBarcode } from './barcode.ts';

/** Options of {@link startClockPublisher}. */
export type ClockPublisherOptions = {
  /** Where to publish, key included. */
  readonly url: string;
  /** A multiple of 40. Default 640. */
  readonly width?: number;
  /** Default 360. */
  readonly height?: number;
  /** Default 30. */
  readonly frameRate?: number;
  /** Frames between key frames. Default one second. */
  readonly gop?: number;
  /**
   * Frames by which the sound's samples run ahead of the picture; `none`: no sound. ffmpeg holds a picture back until
   * it has sound of the same time, which with 0 (the default) costs about a frame that no server can win back.
   */
  readonly soundAhead?: number | 'none';
  /** x264's target, in kbit/s. Default 900. */
  readonly kilobits?: number;
};

/** A running publisher. */
export type ClockPublisher = {
  /** Frames written so far. */
  readonly frames: () => number;
  stop(): Promise<void>;
};

const SAMPLE_RATE = 48_000;

/**
 * Publishes a picture with the wall clock drawn into every frame as a bar code, and a tone. Picture and sound are made
 * by one clock and written together, so the multiplexer never waits for either.
 */
export function startClockPublisher(options: ClockPublisherOptions): ClockPublisher {
  const { width = 640, height = 360, frameRate = 30, kilobits = 900 } = options;
  const gop = options.gop ?? frameRate;
  const soundAhead = options.soundAhead ?? 0;
  const child = spawn('ffmpeg', ffmpegArguments({ ...options, width, height, frameRate, gop, kilobits, soundAhead }), {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
  });
  const [video, audio] = [child.stdio[3] as Writable, child.stdio[4] as Writable];
  // A publisher that is being stopped may find its pipes gone.
  [video, audio].forEach((pipe) => pipe.on('error', () => undefined));

  let frames = 0;
  const started = performance.now();
  const picture = makePicture(width, height);
  for (let ahead = 0; ahead < Number(soundAhead); ahead += 1) {
    audio.write(tone(ahead, frameRate));
  }
  const timer = setInterval(() => {
    while (performance.now() - started >= (frames * 1000) / frameRate) {
      picture.paint(frames, Date.now());
      video.write(Buffer.from(picture.bytes));
      if (soundAhead !== 'none') {
        audio.write(tone(frames + soundAhead, frameRate));
      }
      frames += 1;
    }
  }, 2);
  return {
    frames: () => frames,
    stop: async () => {
      clearInterval(timer);
      video.end();
      audio.end();
      await ended(child);
    },
  };
}

function ffmpegArguments(options: Required<ClockPublisherOptions>): string[] {
  const { width, height, frameRate, gop, kilobits, soundAhead, url } = options;
  const input = (more: string[]): string[] => ['-probesize', '32', '-analyzeduration', '0', '-thread_queue_size', '64', ...more];
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin'],
    ...input(['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-video_size', `${width}x${height}`, '-framerate', `${frameRate}`, '-i', 'pipe:3']),
    ...(soundAhead === 'none' ? [] : input(['-f', 's16le', '-ar', `${SAMPLE_RATE}`, '-ac', '1', '-i', 'pipe:4'])),
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-profile:v', 'main', '-g', `${gop}`, '-keyint_min', `${gop}`],
    ...['-sc_threshold', '0', '-b:v', `${kilobits}k`, '-maxrate', `${kilobits}k`, '-bufsize', `${kilobits / 2}k`, '-threads', '1'],
    ...(soundAhead === 'none' ? [] : ['-c:a', 'aac', '-b:a', '96k']),
    ...['-flush_packets', '1', '-flvflags', 'no_duration_filesize', '-f', 'flv', url],
  ];
}

function makePicture(width: number, height: number): { readonly bytes: Uint8Array; paint(frame: number, now: number): void } {
  const bytes = new Uint8Array((width * height * 3) / 2).fill(128);
  const luma = bytes.subarray(0, width * height);
  const background = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      background[y * width + x] = 40 + (((x >> 3) * 7 + (y >> 3) * 13) % 160);
    }
  }
  return {
    bytes,
    paint: (frame, now) => {
      // A slow sideways drift gives the encoder honest work: motion everywhere, new content at one edge.
      const shift = (frame * 2) % width;
      for (let y = 0; y < height; y += 1) {
        luma.set(background.subarray(y * width + shift, (y + 1) * width), y * width);
        luma.set(background.subarray(y * width, y * width + shift), (y + 1) * width - shift);
      }
      drawBarcode(luma, width, height, now);
    },
  };
}

function tone(frame: number, frameRate: number): Buffer {
  const first = Math.round((frame * SAMPLE_RATE) / frameRate);
  const count = Math.round(((frame + 1) * SAMPLE_RATE) / frameRate) - first;
  const samples = Int16Array.from({ length: count }, (_, i) => 6000 * Math.sin((2 * Math.PI * 440 * (first + i)) / SAMPLE_RATE));
  return Buffer.from(samples.buffer);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exit = once(child, 'exit');
  const impatient = setTimeout(() => child.kill('SIGKILL'), 3000);
  await exit;
  clearTimeout(impatient);
}
