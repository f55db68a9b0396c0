import type { EngineChoice } from '../address/address.ts';
import type { Engine } from './engine.ts';
import { HlsEngine } from './hls/hls-engine.ts';
import type { HlsEngineOptions } from './hls/hls-engine.ts';
import { NativeEngine } from './native/native-engine.ts';

/** The engine to use, or why there is none, in words for the viewer. */
export type EngineOffer = { readonly make: (options: HlsEngineOptions) => Engine } | { readonly refusal: string };

/** Finds the way for this browser and for what `?engine=` asks. */
export function chooseEngine(choice: EngineChoice, video: HTMLVideoElement): EngineOffer {
  if (choice === 'webrtc' || choice === 'dash') {
    const name = choice === 'webrtc' ? 'WebRTC' : 'LL-DASH';
    return { refusal: `This server does not offer ${name} yet. Open the page without “?engine=${choice}” to watch over LL-HLS.` };
  }
  if (HlsEngine.isSupported()) {
    return { make: (options) => new HlsEngine(options) };
  }
  if (NativeEngine.isSupported(video)) {
    return { make: ({ video: element, url, listener }) => new NativeEngine({ video: element, url, listener }) };
  }
  return { refusal: 'This browser can play neither Media Source Extensions nor HLS. A current Chrome, Edge, Firefox or Safari can.' };
}
