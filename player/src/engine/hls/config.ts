import type Hls from 'hls.js';
import type { HlsConfig } from 'hls.js';
import type { Edges } from '../../edges/edges.ts';
import { mediaLoader } from './media-loader.ts';
import { PartAbrController } from './part-abr-controller.ts';
import type { AbrSeat } from './part-abr-controller.ts';
import { playlistLoader } from './playlist-loader.ts';
import type { PlaylistLoaderSeat } from './playlist-loader.ts';
import { routedLoader, withoutSteering } from './routed-loader.ts';
import { PictureStreamController, SoundStreamController } from './stream-controllers.ts';

/**
 * Where playback begins, seconds behind the end of the playlist: 2.5 parts of 200 ms. The latency controller finds its own
 * place from there; nearer, the first part may be shown before the second has come.
 */
const startBehind = 0.5;

/** Shared by every retry: soon, and for as long as the session lets the engine live. */
const soon = { retryDelayMs: 300, maxRetryDelayMs: 2_000 } as const;

/** What hls.js runs with. Everything about time is set for a second of latency with parts of 200 ms. */
export function hlsConfig(abr: AbrSeat, playlists: PlaylistLoaderSeat, sessionId: string, contentId: string, edges: Edges | undefined): Partial<HlsConfig> {
  const loader = routedLoader(edges);
  return {
    lowLatencyMode: true,
    liveSyncDuration: startBehind,
    // Jumping to the live edge and the rate are the session's and the latency controller's.
    liveMaxLatencyDuration: 30,
    maxLiveSyncPlaybackRate: 1,
    liveSyncOnStallIncrease: 0,
    liveDurationInfinity: true,
    backBufferLength: 10,
    maxBufferLength: 12,
    maxMaxBufferLength: 20,
    // A gap in the timeline is jumped over and a stuck decoder nudged sooner than with buffers of many seconds.
    detectStallWithCurrentTimeMs: 600,
    nudgeOffset: 0.05,
    highBufferWatchdogPeriod: 1,
    // Our media is fMP4, which hls.js hands on as it is: a worker would save nothing, and its start costs the join 0.2 s.
    enableWorker: false,
    // The first rendition comes from what was measured last time; a test download would cost the join a round trip.
    testBandwidth: false,
    startFragPrefetch: true,
    abrController: class extends PartAbrController {
      constructor(hls: Hls) {
        super(hls, abr);
      }
    },
    streamController: PictureStreamController,
    audioStreamController: SoundStreamController,
    loader,
    fLoader: mediaLoader(abr.transfers, loader),
    pLoader: playlistLoader(playlists, loader),
    ...withoutSteering,
    cmcd: { sessionId, contentId, useHeaders: false },
    enableInterstitialPlayback: false,
    enableID3MetadataCues: false,
    enableEmsgMetadataCues: false,
    enableDateRangeMetadataCues: false,
    manifestLoadPolicy: { default: { maxTimeToFirstByteMs: 5_000, maxLoadTimeMs: 10_000, timeoutRetry: null, errorRetry: null } },
    playlistLoadPolicy: {
      default: {
        // The server holds a request up to 3 target durations (6 s).
        maxTimeToFirstByteMs: 9_000,
        maxLoadTimeMs: 15_000,
        timeoutRetry: { maxNumRetry: 4, ...soon },
        errorRetry: { maxNumRetry: 12, ...soon },
      },
    },
    fragLoadPolicy: {
      default: {
        maxTimeToFirstByteMs: 4_000,
        maxLoadTimeMs: 20_000,
        timeoutRetry: { maxNumRetry: 3, ...soon },
        errorRetry: { maxNumRetry: 6, ...soon },
      },
    },
  };
}
