import { mount } from 'svelte';
import { tellParent } from '../events/to-parent.ts';
import type { PageStart } from './early.ts';
import Embed from './Embed.svelte';
import { regionOf } from './region.ts';
import { root } from './root.ts';

/** Shows the bare player, for iframes. */
export function showEmbedPage({ address, routes, early }: PageStart): void {
  tellParent(address.stream);
  mount(Embed, { target: root(), props: { stream: address.stream, engineChoice: address.engine, region: regionOf(address), routes, early } });
}
