import type { MediaPlayerSettingClass } from 'dashjs';

/**
 * Where playback begins, seconds behind what the server's clock says is live. The latency controller finds its own place from there;
 * nearer, the first chunk may be shown before the second has come.
 */
export const startBehind = 0.6;

/** Options of {@link dashSettings}. */
export type DashSettingsOptions = {
  /** CMCD session id and content id. */
  readonly sessionId: string;
  readonly contentId: string;
  /** Bits per second believed in before anything was loaded. */
  readonly guess: number;
  /** False where the viewer chose a rendition. */
  readonly auto: boolean;
};

/** What dash.js runs with: a second of latency, chunks as they come, and nothing that reaches for the playback rate or for other servers. */
export function dashSettings({ sessionId, contentId, guess, auto }: DashSettingsOptions): MediaPlayerSettingClass {
  return {
    // LOG_LEVEL_NONE
    debug: { logLevel: 0 },
    streaming: {
      // Rate and live edge are the session's and the latency controller's.
      liveCatchup: { enabled: false },
      applyServiceDescription: false,
      applyContentSteering: false,
      delay: { liveDelay: startBehind },
      buffer: {
        bufferTimeDefault: 10,
        bufferTimeAtTopQuality: 10,
        bufferToKeep: 10,
        // Half a second of buffer is what we aim at: below 0.3 s, its default, nothing is wrong yet.
        stallThreshold: 0.05,
        lowLatencyStallThreshold: 0.05,
      },
      // Who stands before the hole that a publisher has left begins anew (hole.ts). Who waits for the publisher is left alone: a nudge would look like playing.
      gaps: { jumpGaps: true, jumpLargeGaps: true, enableStallFix: false },
      // Looking every 0 ms, its default, costs a core.
      scheduling: { lowLatencyTimeout: 20 },
      manifestUpdateRetryInterval: 50,
      // The server holds a manifest for up to three target durations (6 s), a segment until its first chunk is there.
      manifestRequestTimeout: 10_000,
      fragmentRequestTimeout: 12_000,
      // Never anybody's clock but the server's: the manifest names it.
      utcSynchronization: { useManifestDateHeaderTimeSource: false, defaultTimingSource: { scheme: '', value: '' } },
      lastBitrateCachingInfo: { enabled: false },
      lastMediaSettingsCachingInfo: { enabled: false },
      abr: {
        rules: {
          // Both think in seconds of buffer that a live player never has.
          bolaRule: { active: false },
          insufficientBufferRule: { active: false },
        },
        initialBitrate: { video: Math.round(guess / 1_000) },
        autoSwitchBitrate: { video: auto },
      },
      cmcd: { enabled: true, sid: sessionId, cid: contentId, mode: 'query', version: 1 },
    },
  };
}
