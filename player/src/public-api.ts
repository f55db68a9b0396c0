import type { MetadataListener } from './events/metadata.ts';
import type { Snapshot } from './session/snapshot.ts';
import type { PublishedSession } from './session/visit.ts';

/** `window.millrace` on pages that play: for integrators, tests and measurements. Additions may come; what is here stays. */
export type MillraceApi = {
  readonly version: 1;
  /** The stream's name. */
  readonly stream: string;
  /** The player's state at the instant it is read; a plain object that can be passed out of the page. */
  readonly stats: Snapshot;
  play(): void;
  pause(): void;
  /** Jumps to the live edge and follows it. */
  goLive(): void;
  /** Shows one of `stats.levels` from its next segment on, or lets the network decide. */
  setLevel(level: number | 'auto'): void;
  /**
   * Calls back with each message of the broadcast, `{ id, type, data, time, wallTime }`, when the frame it belongs to is shown; once for each id,
   * and again where the viewer goes back. The `<video>` dispatches the same as `millrace:metadata`, in `detail`. Returns what takes the listener away.
   */
  onMetadata(listener: MetadataListener): () => void;
};

declare global {
  var millrace: MillraceApi | undefined;
}

/** Puts the session on `window.millrace`. */
export function publish(session: PublishedSession, stream: string): void {
  globalThis.millrace = {
    version: 1,
    stream,
    get stats() {
      return session.snapshot();
    },
    play: () => session.play(),
    pause: () => session.pause(),
    goLive: () => session.goLive(),
    setLevel: (level) => session.choose(level),
    onMetadata: (listener) => session.onMetadata(listener),
  };
}

/** Takes it away again. */
export function withdraw(): void {
  globalThis.millrace = undefined;
}
