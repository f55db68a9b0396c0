import type { EarlyPlaylist } from '../engine/hls/early-playlist.ts';
import type { WhepConnection } from '../engine/whep/whep-connection.ts';

/** What a page has begun before the player's code came; the first engine of each way takes its own. */
export type Early = { readonly playlist?: EarlyPlaylist | undefined; readonly connection?: WhepConnection | undefined };
