import { canPlayHls } from '../hls/support.ts';

/** True where Media Source Extensions can play our segments; asked without loading dash.js. It knows no ManagedMediaSource. */
export function canPlayDash(): boolean {
  return 'MediaSource' in globalThis && canPlayHls();
}
