import { mount } from 'svelte';
import type { PageStart } from './early.ts';
import { regionOf } from './region.ts';
import { root } from './root.ts';
import Watch from './Watch.svelte';

/** Shows the page of one stream. */
export function showWatchPage({ address, routes, early }: PageStart): void {
  mount(Watch, { target: root(), props: { stream: address.stream, engineChoice: address.engine, region: regionOf(address), routes, early } });
}
