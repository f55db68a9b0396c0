import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A running publisher of the test card. */
export interface Card {
  /** Settles with what the program said last when it has ended, by whichever side. */
  readonly exited: Promise<string>;
  /** Ends it now; settles when it is gone. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a card that publishes to a URL. */
export type StartCard = (url: string) => Card;

/** Fonts that Debian, Fedora, Arch, Alpine and macOS keep at these places. */
const fonts = [
  '/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf',
  '/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf',
  '/usr/share/fonts/TTF/DejaVuSansMono.ttf',
  '/usr/share/fonts/ttf-dejavu/DejaVuSansMono.ttf',
  '/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf',
  '/System/Library/Fonts/Menlo.ttc',
];

/** Prepares cards for this machine: with a clock where ffmpeg can draw text and a font is there, else without. */
export async function prepareCard(ffmpegPath: string): Promise<StartCard> {
  const font = (await canDrawText(ffmpegPath)) ? fonts.find((path) => existsSync(path)) : undefined;
  return (url) => startCard(ffmpegPath, cardArguments(url, font));
}

/**
 * Arguments of ffmpeg for a moving picture with a running clock and a tone that beeps each second, 640x360 at 30 fps with
 * a key frame a second: about a tenth of a core. Picture and sound come from one graph, so that one clock paces both.
 */
export function cardArguments(url: string, font: string | undefined): readonly string[] {
  const text = (value: string, size: number, y: string): string =>
    `drawtext=fontfile='${font}':text='${value}':fontsize=${size}:fontcolor=white:box=1:boxcolor=black@0.7:boxborderw=12:x=(w-tw)/2:y=${y}`;
  const picture = [
    'testsrc2=size=640x360:rate=30',
    ...(font === undefined ? [] : [text('%{localtime\\:%T}', 72, '(h-th)/2'), text('Millrace test card', 24, 'h-th-36')]),
    'format=yuv420p[out0]',
  ].join(',');
  const sound = 'sine=frequency=330:beep_factor=4:sample_rate=48000,volume=0.4,aformat=channel_layouts=stereo[out1]';
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin'],
    ...['-re', '-f', 'lavfi', '-i', `${picture};${sound}`],
    ...['-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-threads', '1', '-g', '30', '-keyint_min', '30', '-sc_threshold', '0'],
    ...['-b:v', '800k', '-maxrate', '800k', '-bufsize', '400k'],
    ...['-c:a', 'aac', '-b:a', '96k'],
    ...['-flush_packets', '1', '-f', 'flv', '-flvflags', 'no_duration_filesize', url],
  ];
}

function canDrawText(ffmpegPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(ffmpegPath, ['-hide_banner', '-h', 'filter=drawtext'], { timeout: 5000 }, (error, stdout) => {
      resolve(error === null && /^Filter drawtext/m.test(stdout));
    });
  });
}

/**
 * The program needs no leash: where we end, however that is, its RTMP connection to us breaks and its next frame fails.
 */
function startCard(ffmpegPath: string, args: readonly string[]): Card {
  // In a group of its own: Ctrl-C on the terminal is for the server, which then takes the card off the air in order.
  const child = spawn(ffmpegPath, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  const exited = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', () => resolve(said.trim()));
  });
  return {
    exited,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
