import { millis } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';
import type { EngineChoice } from '../address/address.ts';
import { canPlayDash } from './dash/support.ts';
import type { Edges } from '../edges/edges.ts';
import type { Engine, EngineKind, EngineListener } from './engine.ts';
import type { EarlyPlaylist } from './hls/early-playlist.ts';
import { canPlayHls } from './hls/support.ts';
import { LazyEngine } from './lazy-engine.ts';
import { NativeEngine } from './native/native-engine.ts';
import { WhepConnection } from './whep/whep-connection.ts';
import { WhepEngine } from './whep/whep-engine.ts';

/** What engines are made of; each takes what it needs. */
export type EngineOptions = {
  readonly video: HTMLVideoElement;
  readonly stream: string;
  /** The multivariant playlist. */
  readonly url: string;
  /** The DASH manifest. */
  readonly dashUrl: string;
  /** The WHEP endpoint. */
  readonly whepUrl: string;
  /** The server's clock. */
  readonly now: () => WallTime;
  /** CMCD session id: one per visit, so that a viewer who reconnects is counted once. */
  readonly sessionId: string;
  /** Bits per second believed in before anything was loaded. */
  readonly guess: number;
  readonly choice: number | 'auto';
  /** Who serves the stream; undefined where only the page's own server does. */
  readonly edges?: Edges | undefined;
  readonly playlist?: EarlyPlaylist | undefined;
  readonly connection?: WhepConnection | undefined;
  readonly listener: EngineListener;
};

/** A way that this browser can go. */
export type EngineWay = {
  readonly kind: EngineKind;
  make(options: EngineOptions): Engine;
  /** Loads its code, so that it begins sooner when it is needed. */
  preload?(): void;
};

/** The ways for a page, the best first, or why there is none, in words for the viewer. */
export type EngineOffer = { readonly ways: readonly EngineWay[] } | { readonly refusal: string };

const webrtc: EngineWay = { kind: 'webrtc', make: (options) => new WhepEngine({ ...options, url: options.whepUrl }) };

/** Where there is no other way, an encoder that is just beginning is waited for. */
const webrtcAlone: EngineWay = { kind: 'webrtc', make: (options) => new WhepEngine({ ...options, url: options.whepUrl, patience: millis(8_000) }) };

/** hls.js is by far the largest part of the player: it comes when it is needed. */
const loadHls = async () => (await import('./hls/hls-engine.ts')).HlsEngine;
const hls: EngineWay = {
  kind: 'hls',
  make: ({ playlist, ...options }) =>
    new LazyEngine('hls', options.choice, options.listener, async () => new (await loadHls())({ ...options, early: playlist })),
  preload: () => void loadHls().catch(() => undefined),
};

/** So is dash.js, which comes for few: who asks for it, and browsers that LL-HLS fails in. */
const loadDash = async () => (await import('./dash/dash-engine.ts')).DashEngine;
const dash: EngineWay = {
  kind: 'dash',
  make: (options) => new LazyEngine('dash', options.choice, options.listener, async () => new (await loadDash())({ ...options, url: options.dashUrl })),
  preload: () => void loadDash().catch(() => undefined),
};

const native: EngineWay = { kind: 'native', make: ({ video, url, edges, listener }) => new NativeEngine({ video, url, edges, listener }) };

/** Finds the ways for this browser and for what `?engine=` asks: WebRTC, LL-HLS where it does not work, LL-DASH where that does not. */
export function chooseEngine(choice: EngineChoice, video: HTMLVideoElement): EngineOffer {
  if (choice === 'dash') {
    return canPlayDash()
      ? { ways: [dash] }
      : { refusal: 'This browser has no Media Source Extensions, which LL-DASH takes. Open the page without “?engine=dash” to watch.' };
  }
  if (choice === 'webrtc') {
    return WhepConnection.isSupported()
      ? { ways: [webrtcAlone] }
      : { refusal: 'This browser has no WebRTC, or it is switched off. Open the page without “?engine=webrtc” to watch over LL-HLS.' };
  }
  const overHttp = canPlayHls() ? [hls] : NativeEngine.isSupported(video) ? [native] : [];
  const ways = choice === 'auto' ? [...(WhepConnection.isSupported() ? [webrtc] : []), ...overHttp, ...(canPlayDash() ? [dash] : [])] : overHttp;
  return ways.length > 0 ? { ways } : { refusal: 'This browser can play neither WebRTC nor Media Source Extensions nor HLS. A current Chrome, Edge, Firefox or Safari can.' };
}
