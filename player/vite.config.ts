import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

/**
 * Names the pages after what they show. Their sources lie one folder deep, so that Vite writes their assets as
 * `../assets/...`: right for `/watch/<stream>` and `/embed/<stream>` under any base path.
 */
function pagesByName(): Plugin {
  return {
    name: 'millrace-pages-by-name',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const output of Object.values(bundle)) {
          const page = /^(watch|embed)\/index\.html$/.exec(output.fileName)?.[1];
          if (page !== undefined) {
            output.fileName = `${page}.html`;
          }
        }
      },
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [svelte(), pagesByName()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rollupOptions: {
      input: {
        index: `${import.meta.dirname}/index.html`,
        watch: `${import.meta.dirname}/watch/index.html`,
        embed: `${import.meta.dirname}/embed/index.html`,
      },
    },
  },
});
