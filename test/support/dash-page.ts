import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

/** The DASH players that are not ours. */
export type DashPlayer = 'dash.js' | 'shaka';

/** Pages with nothing but a `<video>` and a stock DASH player in its default settings (shaka: those of its low-latency
 * mode, of which 5.2 sets `autoCorrectDrift` only after it has read the first manifest), on an origin of their own. */
export type DashPages = {
  /** The page for a manifest. Its `errors` has what the player reported, `latency()` the latency that it believes in, in seconds. */
  url(player: DashPlayer, manifest: string): string;
  close(): Promise<void>;
};

const html = (player: string): string => `<!doctype html><meta charset="utf-8"><title>${player}</title>
<video muted autoplay playsinline></video>
<script src="/library/${player}"></script><script src="/page/${player}"></script>`;

const scripts: Readonly<Record<DashPlayer, string>> = {
  'dash.js': `
const video = document.querySelector('video');
window.errors = [];
const player = (window.player = dashjs.MediaPlayer().create());
player.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => window.errors.push(error?.code + ' ' + error?.message));
window.latency = () => player.getCurrentLiveLatency();
player.initialize(video, new URLSearchParams(location.search).get('src'), true);
`,
  shaka: `
const video = document.querySelector('video');
window.errors = [];
shaka.polyfill.installAll();
const player = (window.player = new shaka.Player());
player.configure({ streaming: { lowLatencyMode: true }, manifest: { dash: { autoCorrectDrift: false } } });
player.addEventListener('error', ({ detail }) => window.errors.push(detail.severity + ' ' + detail.code + ' ' + JSON.stringify(detail.data?.slice(0, 2))));
window.latency = () => player.getStats().liveLatency;
player.attach(video).then(() => player.load(new URLSearchParams(location.search).get('src'))).catch((error) => window.errors.push('load ' + error.code));
`,
};

/** Serves the pages on loopback. */
export async function startDashPages(): Promise<DashPages> {
  const { resolve } = createRequire(import.meta.url);
  const libraries: Readonly<Record<DashPlayer, Buffer>> = {
    'dash.js': await readFile(resolve('dashjs')),
    shaka: await readFile(resolve('shaka-player/dist/shaka-player.compiled.js')),
  };
  const server = createServer((request, response) => {
    const [, folder = '', player = ''] = (request.url ?? '').split('?')[0]?.split('/') ?? [];
    const isPlayer = (name: string): name is DashPlayer => Object.hasOwn(libraries, name);
    const bodies: Readonly<Record<string, (name: DashPlayer) => readonly [string, string | Buffer]>> = {
      page: (name) => ['text/javascript', scripts[name]],
      library: (name) => ['text/javascript', libraries[name]],
      play: (name) => ['text/html', html(name)],
    };
    const file = isPlayer(player) ? bodies[folder]?.(player) : undefined;
    response.writeHead(file === undefined ? 404 : 200, { 'Content-Type': file?.[0] ?? 'text/plain' });
    response.end(file?.[1]);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: (player, manifest) => `http://127.0.0.1:${port}/play/${player}?src=${encodeURIComponent(manifest)}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
