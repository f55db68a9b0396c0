import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

/** A page with nothing but a `<video>` and stock hls.js in its default settings, on an origin of its own. */
export type BarePage = {
  /** The page for a master playlist; `height` locks the rung of that height. */
  url(master: string, height?: number): string;
  close(): Promise<void>;
};

const html = `<!doctype html><meta charset="utf-8"><title>hls.js</title>
<video muted autoplay playsinline></video>
<script src="/hls.js"></script><script src="/page.js"></script>`;

const script = `
const query = new URLSearchParams(location.search);
const video = document.querySelector('video');
const hls = (window.hls = new Hls());
window.errors = [];
window.story = [];
hls.on(Hls.Events.ERROR, (_, data) => {
  window.errors.push(data.details + (data.fatal ? ' (fatal)' : ''));
  window.story.push(Math.round(performance.now()) + ' ms: ' + window.errors.at(-1) + (data.response ? ' ' + data.response.code + ' ' + data.response.url : ''));
});
hls.on(Hls.Events.MANIFEST_PARSED, () => {
  const level = hls.levels.findIndex(({ height }) => height === Number(query.get('height')));
  if (level >= 0) { hls.startLevel = level; hls.loadLevel = level; }
});
hls.loadSource(query.get('src'));
hls.attachMedia(video);
`;

/** Serves the page on loopback. */
export async function startBarePage(): Promise<BarePage> {
  const library = await readFile(createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js'));
  const files: Readonly<Record<string, readonly [string, string | Buffer]>> = {
    '/': ['text/html', html],
    '/hls.js': ['text/javascript', library],
    '/page.js': ['text/javascript', script],
  };
  const server = createServer((request, response) => {
    const file = files[(request.url ?? '').split('?')[0] ?? ''];
    response.writeHead(file === undefined ? 404 : 200, { 'Content-Type': file?.[0] ?? 'text/plain' });
    response.end(file?.[1]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (master, height) => `http://127.0.0.1:${port}/?src=${encodeURIComponent(master)}${height === undefined ? '' : `&height=${height}`}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
