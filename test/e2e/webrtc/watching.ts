import type { Page } from 'playwright-core';

/** One frame that the page's `<video>` showed. */
export type ShownFrame = {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly height: number;
};

/** Has every page of this browser context note each frame shown, from its first on. Install it before the page is opened. */
export async function noteFrames(page: Page): Promise<void> {
  await page.addInitScript(() => {
    type Video = { requestVideoFrameCallback(callback: () => void): void; videoHeight: number };
    const host = globalThis as unknown as {
      document: { querySelector(selector: string): Video | null };
      setInterval(callback: () => void, millis: number): void;
      shownFrames: { at: number; height: number }[];
    };
    host.shownFrames = [];
    let watched: Video | null = null;
    host.setInterval(() => {
      const video = host.document.querySelector('video');
      if (video === null || video === watched) {
        return;
      }
      watched = video;
      const shown = (): void => {
        host.shownFrames.push({ at: Date.now(), height: video.videoHeight });
        if (watched === video) {
          video.requestVideoFrameCallback(shown);
        }
      };
      video.requestVideoFrameCallback(shown);
    }, 10);
  });
}

/** The frames shown since an instant. */
export async function framesSince(page: Page, since: number): Promise<readonly ShownFrame[]> {
  const frames = await page.evaluate(() => (globalThis as unknown as { shownFrames: ShownFrame[] }).shownFrames);
  return frames.filter(({ at }) => at >= since);
}

/** The longest time without a new picture between two instants, in milliseconds. */
export function longestFreeze(frames: readonly ShownFrame[], from: number, to: number): number {
  const instants = [from, ...frames.map(({ at }) => at).filter((at) => at > from && at < to), to];
  return Math.max(...instants.map((at, i) => at - (instants[i - 1] ?? at)));
}

/** What the player says of itself: `window.millrace.stats`. */
export type PlayerStats = { readonly engine: string; readonly latency: number | undefined };

/** The player's state; undefined before it is there. */
export function statsOf(page: Page): Promise<PlayerStats | undefined> {
  return page.evaluate(() => (globalThis as unknown as { millrace?: { stats: PlayerStats } }).millrace?.stats);
}

/** Keeps every peer connection that the page makes, so that a test can ask them for their statistics. Install it before the page is opened. */
export async function keepPeers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const host = globalThis as unknown as { RTCPeerConnection: new (...args: unknown[]) => unknown; keptPeers: unknown[] };
    host.keptPeers = [];
    const Original = host.RTCPeerConnection;
    host.RTCPeerConnection = class extends (Original as new (...args: unknown[]) => object) {
      constructor(...args: unknown[]) {
        super(...args);
        host.keptPeers.push(this);
      }
    };
  });
}

/** A row of `RTCPeerConnection.getStats()`. */
export type StatsRow = Readonly<Record<string, number | string | boolean | undefined>> & { readonly type: string };

/** Statistics of the newest peer connection that is not closed. */
export function peerStats(page: Page): Promise<readonly StatsRow[]> {
  return page.evaluate(async () => {
    type Peer = { connectionState: string; getStats(): Promise<Map<string, StatsRow>> };
    const { keptPeers } = globalThis as unknown as { keptPeers: Peer[] };
    const peer = keptPeers.findLast(({ connectionState }) => connectionState !== 'closed');
    return peer === undefined ? [] : [...(await peer.getStats()).values()];
  });
}

/**
 * Root mean square of the sound that came in over WebRTC between two readings, 0 to 1, as the browser itself measures it
 * after decoding (`totalAudioEnergy`, webrtc-stats 8.3).
 */
export async function loudnessOver(page: Page, seconds: number): Promise<number> {
  const read = async (): Promise<{ readonly energy: number; readonly duration: number }> => {
    const row = (await peerStats(page)).find(({ type, kind }) => type === 'inbound-rtp' && kind === 'audio');
    return { energy: Number(row?.['totalAudioEnergy'] ?? 0), duration: Number(row?.['totalSamplesDuration'] ?? 0) };
  };
  const before = await read();
  await page.waitForTimeout(seconds * 1000);
  const after = await read();
  return Math.sqrt((after.energy - before.energy) / Math.max(0.001, after.duration - before.duration));
}
