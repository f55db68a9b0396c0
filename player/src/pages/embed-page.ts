import { mount } from 'svelte';
import type { PageStart } from './early.ts';
import Embed from './Embed.svelte';
import { root } from './root.ts';

/** Shows the bare player, for iframes. */
export function showEmbedPage({ address, routes, early }: PageStart): void {
  mount(Embed, { target: root(), props: { stream: address.stream, engineChoice: address.engine, routes, early } });
}
