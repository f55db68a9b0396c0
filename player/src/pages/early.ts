import { parseAddress, Routes } from '../address/address.ts';
import type { PageAddress } from '../address/address.ts';
import { EarlyPlaylist } from '../engine/hls/early-playlist.ts';

/** What a playing page knows before its code has arrived. */
export type Early = { readonly address: PageAddress; readonly routes: Routes; readonly playlist: EarlyPlaylist | undefined };

/** Reads the address and asks for the playlist at once, where a playlist will be wanted. */
export function beginEarly(): Early {
  const address = parseAddress(location.pathname, location.search);
  const routes = new Routes(address.base);
  const wanted = (address.engine === 'auto' || address.engine === 'hls') && ('MediaSource' in globalThis || 'ManagedMediaSource' in globalThis);
  return { address, routes, playlist: wanted ? new EarlyPlaylist(routes.hls(address.stream)) : undefined };
}

/** Resolves when the document is whole: the pages' small scripts run as soon as they have come. */
export async function documentReady(): Promise<void> {
  if (document.readyState === 'loading') {
    await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve, { once: true }));
  }
}
