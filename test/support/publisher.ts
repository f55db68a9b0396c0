import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { TestNetwork } from './network/network.ts';

/** Options of {@link startPublisher}. */
export type PublisherOptions = {
  /** Where to publish, key included. */
  readonly url: string;
  /** Default 640x360. */
  readonly size?: `${number}x${number}`;
  /** As ffmpeg takes it: `30`, `30000/1001`. Default 30. */
  readonly frameRate?: string;
  /** Frames between key frames. Default 30. */
  readonly gop?: number;
  readonly bFrames?: number;
  /** A picture that changes wholly now and then, with scene-cut key frames on. */
  readonly sceneCuts?: boolean;
  /** Default both. */
  readonly media?: 'both' | 'video' | 'audio';
  /** x264's target in kbit/s. Default 800. */
  readonly kilobits?: number;
  /** A fixed colour instead of the test picture, e.g. `red`: easy to recognise in a browser. */
  readonly colour?: string;
  /** A network of the test's, on whose server side it runs. */
  readonly network?: TestNetwork;
  /** Seconds after which the publisher ends by itself. Default 300: no test leaves one behind for ever. */
  readonly seconds?: number;
};

/** A running ffmpeg that publishes a test picture and a tone over RTMP, at real-time speed. */
export type Publisher = {
  readonly process: ChildProcess;
  /** What it wrote to its error output. */
  log(): string;
  /** Ends the broadcast in order (SIGTERM): ffmpeg says that it unpublishes. */
  stop(): Promise<void>;
  /** SIGKILL: the connection breaks. */
  kill(): Promise<void>;
  readonly exited: Promise<number | null>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts a publisher. It does not wait for the server's answer. */
export function startPublisher(options: PublisherOptions): Publisher {
  const command: readonly string[] = [...(options.network?.command('server') ?? []), 'ffmpeg', ...publisherArguments(options)];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    child.kill(name);
    await exited;
  };
  return {
    process: child,
    log: () => log,
    stop: () => signal('SIGTERM'),
    kill: () => signal('SIGKILL'),
    exited,
    [Symbol.asyncDispose]: () => signal('SIGKILL'),
  };
}

function publisherArguments(options: PublisherOptions): string[] {
  const { size = '640x360', frameRate = '30', gop = 30, bFrames = 0, sceneCuts = false, media = 'both', kilobits = 800, seconds = 300 } = options;
  const source = options.colour === undefined ? `testsrc2=size=${size}:rate=${frameRate}` : `color=c=${options.colour}:size=${size}:rate=${frameRate}`;
  // Every 1.7 s another hue and a mirrored picture: a scene cut for x264, off the key-frame interval.
  const cuts = sceneCuts ? ",hue=h='90*floor(t/1.7)',negate=enable='mod(floor(t/1.7),2)'" : '';
  const video = [
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', bFrames > 0 ? 'main' : 'baseline', '-pix_fmt', 'yuv420p', '-threads', '1'],
    ...['-g', `${gop}`, '-keyint_min', sceneCuts ? '1' : `${gop}`, '-sc_threshold', sceneCuts ? '40' : '0', '-bf', `${bFrames}`],
    ...['-b:v', `${kilobits}k`, '-maxrate', `${kilobits}k`, '-bufsize', `${kilobits}k`],
  ];
  return [
    ...['-hide_banner', '-loglevel', 'warning', '-nostdin'],
    ...(media === 'audio' ? [] : ['-re', '-f', 'lavfi', '-i', `${source}${cuts}`]),
    ...(media === 'video' ? [] : ['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000']),
    ...(media === 'audio' ? [] : video),
    ...(media === 'video' ? [] : ['-c:a', 'aac', '-b:a', '96k', '-ac', '2']),
    ...['-t', `${seconds}`, '-flush_packets', '1', '-f', 'flv', options.url],
  ];
}
