import Hls from 'hls.js';
import type { HlsConfig, LevelDetails } from 'hls.js';
import type { Edges } from '../../edges/edges.ts';
import { routedLoader, withoutSteering } from './routed-loader.ts';

/** hls.js's loader of the picture, from its configuration: it is exported nowhere else. */
const StreamController = Hls.DefaultConfig.streamController;

/** Options of {@link rewindConfig}. */
export type RewindConfigOptions = {
  readonly sessionId: string;
  readonly contentId: string;
  /** Bits per second believed in before anything was loaded. */
  readonly guess: number;
  readonly edges: Edges | undefined;
  /** Where on the timeline of the first playlist to begin, seconds; undefined leaves it to hls.js. */
  readonly begin: (details: LevelDetails) => number | undefined;
};

/** What hls.js runs with for what is kept: whole segments, buffers of half a minute, and a beginning that is found in the playlist. */
export function rewindConfig({ sessionId, contentId, guess, edges, begin }: RewindConfigOptions): Partial<HlsConfig> {
  return {
    lowLatencyMode: false,
    liveDurationInfinity: true,
    maxLiveSyncPlaybackRate: 1,
    backBufferLength: 60,
    maxBufferLength: 20,
    maxMaxBufferLength: 40,
    // Between two epochs there is a hole of the composition offset; merged by hls.js's default of 0.1 s, it keeps the end from being noticed.
    maxBufferHole: 0.01,
    abrEwmaDefaultEstimate: guess,
    testBandwidth: false,
    enableWorker: false,
    // hls.js wants to know before it knows the playlist; an instant can only be found in it.
    streamController: class extends StreamController {
      protected override setStartPosition(details: LevelDetails, sliding: number): void {
        if (this.startPosition < 0) {
          this.startPosition = begin(details) ?? -1;
        }
        super.setStartPosition(details, sliding);
      }
    },
    loader: routedLoader(edges),
    ...withoutSteering,
    cmcd: { sessionId, contentId, useHeaders: false },
    enableInterstitialPlayback: false,
    enableID3MetadataCues: false,
    enableEmsgMetadataCues: false,
    enableDateRangeMetadataCues: false,
    manifestLoadPolicy: { default: { maxTimeToFirstByteMs: 5_000, maxLoadTimeMs: 10_000, timeoutRetry: null, errorRetry: null } },
    playlistLoadPolicy: { default: policy(8_000, 15_000, 4) },
    fragLoadPolicy: { default: policy(8_000, 30_000, 4) },
  };
}

function policy(maxTimeToFirstByteMs: number, maxLoadTimeMs: number, maxNumRetry: number) {
  const retry = { maxNumRetry, retryDelayMs: 300, maxRetryDelayMs: 2_000 };
  return { maxTimeToFirstByteMs, maxLoadTimeMs, timeoutRetry: retry, errorRetry: retry };
}
