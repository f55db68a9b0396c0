import { parseAddress, Routes } from '../address/address.ts';
import type { PageAddress } from '../address/address.ts';
import { EarlyPlaylist } from '../engine/hls/early-playlist.ts';
import { WhepConnection } from '../engine/whep/whep-connection.ts';
import type { Early } from '../session/early.ts';

/** What a playing page knows, and has begun, before its code has arrived. */
export type PageStart = { readonly address: PageAddress; readonly routes: Routes; readonly early: Early };

/** Reads the address, and at once offers a WebRTC session, or asks for the playlist where WebRTC is not to be. */
export function beginEarly(): PageStart {
  const address = parseAddress(location.pathname, location.search);
  const routes = new Routes(address.base);
  return { address, routes, early: begin(address, routes) };
}

function begin({ engine, stream }: PageAddress, routes: Routes): Early {
  if ((engine === 'auto' || engine === 'webrtc') && WhepConnection.isSupported()) {
    return { connection: new WhepConnection(routes.whep(stream)) };
  }
  const canPlay = 'MediaSource' in globalThis || 'ManagedMediaSource' in globalThis;
  return (engine === 'auto' || engine === 'hls') && canPlay ? { playlist: new EarlyPlaylist(routes.hls(stream)) } : {};
}

/** Resolves when the document is whole: the pages' small scripts run as soon as they have come. */
export async function documentReady(): Promise<void> {
  if (document.readyState === 'loading') {
    await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve, { once: true }));
  }
}
