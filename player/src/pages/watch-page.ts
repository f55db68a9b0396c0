import { mount } from 'svelte';
import type { Early } from './early.ts';
import { root } from './root.ts';
import Watch from './Watch.svelte';

/** Shows the page of one stream. */
export function showWatchPage({ address, routes, playlist }: Early): void {
  mount(Watch, { target: root(), props: { stream: address.stream, engineChoice: address.engine, routes, early: playlist } });
}
