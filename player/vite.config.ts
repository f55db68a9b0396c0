import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

/**
 * Names the pages after what they show. Their sources lie one folder deep, so that Vite writes their assets as
 * `../assets/...`: right for `/watch/<stream>`, `/embed/<stream>` and `/recordings/<id>` under any base path.
 */
function pagesByName(): Plugin {
  return {
    name: 'millrace-pages-by-name',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const output of Object.values(bundle)) {
          const page = /^(watch|embed|recordings)\/index\.html$/.exec(output.fileName)?.[1];
          if (page !== undefined) {
            output.fileName = `${page}.html`;
          }
        }
      },
    },
  };
}

/**
 * Lets a playing page load its player beside the small script that asks for it, instead of after it: the browser
 * learns of scripts that are imported later only when the first one runs.
 */
function preloadPlayer(): Plugin {
  return {
    name: 'millrace-preload-player',
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle, chunk, path }) {
        const up = path === '/index.html' ? './' : '../';
        const files = new Set<string>();
        const styles = new Set<string>();
        const collect = (fileName: string): void => {
          const output = bundle?.[fileName];
          if (output?.type !== 'chunk' || files.has(fileName)) {
            return;
          }
          files.add(fileName);
          output.viteMetadata?.importedCss.forEach((css) => styles.add(css));
          output.imports.forEach(collect);
        };
        chunk?.dynamicImports.forEach(collect);
        return [
          ...[...files].map((file) => ({ tag: 'link', injectTo: 'head' as const, attrs: { rel: 'modulepreload', crossorigin: true, href: `${up}${file}` } })),
          ...[...styles].map((file) => ({ tag: 'link', injectTo: 'head' as const, attrs: { rel: 'stylesheet', crossorigin: true, href: `${up}${file}` } })),
        ];
      },
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [svelte(), preloadPlayer(), pagesByName()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // dash.js, which is loaded only when it is chosen.
    chunkSizeWarningLimit: 850,
    // One style sheet and few scripts: on a busy machine each further request costs the first picture more than its bytes do.
    cssCodeSplit: false,
    rollupOptions: {
      input: {
        index: `${import.meta.dirname}/index.html`,
        watch: `${import.meta.dirname}/watch/index.html`,
        embed: `${import.meta.dirname}/embed/index.html`,
        recordings: `${import.meta.dirname}/recordings/index.html`,
        studio: `${import.meta.dirname}/studio.html`,
      },
      output: {
        codeSplitting: {
          groups: [
            // What runs before the player's code has come, ...
            { name: 'early', test: /src\/(address|engine\/(hls\/early-playlist|engine-error|failure)|engine\/whep\/(whep-(connection|http|links)|offer|sdp-fragment)|pages\/(early|region))|core\/media\/time|preload-helper/, priority: 2 },
            // ... and what every page shows.
            { name: 'page', test: /node_modules\/(svelte|esm-env|clsx)|components\/(Masthead|Wheel|ShareBox|Recording\w+)\.|pages\/root|api\/|state\/recording-list|session\/back-off|state\/words/, priority: 1 },
          ],
        },
      },
    },
  },
});
